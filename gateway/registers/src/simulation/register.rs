//! A register of the simulation: what Redis does with the commands that are sent, and what may
//! happen to it.

use std::collections::HashMap;

use keyring::time::UnixMillis;

use crate::limits::CLAIM_LIFE_MS;
use crate::{
    claim::{Attempt, Found},
    conditions::{Condition, Conditions},
    eligibility::RunId,
    layout::{Held, Layout, Witness},
};

/// How many of its states a register's files hold.
const STATES_MAX: usize = 300;

/// A command under way to a register.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Set { claim: usize, code: usize, attempt: Attempt },
    Layout,
    Time { asked_at: UnixMillis },
    Info,
    Adopt { layout: Layout, now: UnixMillis, process: RunId, beats: u64 },
    Delete { code: usize, attempt: Attempt },
}

/// What it answers.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Set { claim: usize, found: Found },
    Layout(Option<Vec<u8>>),
    Time { asked_at: UnixMillis, time: UnixMillis },
    Info { process: RunId },
    Nothing,
}

pub(super) struct Register {
    /// How far its clock is ahead of true time.
    pub(super) ahead_ms: i64,
    /// It evicts keys, and INFO says so.
    pub(super) evicts: bool,
    pub(super) is_paused: bool,
    pub(super) keys: HashMap<usize, (Attempt, UnixMillis)>,
    layout: Option<Vec<u8>>,
    process: RunId,
    /// Each state that its memory was in: what dumps, logs, copies and snapshots may hold.
    states: Vec<State>,
}

type State = (HashMap<usize, (Attempt, UnixMillis)>, Option<Vec<u8>>);

impl Register {
    pub(super) fn new(ahead_ms: i64, evicts: bool, process: u64) -> Self {
        Self {
            ahead_ms,
            evicts,
            is_paused: false,
            keys: HashMap::new(),
            layout: None,
            process: RunId::of_test(process),
            states: Vec::new(),
        }
    }

    /// FLUSHALL, a restart with nothing in memory, a full resync: all the same to a claim.
    pub(super) fn forget(&mut self) {
        self.keys.clear();
        self.layout = None;
    }

    /// How many states there are to come back with.
    pub(super) fn states(&self) -> usize {
        self.states.len()
    }

    /// The server starts again, and reads what its memory once was.
    pub(super) fn come_back(&mut self, state: usize, process: u64) {
        self.set_back(state);
        self.process = RunId::of_test(process);
        self.is_paused = false;
    }

    /// The same within the process that runs.
    pub(super) fn set_back(&mut self, state: usize) {
        (self.keys, self.layout) = self.states[state].clone();
    }

    /// An eviction: a key goes, the layout, which is always in use, stays.
    pub(super) fn evict(&mut self, code: usize) {
        self.keys.remove(&code);
    }

    pub(super) fn obey(
        &mut self,
        conditions: Conditions,
        now: UnixMillis,
        command: Command,
    ) -> Answer {
        let is_change = !matches!(command, Command::Layout | Command::Time { .. } | Command::Info);
        let answer = self.answer(conditions, now, command);
        if is_change {
            if self.states.len() == STATES_MAX {
                self.states.remove(0);
            }
            self.states.push((self.keys.clone(), self.layout.clone()));
        }
        answer
    }

    fn answer(&mut self, conditions: Conditions, now: UnixMillis, command: Command) -> Answer {
        let time = now.plus_ms(self.ahead_ms);
        self.keys.retain(|_, (_, until)| *until > time);
        match command {
            Command::Set { claim, code, attempt } => {
                let until = time.plus_ms(CLAIM_LIFE_MS);
                let found = match self.keys.get(&code) {
                    Some((held, _)) => Found::Attempt(*held),
                    None => Found::Free,
                };
                self.keys.entry(code).or_insert((attempt, until));
                Answer::Set { claim, found }
            }
            Command::Layout => Answer::Layout(self.layout.clone()),
            Command::Time { asked_at } => Answer::Time { asked_at, time },
            Command::Info => Answer::Info { process: self.process },
            Command::Adopt { layout, now, process, beats } => {
                self.adopt(conditions, &layout, time.max(now), process, beats);
                Answer::Nothing
            }
            Command::Delete { code, attempt } => {
                let is_own = self.keys.get(&code).is_some_and(|(held, _)| *held == attempt);
                if is_own || !conditions.hold(Condition::Compare) {
                    self.keys.remove(&code);
                }
                Answer::Nothing
            }
        }
    }

    /// What the script `ADOPT` does.
    fn adopt(
        &mut self,
        conditions: Conditions,
        layout: &Layout,
        born: UnixMillis,
        process: RunId,
        seen: u64,
    ) {
        let mut witness = Witness::default();
        witness.set_process(process);
        let held = layout.read(conditions, self.layout.as_deref(), &mut witness);
        let beats = u64::try_from(born.get() * 1_000).unwrap().max(seen + 1);
        let (born, beats) = match held {
            Held::Mine { born } if witness.beats() >= seen => (born, witness.beats() + 1),
            Held::Mine { born: before } => (born.max(before), beats.max(witness.beats() + 1)),
            Held::Nothing | Held::Inherited => (born, beats),
            Held::Lower if layout.has_old => (born, beats),
            Held::Lower | Held::Foreign => return,
        };
        let born = if conditions.hold(Condition::Rebirth) { born.get() } else { 1 };
        let Layout { fingerprint, epoch, .. } = layout;
        self.layout =
            Some(format!("{fingerprint} {epoch} {born} {process:?} {beats}").into_bytes());
    }
}
