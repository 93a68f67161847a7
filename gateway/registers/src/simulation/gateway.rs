//! A gateway of the simulation: the driver's part of the protocol, over connections that break.
//! What judges, counts and decides is the product's own code.

use std::collections::{HashSet, VecDeque};

use keyring::time::UnixMillis;

use super::register::{Answer, Command};
use crate::{
    claim::{self, Attempt, Found, Question, Reading, Tally, Verdict, Vote},
    conditions::{Condition, Conditions},
    layout::{self, Adopted, Held, Layout, Opening, Witness},
};

/// How old a reading may be to show that an old group has changed over.
const READING_MS_MAX: i64 = 5_000;

/// How often a connection asks a register who it is, in writes.
const WRITES_PER_PROBE: u32 = 4;

/// A connection to one register.
pub(super) struct Line {
    pub(super) is_cut: bool,
    pub(super) to: VecDeque<Command>,
    pub(super) back: VecDeque<Answer>,
    /// Claims gathered for the next write.
    open: Vec<Command>,
    batch: Vec<(usize, Found)>,
    held: Option<Held>,
    reading: Option<Reading>,
    witness: Witness,
    writes: u32,
}

impl Default for Line {
    /// A new connection: INFO goes first.
    fn default() -> Self {
        Self {
            is_cut: false,
            to: VecDeque::from([Command::Info]),
            back: VecDeque::new(),
            open: Vec::new(),
            batch: Vec::new(),
            held: None,
            reading: None,
            witness: Witness::default(),
            writes: 0,
        }
    }
}

pub(super) struct Claim {
    pub(super) code: usize,
    group: usize,
    question: Question,
    tally: Tally,
    pub(super) step: Step,
}

/// How far a claim is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Asked,
    Decided(Verdict),
    /// The last check is passed; between it and the forwarding anything may happen.
    Cleared,
    Over,
}

pub(super) struct Gateway {
    pub(super) id: usize,
    pub(super) conditions: Conditions,
    pub(super) ahead_ms: i64,
    pub(super) layout: Layout,
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) old_groups: Vec<Vec<usize>>,
    /// By the number of the register.
    pub(super) lines: Vec<Line>,
    pub(super) claims: Vec<Claim>,
    pub(super) spent_here: HashSet<usize>,
    /// Registers whose INFO says that they may forget.
    pub(super) evicting: Vec<bool>,
}

impl Gateway {
    fn now(&self, now: UnixMillis) -> UnixMillis {
        now.plus_ms(self.ahead_ms)
    }

