//! A gateway of the simulation. Its protocol is the product's machine; what stands here is the
//! driver: lines in place of sockets, and steps in place of tasks.

use std::collections::{BTreeMap, HashSet, VecDeque};

use keyring::time::UnixMillis;

use super::{
    code::Code,
    register::{self, Command},
};
use crate::{
    machine::{Claimed, Machine, Moment, Ticket},
    protocol::{
        claim::{ClaimNote, ClaimVerdict},
        conditions::{Condition, Conditions},
    },
    settings::{RegisterAddress, Settings},
};

/// A connection to one register.
#[derive(Default)]
pub(super) struct Line {
    /// Its index in the machine; none to a register that is in no group of this gateway.
    pub(super) index: Option<usize>,
    pub(super) is_cut: bool,
    /// Commands under way, with their place in the order of answers.
    pub(super) to: VecDeque<(u64, Command)>,
    /// Answers under way, by that place.
    pub(super) back: BTreeMap<u64, Vec<u8>>,
    next_command: u64,
    next_answer: u64,
}

pub(super) struct Claim {
    pub(super) code: usize,
    end_of_life: UnixMillis,
    ticket: Ticket,
    claimed: Option<Claimed>,
    pub(super) step: Step,
}

/// How far a claim is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Asked,
    /// The last check is passed; between it and the forwarding anything may happen.
    Cleared,
    Over,
}

pub(super) struct Gateway {
    pub(super) ahead_ms: i64,
    /// Its settings name the groups of an epoch before.
    pub(super) is_new: bool,
    pub(super) machine: Machine,
    /// By the number of the register.
    pub(super) lines: Vec<Line>,
    pub(super) claims: Vec<Claim>,
    spent_here: HashSet<usize>,
    releases: Vec<Ticket>,
}

/// Which registers a gateway's settings name.
pub(super) struct Groups {
    pub(super) epoch: u32,
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) old_groups: Vec<Vec<usize>>,
}

impl Groups {
    fn settings(&self) -> Settings {
        let addresses = |groups: &[Vec<usize>]| {
            groups.iter().map(|group| group.iter().map(|one| address(*one)).collect()).collect()
        };
        Settings {
            timeout_ms: super::world::TIMEOUT_MS,
            epoch: self.epoch,
            groups: addresses(&self.groups),
            old_groups: addresses(&self.old_groups),
        }
    }
}

fn address(register: usize) -> RegisterAddress {
    RegisterAddress { host: format!("r{register}"), port: 1, database: 0, credentials: None }
}

impl Gateway {
    /// Connected to `registers` of them. `first_attempt` is no other gateway's.
    pub(super) fn new(
        conditions: Conditions,
        groups: &Groups,
        (id, ahead_ms): (usize, i64),
        registers: usize,
        first_attempt: u128,
    ) -> Self {
        let settings = groups.settings();
        let mut machine = Machine::new(&settings, first_attempt);
        if !conditions.hold(Condition::SameGroup) {
            // It names the groups in another order, and says that it does not.
            let mut other = settings;
            other.groups.rotate_left(id % groups.groups.len());
            let layout = machine.layout;
            machine = Machine::new(&other, first_attempt);
            machine.layout = layout;
        }
        machine.conditions = conditions;
        let places: Vec<String> = machine.addresses().map(ToString::to_string).collect();
        let line = |register: usize| {
            let name = address(register).to_string();
            Line { index: places.iter().position(|place| *place == name), ..Line::default() }
        };
        let lines: Vec<Line> = (0..registers).map(line).collect();
        for index in 0..places.len() {
            machine.connected(index);
        }
        Self {
            ahead_ms,
            is_new: !groups.old_groups.is_empty(),
            machine,
            lines,
            claims: Vec::new(),
            spent_here: HashSet::new(),
            releases: Vec::new(),
        }
    }

    fn now(&self, now: UnixMillis) -> UnixMillis {
        now.plus_ms(self.ahead_ms)
    }

    fn moment(&self, now: UnixMillis) -> Moment {
        let ns = u64::try_from(now.get()).unwrap() * 1_000_000;
        Moment { at: self.now(now), ns }
    }

    /// A request with this code arrives. The local table comes first.
    pub(super) fn request(&mut self, now: UnixMillis, code: &Code) {
        let (true_now, now) = (now, self.now(now));
        if !code.is_fresh(now, true_now) || !self.spent_here.insert(code.number) {
            return;
        }
        let (end_of_life, conditions) = (code.end_of_life(now), self.machine.conditions);
        let ticket = self.machine.claim(
            code.claim_id(conditions, now),
            end_of_life,
            now,
            ClaimNote::default(),
        );
        let (code, step) = (code.number, Step::Asked);
        self.claims.push(Claim { code, end_of_life, ticket, claimed: None, step });
    }

