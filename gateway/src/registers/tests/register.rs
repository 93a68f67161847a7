//! A register of the simulation: what Redis does with the commands that are sent, and what may
//! happen to it.

use std::collections::HashMap;

use keyring::time::UnixMillis;

use crate::limits::CLAIM_LIFE_MS;
use crate::registers::{
    claim::{Attempt, Found},
    layout::{Held, Layout},
    rules::{Rule, Rules},
};

/// A command under way to a register.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Set { claim: usize, code: usize, attempt: Attempt },
    Layout,
    Time { asked_at: UnixMillis },
    Adopt { layout: Layout, now: UnixMillis },
    Delete { code: usize, attempt: Attempt },
}

/// What it answers.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Set { claim: usize, found: Found },
    Layout(Option<Vec<u8>>),
    Time { asked_at: UnixMillis, time: UnixMillis },
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
}

impl Register {
    pub(super) fn new(ahead_ms: i64, evicts: bool) -> Self {
        Self { ahead_ms, evicts, is_paused: false, keys: HashMap::new(), layout: None }
    }

    /// FLUSHALL, a restart with nothing in memory, a full resync: all the same to a claim.
    pub(super) fn forget(&mut self) {
        self.keys.clear();
        self.layout = None;
    }

    /// An eviction: a key goes, the layout, which is always in use, stays.
    pub(super) fn evict(&mut self, code: usize) {
        self.keys.remove(&code);
    }

    pub(super) fn obey(&mut self, rules: Rules, now: UnixMillis, command: Command) -> Answer {
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
            Command::Adopt { layout, now } => {
                self.adopt(rules, &layout, time.max(now));
                Answer::Nothing
            }
            Command::Delete { code, attempt } => {
                let is_own = self.keys.get(&code).is_some_and(|(held, _)| *held == attempt);
                if is_own || !rules.hold(Rule::Compare) {
                    self.keys.remove(&code);
                }
                Answer::Nothing
            }
        }
    }

    /// What the script `ADOPT` does.
    fn adopt(&mut self, rules: Rules, layout: &Layout, born: UnixMillis) {
        let may_replace = match layout.read(self.layout.as_deref()) {
            Held::Nothing => true,
            Held::Lower => layout.has_old,
            Held::Mine { .. } | Held::Foreign => false,
        };
        if may_replace {
            let born = if rules.hold(Rule::Rebirth) { born.get() } else { 1 };
            let text = format!("{} {} {born}", layout.fingerprint, layout.epoch);
            self.layout = Some(text.into_bytes());
        }
    }
}