    /// A request with this code arrives. The local table comes first.
    pub(super) fn request(&mut self, now: UnixMillis, code: &super::world::Code, attempt: u64) {
        let now = self.now(now);
        let is_fresh = code.from() <= now && now < code.end_of_life();
        if !is_fresh || !self.spent_here.insert(code.number) {
            return;
        }
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&attempt.to_be_bytes());
        let question = Question {
            attempt: Attempt(bytes),
            issued_at: code.issued_at(),
            end_of_life: code.end_of_life(),
            deadline: now.plus_ms(super::world::TIMEOUT_MS),
        };
        let own = if self.conditions.hold(Condition::SameGroup) { 0 } else { self.id };
        let group = (self.layout.group_of(&code.identity()) + own) % self.groups.len();
        let tally = Tally::new(self.groups[group].len());
        let claim = self.claims.len();
        self.claims.push(Claim { code: code.number, group, question, tally, step: Step::Asked });
        self.ask(claim);
    }

    /// Sends a claim, or sends it again, to every register of its group that can be reached.
    pub(super) fn ask(&mut self, claim: usize) {
        let Claim { code, group, question, step, .. } = &self.claims[claim];
        if *step != Step::Asked {
            return;
        }
        for register in &self.groups[*group] {
            let line = &mut self.lines[*register];
            if !line.is_cut {
                let attempt = question.attempt;
                line.open.push(Command::Set { claim, code: *code, attempt });
            }
        }
    }

    /// Ends the turn: what was gathered goes out, in condition 1's order.
    pub(super) fn flush(&mut self, now: UnixMillis, register: usize) {
        let asked_at = self.now(now);
        let line = &mut self.lines[register];
        if line.is_cut {
            line.open.clear();
            return;
        }
        line.writes += 1;
        if line.writes.is_multiple_of(WRITES_PER_PROBE) {
            line.to.push_back(Command::Info);
        }
        let mut end = vec![Command::Layout, Command::Time { asked_at }];
        if self.conditions.hold(Condition::Order) {
            line.to.extend(line.open.drain(..));
            line.to.extend(end);
        } else {
            end.append(&mut line.open);
            line.to.extend(end);
        }
    }

    /// An answer arrives.
    pub(super) fn hear(&mut self, now: UnixMillis, register: usize) {
        let now = self.now(now);
        let line = &mut self.lines[register];
        match line.back.pop_front() {
            None | Some(Answer::Nothing) => {}
            Some(Answer::Set { claim, found }) => {
                line.batch.push((claim, found));
                if !self.conditions.hold(Condition::Order)
                    && let Some(reading) = line.reading
                {
                    self.judge(register, &reading, now);
                }
            }
            Some(Answer::Layout(held)) => {
                let held = self.layout.read(self.conditions, held.as_deref(), &mut line.witness);
                line.held = Some(held);
                if self.layout.wants_to_adopt(held) {
                    self.adopt(now, register);
                }
            }
            Some(Answer::Info { process }) => {
                line.witness.set_process(process);
                if line.reading.is_some_and(|one| matches!(one.held, Held::Mine { .. })) {
                    self.adopt(now, register);
                }
            }
            Some(Answer::Time { asked_at, time }) => {
                let held = line.held.unwrap_or(Held::Nothing);
                let reading = Reading { held, time, asked_at, read_at: now };
                line.reading = Some(reading);
                self.judge(register, &reading, now);
            }
        }
    }

    /// Begins a register's memory, or adds a beat to it.
    fn adopt(&mut self, now: UnixMillis, register: usize) {
        let line = &mut self.lines[register];
        let (process, beats) = (line.witness.process(), line.witness.beats());
        let layout = self.layout.clone();
        line.to.push_back(Command::Adopt { layout, now, process, beats });
    }

    fn judge(&mut self, register: usize, reading: &Reading, now: UnixMillis) {
        let opening = self.opening(now);
        let may_vote = !self.conditions.hold(Condition::Standing) || !self.evicting[register];
        for (claim, found) in std::mem::take(&mut self.lines[register].batch) {
            let claim = &mut self.claims[claim];
            let place = self.groups[claim.group].iter().position(|one| *one == register);
            let (Some(place), Step::Asked) = (place, claim.step) else { continue };
            let vote = if may_vote {
                claim::judge(
                    self.conditions,
                    &self.layout,
                    opening,
                    &claim.question,
                    found,
                    reading,
                )
            } else {
                Vote::None
            };
            claim.tally.record(place, vote);
            if let Some(verdict) = claim.tally.verdict() {
                claim.step = Step::Decided(verdict);
            }
        }
    }

    fn opening(&self, now: UnixMillis) -> Option<Opening> {
        let adopted = |register: &usize| {
            let reading = self.lines[*register].reading?;
            match reading.held {
                Held::Mine { born } if now.ms_since(reading.read_at) <= READING_MS_MAX => {
                    Some(Adopted { born, time: reading.time })
                }
                _ => None,
            }
        };
        let groups: Vec<Vec<Option<Adopted>>> =
            self.old_groups.iter().map(|group| group.iter().map(adopted).collect()).collect();
        layout::opening(groups.iter().map(Vec::as_slice))
    }

    /// Time is up for whoever has not heard enough.
    pub(super) fn look_at_deadlines(&mut self, now: UnixMillis) {
        let now = self.now(now);
        if !self.conditions.hold(Condition::Deadline) {
            return;
        }
        for claim in &mut self.claims {
            if claim.step == Step::Asked && now >= claim.question.deadline {
                claim.step = Step::Decided(claim.tally.verdict_without_waiting());
            }
        }
    }

    /// What follows from a verdict. Returns whether the code is over by our own clock although the
    /// last check let it pass: then it would be forwarded too late.
    pub(super) fn conclude(&mut self, now: UnixMillis, claim: usize) -> bool {
        let now = self.now(now);
        let Claim { code, question, tally, step, .. } = &mut self.claims[claim];
        let Step::Decided(verdict) = *step else { return false };
        if verdict == Verdict::Won && tally.may_forward(self.conditions, question, now) {
            *step = Step::Cleared;
            return now >= question.end_of_life;
        }
        *step = Step::Over;
        let code = *code;
        if matches!(verdict, Verdict::Warming | Verdict::Unavailable) {
            self.spent_here.remove(&code);
        }
        self.give_back(claim);
        false
    }

    /// Not one byte could be sent: the code is given back.
    pub(super) fn cannot_forward(&mut self, claim: usize) {
        self.claims[claim].step = Step::Over;
        self.spent_here.remove(&self.claims[claim].code);
        self.give_back(claim);
    }

    fn give_back(&mut self, claim: usize) {
        let Claim { code, group, question, .. } = &self.claims[claim];
        for register in &self.groups[*group] {
            let line = &mut self.lines[*register];
            if !line.is_cut {
                let attempt = question.attempt;
                // Claims that were gathered before it go out before it.
                let gathered = std::mem::take(&mut line.open);
                line.to.extend(gathered);
                line.to.push_back(Command::Delete { code: *code, attempt });
            }
        }
    }

    /// A connection breaks. What was on its way may still arrive, its answers never. A claim that
    /// was on it is in doubt: it may be sent again, and must not be taken for a vote.
    pub(super) fn break_line(&mut self, register: usize) -> VecDeque<Command> {
        let line = &mut self.lines[register];
        line.back.clear();
        line.batch.clear();
        line.reading = None;
        line.witness.connection_lost();
        let lost = std::mem::replace(&mut line.to, VecDeque::from([Command::Info]));
        if !self.conditions.hold(Condition::NoGuess) {
            for command in &lost {
                self.guess(register, command);
            }
        }
        lost
    }

    fn guess(&mut self, register: usize, command: &Command) {
        let Command::Set { claim, .. } = command else { return };
        let claim = &mut self.claims[*claim];
        let place = self.groups[claim.group].iter().position(|one| *one == register);
        if let (Some(place), Step::Asked) = (place, claim.step) {
            claim.tally.record(place, Vote::Yes { ahead_ms: 0 });
            if let Some(verdict) = claim.tally.verdict() {
                claim.step = Step::Decided(verdict);
            }
        }
    }
}