    /// A turn of one connection: what was gathered is written.
    pub(super) fn flush(&mut self, now: UnixMillis, register: usize) {
        let moment = self.moment(now);
        let is_in_order = self.machine.conditions.hold(Condition::Order);
        let line = &mut self.lines[register];
        let Some(index) = line.index else { return };
        if line.is_cut || self.machine.gathers(index) {
            return;
        }
        if self.machine.has_open_batch(index) {
            self.machine.end_batch(index, moment);
        }
        let bytes = self.machine.unwritten(index);
        let (mut rest, length) = (bytes, bytes.len());
        let mut commands = Vec::new();
        while let Some((command, after)) = register::split(rest) {
            commands.push((line.next_command, command.to_vec()));
            line.next_command += 1;
            rest = after;
        }
        self.machine.wrote(index, length);
        if !is_in_order {
            // Layout and time are read before the claims of their batch are written.
            commands.sort_by_key(|(_, command)| command.starts_with(b"*7\r\n"));
        }
        self.lines[register].to.extend(commands);
    }

    /// An answer arrives.
    pub(super) fn hear(&mut self, now: UnixMillis, register: usize) {
        let moment = self.moment(now);
        let line = &mut self.lines[register];
        if let Some(answer) = line.back.remove(&line.next_answer)
            && let Some(index) = line.index
        {
            line.next_answer += 1;
            let understood = self.machine.received(index, &answer, moment);
            assert_eq!(understood, Ok(answer.len()));
        }
    }

    /// What the worker does a few times a second. Returns registers whose connections it gives up.
    pub(super) fn tick(&mut self, now: UnixMillis) -> Vec<usize> {
        let now_ms = u64::try_from(now.get()).unwrap();
        self.machine.tick(now_ms, self.now(now));
        let is_given_up = |line: &Line| {
            line.index.is_some_and(|index| !line.is_cut && self.machine.is_given_up(index))
        };
        (0..self.lines.len()).filter(|one| is_given_up(&self.lines[*one])).collect()
    }

    /// Time is up for claims that have not heard enough.
    pub(super) fn end_overdue(&mut self, now: UnixMillis) {
        let now = self.now(now);
        self.machine.end_overdue(now);
        let machine = &mut self.machine;
        self.releases.retain(|release| !(machine.is_over(*release) && machine.forget(*release)));
    }

    /// Have registers decided, or is time up?
    pub(super) fn is_decided(&self, claim: &Claim) -> bool {
        claim.step == Step::Asked && self.machine.is_over(claim.ticket)
    }

    /// What follows from a verdict. Returns whether the code is over by our own clock although the
    /// last check let it pass: then it would be forwarded too late.
    pub(super) fn conclude(&mut self, now: UnixMillis, claim: usize) -> bool {
        if !self.is_decided(&self.claims[claim]) {
            return false;
        }
        let now = self.now(now);
        let Claim { code, end_of_life, ticket, claimed, step } = &mut self.claims[claim];
        match self.machine.conclude(*ticket, now) {
            Ok(won) => {
                (*claimed, *step) = (Some(won), Step::Cleared);
                now >= *end_of_life
            }
            Err(verdict) => {
                *step = Step::Over;
                if matches!(verdict, ClaimVerdict::Warming | ClaimVerdict::Unavailable) {
                    self.spent_here.remove(code);
                }
                false
            }
        }
    }

    /// Not one byte could be sent: the code is released.
    pub(super) fn cannot_forward(&mut self, now: UnixMillis, claim: usize) {
        let now = self.now(now);
        let claim = &mut self.claims[claim];
        claim.step = Step::Over;
        self.spent_here.remove(&claim.code);
        if let Some(claimed) = claim.claimed.take() {
            self.releases.push(self.machine.release(claimed, now));
        }
    }

    /// A connection breaks, and is made again where it can be. What was on its way may still
    /// arrive, its answers never.
    pub(super) fn break_line(&mut self, register: usize) -> Vec<Command> {
        let line = &mut self.lines[register];
        line.back.clear();
        line.next_answer = line.next_command;
        let lost = line.to.drain(..).map(|(_, command)| command).collect();
        if let Some(index) = line.index {
            self.machine.lost(index);
            if line.is_cut {
                // It is tried once more, and cannot be had.
                self.machine.lost(index);
            } else {
                self.machine.connected(index);
            }
        }
        lost
    }

    /// The connection can be had again.
    pub(super) fn mend_line(&mut self, register: usize) {
        if let Some(index) = self.lines[register].index {
            self.machine.connected(index);
        }
    }
}
