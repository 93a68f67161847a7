//! What a worker has asked its registers and not heard the end of.

use std::task::Waker;

use keyring::{code::CodeIdentity, time::UnixMillis};
use slab::Slab;

use super::{
    claim::{Attempt, Note, Question, Tally, Verdict, Vote},
    raw::Asked,
};

/// Names an operation. One that has ended is found no more, also when its place is taken again: an
/// answer that comes late meets nobody.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Ticket {
    key: usize,
    generation: u32,
}

/// All operations under way.
#[derive(Debug, Default)]
pub(super) struct Ops {
    all: Slab<(u32, Op)>,
    generation: u32,
}

/// One operation over one group.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) group: usize,
    pub(super) work: Work,
    /// Whom to wake when it ends.
    pub(super) waker: Option<Waker>,
}

#[derive(Debug)]
pub(super) enum Work {
    Claim(Claim),
    GiveBack(GiveBack),
    Ask(Box<Asked>),
}

#[derive(Debug)]
pub(super) struct Claim {
    pub(super) identity: CodeIdentity,
    pub(super) question: Question,
    pub(super) note: Note,
    pub(super) tally: Tally,
    pub(super) verdict: Option<Verdict>,
}

#[derive(Debug)]
pub(super) struct GiveBack {
    pub(super) identity: CodeIdentity,
    pub(super) attempt: Attempt,
    /// Registers that have not answered, and those that did.
    pub(super) waiting: usize,
    pub(super) answered: usize,
    pub(super) is_over: bool,
}

impl Ops {
    pub(super) fn enter(&mut self, op: Op) -> Ticket {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        Ticket { key: self.all.insert((generation, op)), generation }
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Op> {
        let entry = self.all.get(ticket.key);
        entry.filter(|(generation, _)| *generation == ticket.generation).map(|(_, op)| op)
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Op> {
        let entry = self.all.get_mut(ticket.key);
        entry.filter(|(generation, _)| *generation == ticket.generation).map(|(_, op)| op)
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Op> {
        self.get(ticket)?;
        self.all.try_remove(ticket.key).map(|(_, op)| op)
    }
}

impl Op {
    pub(super) fn is_over(&self) -> bool {
        match &self.work {
            Work::Claim(claim) => claim.verdict.is_some(),
            Work::GiveBack(give_back) => give_back.is_over,
            Work::Ask(asked) => asked.is_over,
        }
    }

    /// What is claimed, while that is open.
    pub(super) fn question(&self) -> Option<&Question> {
        match &self.work {
            Work::Claim(claim) if claim.verdict.is_none() => Some(&claim.question),
            _ => None,
        }
    }

    /// A register's answer to somebody's own command.
    pub(super) fn answered(&mut self, reply: super::resp::Reply<'_>) {
        if let Work::Ask(asked) = &mut self.work {
            asked.answered(reply);
            self.wake_if_over();
        }
    }

    /// A register's vote on a claim.
    pub(super) fn vote(&mut self, register: usize, vote: Vote) {
        if let Work::Claim(claim) = &mut self.work
            && claim.verdict.is_none()
        {
            claim.tally.record(register, vote);
            claim.verdict = claim.tally.verdict();
            self.wake_if_over();
        }
    }

    /// A register will not answer any more.
    pub(super) fn no_answer(&mut self, register: usize) {
        match &mut self.work {
            Work::Claim(_) => self.vote(register, Vote::None),
            Work::GiveBack(give_back) => {
                give_back.waiting = give_back.waiting.saturating_sub(1);
                give_back.is_over |= give_back.waiting == 0;
                self.wake_if_over();
            }
            Work::Ask(asked) => {
                asked.no_answer();
                self.wake_if_over();
            }
        }
    }

    /// A register has given the claim back, or had nothing to give.
    pub(super) fn given_back(&mut self, majority: usize) {
        if let Work::GiveBack(give_back) = &mut self.work {
            give_back.waiting = give_back.waiting.saturating_sub(1);
            give_back.answered += 1;
            give_back.is_over |= give_back.answered >= majority || give_back.waiting == 0;
            self.wake_if_over();
        }
    }

    /// There is no time left.
    pub(super) fn times_out(&mut self) {
        match &mut self.work {
            Work::Claim(claim) if claim.verdict.is_none() => {
                claim.verdict = Some(claim.tally.verdict_without_waiting());
            }
            Work::Claim(_) => return,
            Work::GiveBack(give_back) => give_back.is_over = true,
            Work::Ask(asked) => asked.is_over = true,
        }
        self.wake_if_over();
    }

    pub(super) fn wake_if_over(&mut self) {
        if self.is_over()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

/// When operations run out of time. All have the same time, so they run out in order.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    pub(super) queue: std::collections::VecDeque<(UnixMillis, Ticket)>,
    pub(super) keeper: Option<Waker>,
}
