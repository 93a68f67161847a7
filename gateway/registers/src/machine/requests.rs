//! What requests want of a group: to claim a code, to release it, to read and write values.

use keyring::time::UnixMillis;

use super::{
    connection::Owed,
    effects::Notice,
    operations::{Asked, Enough, Operation, RegisterAnswer, RegisterClaim, Release, Ticket, Work},
    state::{Machine, at, at_mut},
};
use crate::{
    limits,
    protocol::{
        claim::{Attempt, ClaimNote, ClaimVerdict, Question, Tally},
        claim_id::ClaimId,
        resp,
    },
};

/// A code or a pass that is spent for all nodes, for this attempt. Dropping it leaves the code spent.
#[must_use = "the code is spent on all nodes; forward its transaction or release it"]
#[derive(Debug)]
pub struct Claimed {
    id: ClaimId,
    attempt: Attempt,
    group: usize,
}

/// Less than a majority of the group answered in time.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct NoMajority;

impl Machine {
    /// Claims a code for all nodes (condition 1). `now` is the time by which it was found fresh:
    /// the claim's time is counted from there (condition 6).
    pub(crate) fn claim(
        &mut self,
        id: ClaimId,
        end_of_life: UnixMillis,
        now: UnixMillis,
        note: ClaimNote,
    ) -> Ticket {
        let attempt = Attempt(self.next_attempt.to_ne_bytes());
        self.next_attempt = self.next_attempt.wrapping_add(1);
        let deadline = now.plus_ms(self.timeout_ms);
        let issued = id.issued(now);
        let question = Question { attempt, issued, end_of_life, deadline };
        let group = self.layout.group_of(id);
        let tally = Tally::new(self.group(group).len());
        let claim = RegisterClaim { id, question, note, tally, verdict: None };
        self.begin_and_send(Operation { group, work: Work::Claim(claim) }, deadline)
    }

    /// Has the operation ended? An end is not taken back.
    pub(crate) fn is_over(&self, ticket: Ticket) -> bool {
        self.operations.get(ticket).is_none_or(Operation::is_over)
    }

    /// Ends a claim that is over. `now` is the moment before forwarding (condition 6).
    ///
    /// # Errors
    /// Why the code must not be forwarded. [`ClaimVerdict::Won`] is never one of the reasons.
    pub(crate) fn conclude(
        &mut self,
        ticket: Ticket,
        now: UnixMillis,
    ) -> Result<Claimed, ClaimVerdict> {
        let operation = self.operations.remove(ticket).expect("a claim ends only here");
        let Operation { group, work: Work::Claim(claim) } = operation else {
            unreachable!("it began as a claim")
        };
        let RegisterClaim { id, question, tally, verdict, .. } = claim;
        let verdict = match verdict.expect("it is over") {
            ClaimVerdict::Won if tally.may_forward(self.conditions, &question, now) => {
                return Ok(Claimed { id, attempt: question.attempt, group });
            }
            ClaimVerdict::Won if now >= question.end_of_life => ClaimVerdict::Over,
            ClaimVerdict::Won => ClaimVerdict::Unavailable,
            denied => denied,
        };
        self.take_back(group, id, question.attempt, &tally);
        if verdict == ClaimVerdict::Unavailable {
            self.notices.push(Notice::QuorumFailed { group });
        }
        Err(verdict)
    }

    /// Takes back the votes of an attempt that was denied, so that the code works again when the
    /// registers do. It is sent behind the claim on the same connection, and no operation waits:
    /// this attempt is never forwarded, so whatever comes of it spends nothing. Where the
    /// connection breaks in between, the code may stay refused.
    fn take_back(&mut self, group: usize, id: ClaimId, attempt: Attempt, tally: &Tally) {
        for (place, index) in at(&self.groups, group).iter().enumerate() {
            let connection = at_mut(&mut self.connections, *index);
            if tally.may_hold(place) && connection.takes_commands() {
                connection.write_release(id, attempt, Owed::Nothing);
                self.stirred.push(*index);
            }
        }
    }

    /// Releases a code on all nodes: the operation ends when a majority has done so.
    pub(crate) fn release(&mut self, claimed: Claimed, now: UnixMillis) -> Ticket {
        let Claimed { id, attempt, group } = claimed;
        let waiting = self.group(group).len();
        let majority = waiting / 2 + 1;
        let release = Release { id, attempt, waiting, answered: 0, majority, is_over: false };
        let operation = Operation { group, work: Work::Release(release) };
        self.begin_and_send(operation, now.plus_ms(self.timeout_ms))
    }

    /// Takes the note off a claim.
    pub(crate) fn strip(&mut self, id: ClaimId, note: &ClaimNote) {
        for index in at(&self.groups, self.layout.group_of(id)) {
            let connection = at_mut(&mut self.connections, *index);
            if connection.takes_commands() {
                connection.write(Owed::Nothing, |out| resp::strip(out, id, note));
                self.stirred.push(*index);
            }
        }
    }

    /// Gives each register of a group that can be asked a command, which `encode` writes.
    pub(crate) fn ask(
        &mut self,
        group: usize,
        enough: Enough,
        now: UnixMillis,
        encode: impl Fn(&mut Vec<u8>),
    ) -> Ticket {
        let waiting = self.group(group).len();
        let answers = Vec::with_capacity(limits::GROUP_MAX);
        let majority = waiting / 2 + 1;
        let asked = Asked { answers, waiting, majority, enough, is_over: false };
        let operation = Operation { group, work: Work::Ask(Box::new(asked)) };
        let ticket = self.begin(operation, now.plus_ms(self.timeout_ms));
        for index in at(&self.groups, group) {
            let connection = at_mut(&mut self.connections, *index);
            if connection.takes_commands() {
                connection.write(Owed::Ask(ticket), &encode);
                self.stirred.push(*index);
            } else {
                self.operations.take_no_answer(ticket, connection.place_in_group());
            }
        }
        ticket
    }

    /// The answers of such a command, which is over.
    ///
    /// # Errors
    /// Less than enough registers answered.
    pub(crate) fn take_answers(
        &mut self,
        ticket: Ticket,
    ) -> Result<Vec<RegisterAnswer>, NoMajority> {
        match self.operations.remove(ticket).map(|operation| operation.work) {
            Some(Work::Ask(asked)) if asked.has_enough() => Ok(asked.answers),
            _ => Err(NoMajority),
        }
    }

    /// No caller waits for the operation any more. What was asked is asked. Returns whether it was
    /// still there.
    pub(crate) fn forget(&mut self, ticket: Ticket) -> bool {
        self.operations.remove(ticket).is_some()
    }
}
