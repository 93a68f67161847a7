//! What a worker has asked its registers and not heard the end of.

use slab::Slab;

use crate::protocol::{
    claim::{Attempt, ClaimNote, ClaimVerdict, Question, Tally, Vote},
    claim_id::ClaimId,
    resp::Reply,
};

/// Names an operation. A ticket whose operation has ended finds nothing, even when the place is
/// taken again, so an answer that comes late changes nothing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ticket {
    key: usize,
    generation: u32,
}

/// All operations under way, and those that ended and were not told of yet.
#[derive(Debug, Default)]
pub(super) struct Operations {
    all: Slab<(u32, Operation)>,
    generation: u32,
    pub(super) ended: Vec<Ticket>,
}

/// One operation over one group.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) group: usize,
    pub(super) work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Claim(RegisterClaim),
    Release(Release),
    Ask(Box<Asked>),
}

/// A claim on a code.
#[derive(Debug)]
pub(super) struct RegisterClaim {
    pub(super) id: ClaimId,
    pub(super) question: Question,
    pub(super) note: ClaimNote,
    pub(super) tally: Tally,
    pub(super) verdict: Option<ClaimVerdict>,
}

/// A claim that is released.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) id: ClaimId,
    pub(super) attempt: Attempt,
    /// Registers that have not answered, and those that did.
    pub(super) waiting: usize,
    pub(super) answered: usize,
    pub(super) majority: usize,
    pub(super) is_over: bool,
}

/// A command that is neither a claim nor a release.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) answers: Vec<RegisterAnswer>,
    pub(super) waiting: usize,
    pub(super) majority: usize,
    pub(super) enough: Enough,
    pub(super) is_over: bool,
}

/// What a register answered to a command that is neither a claim nor a release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RegisterAnswer {
    /// It was carried out, or there is no value.
    Done,
    /// A value.
    Bytes(Vec<u8>),
}

/// When such a command has heard enough.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Enough {
    /// A majority of answers.
    Majority,
    /// The first value, else a majority of answers.
    Value,
}

impl Ticket {
    /// A place that no other operation under way has.
    pub(crate) fn key(self) -> usize {
        self.key
    }
}

impl Operations {
    pub(super) fn enter(&mut self, operation: Operation) -> Ticket {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        Ticket { key: self.all.insert((generation, operation)), generation }
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Operation> {
        let entry = self.all.get(ticket.key);
        entry.filter(|(generation, _)| *generation == ticket.generation).map(|(_, one)| one)
    }

    fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Operation> {
        let entry = self.all.get_mut(ticket.key);
        entry.filter(|(generation, _)| *generation == ticket.generation).map(|(_, one)| one)
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Operation> {
        self.get(ticket)?;
        self.all.try_remove(ticket.key).map(|(_, operation)| operation)
    }

    /// What is claimed, while that is open.
    pub(super) fn question(&self, ticket: Ticket) -> Option<&Question> {
        match &self.get(ticket)?.work {
            Work::Claim(claim) if claim.verdict.is_none() => Some(&claim.question),
            _ => None,
        }
    }

    /// A register's vote on a claim.
    pub(super) fn vote(&mut self, ticket: Ticket, register: usize, vote: Vote) {
        self.change(ticket, |work| {
            if let Work::Claim(claim) = work
                && claim.verdict.is_none()
            {
                claim.tally.record(register, vote);
                claim.verdict = claim.tally.verdict();
            }
        });
    }

    /// A register will not answer any more.
    pub(super) fn take_no_answer(&mut self, ticket: Ticket, register: usize) {
        self.change(ticket, |work| match work {
            Work::Claim(claim) if claim.verdict.is_none() => {
                claim.tally.record(register, Vote::None);
                claim.verdict = claim.tally.verdict();
            }
            Work::Claim(_) => {}
            Work::Release(release) => {
                release.waiting = release.waiting.saturating_sub(1);
                release.is_over |= release.waiting == 0;
            }
            Work::Ask(asked) => asked.take_no_answer(),
        });
    }

    /// A register has released the claim, or had nothing to release.
    pub(super) fn take_released(&mut self, ticket: Ticket) {
        self.change(ticket, |work| {
            if let Work::Release(release) = work {
                release.waiting = release.waiting.saturating_sub(1);
                release.answered += 1;
                release.is_over |= release.answered >= release.majority || release.waiting == 0;
            }
        });
    }

    /// A register's answer to a command that is neither a claim nor a release.
    pub(super) fn take_answer(&mut self, ticket: Ticket, reply: Reply<'_>) {
        self.change(ticket, |work| {
            if let Work::Ask(asked) = work {
                asked.take_answer(reply);
            }
        });
    }

    /// There is no time left.
    pub(super) fn time_out(&mut self, ticket: Ticket) {
        self.change(ticket, |work| match work {
            Work::Claim(claim) if claim.verdict.is_none() => {
                claim.verdict = Some(claim.tally.verdict_without_waiting());
            }
            Work::Claim(_) => {}
            Work::Release(release) => release.is_over = true,
            Work::Ask(asked) => asked.is_over = true,
        });
    }

    /// Changes an operation, and notes it once if that is its end.
    fn change(&mut self, ticket: Ticket, change: impl FnOnce(&mut Work)) {
        let Some(operation) = self.get_mut(ticket) else { return };
        let was_over = operation.is_over();
        change(&mut operation.work);
        if !was_over && operation.is_over() {
            self.ended.push(ticket);
        }
    }
}

impl Operation {
    pub(super) fn is_over(&self) -> bool {
        match &self.work {
            Work::Claim(claim) => claim.verdict.is_some(),
            Work::Release(release) => release.is_over,
            Work::Ask(asked) => asked.is_over,
        }
    }
}

impl Asked {
    fn take_no_answer(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
        self.is_over |= self.waiting == 0;
    }

    fn take_answer(&mut self, reply: Reply<'_>) {
        let answer = match reply {
            Reply::Status | Reply::Nil | Reply::Number(_) => Some(RegisterAnswer::Done),
            Reply::Bytes(bytes) => Some(RegisterAnswer::Bytes(bytes.to_vec())),
            Reply::Error(_) | Reply::Pair(..) => None,
        };
        self.answers.extend(answer);
        self.is_over |= self.has_enough();
        self.take_no_answer();
    }

    pub(super) fn has_enough(&self) -> bool {
        let is_value = |answer: &RegisterAnswer| matches!(answer, RegisterAnswer::Bytes(_));
        self.answers.len() >= self.majority
            || self.enough == Enough::Value && self.answers.iter().any(is_value)
    }
}
