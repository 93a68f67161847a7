//! One claim over a group: what each register's answer is worth, and what they say together.

use std::rc::Rc;

use keyring::time::UnixMillis;

use super::{
    claim_id::{ClaimId, Issued},
    conditions::{Condition, Conditions},
    layout::{Held, Layout, Opening},
};
use crate::limits::{CLOCK_MS, GROUP_MAX};

/// Who claims: 16 random bytes, new for each request, so that its claim may be sent again, and be
/// released without harm to another's (conditions 1, 7, 8).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Attempt(pub(crate) [u8; 16]);

/// Informational bytes, stored after the attempt in the claim's value. A node that finds the code
/// claimed reads there what for. Nothing is decided by them.
#[derive(Clone, Debug, Default)]
pub struct ClaimNote {
    /// What it says.
    pub bytes: Rc<[u8]>,
    /// For how long it is to be read.
    pub life_ms: u64,
}

impl ClaimNote {
    /// How long a register keeps a claim with this note: beyond the life of what is claimed, and as
    /// long as the note.
    pub fn claim_life_ms(&self, id: impl Into<ClaimId>) -> u64 {
        self.life_ms.max(id.into().life_ms())
    }
}

/// The code that is claimed, in its times. All of them are of our clock, which is CLOCK_BOOTTIME
/// and an offset that is only raised.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Question {
    pub(crate) attempt: Attempt,
    pub(crate) issued: Issued,
    pub(crate) end_of_life: UnixMillis,
    /// The claim's time, counted from the check of freshness.
    pub(crate) deadline: UnixMillis,
}

/// What a register holds for a code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// It was free; it holds this attempt now.
    Free,
    Attempt(Attempt),
    /// Something that no gateway of ours wrote.
    Foreign,
}

/// What a register said after the claims of one batch: `GET yanma:layout`, then `TIME`.
#[derive(Copy, Clone, Debug)]
pub(crate) struct RegisterReading {
    pub(crate) held: Held,
    pub(crate) time: UnixMillis,
    /// By our clock: before it was asked, and when its answer was read.
    pub(crate) asked_at: UnixMillis,
    pub(crate) read_at: UnixMillis,
}

/// What one register's answer is worth.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Vote {
    /// Not answered yet; with a claim that was in doubt and is sent again, too.
    #[default]
    Waiting,
    /// "You are first." With how far its clock may be ahead of ours, in milliseconds.
    Yes { ahead_ms: i64 },
    /// Another attempt was first.
    Other(Attempt),
    /// Its memory is younger than the code.
    Warming,
    /// The code is over, by its time.
    Over,
    /// No answer is to be had, or none that counts.
    None,
}

/// What the registers say together.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ClaimVerdict {
    /// A majority says that this attempt was first.
    Won,
    /// Another attempt was first somewhere, so that this one cannot win.
    Used,
    /// The code's life is over.
    Over,
    /// Registers that could make a majority lost their memory after the code was issued.
    Warming,
    /// Less than a majority could be asked.
    Unavailable,
}

/// The votes on one claim.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Tally {
    votes: [Vote; GROUP_MAX],
    registers: usize,
}

impl RegisterReading {
    /// Condition 10, for one register: is its clock within a second of ours? It was read somewhere
    /// between asking and reading, so a slow answer raises no false alarm.
    pub(crate) fn clock_agrees(&self) -> bool {
        let earliest = self.asked_at.plus_ms(-CLOCK_MS);
        let latest = self.read_at.plus_ms(CLOCK_MS);
        (earliest..=latest).contains(&self.time)
    }

    /// How far its clock is ahead of ours, in milliseconds: wrong by half the answer's time at most.
    pub(crate) fn ahead_ms(&self) -> i64 {
        let took_ms = self.read_at.ms_since(self.asked_at).max(0);
        self.time.ms_since(self.asked_at.plus_ms(took_ms / 2))
    }
}

/// Condition 2: whether a register's answer is a vote.
pub(crate) fn judge(
    conditions: Conditions,
    layout: &Layout,
    opening: Option<Opening>,
    question: &Question,
    found: Found,
    reading: &RegisterReading,
) -> Vote {
    let RegisterReading { held, time, asked_at, .. } = *reading;
    if conditions.hold(Condition::Clock) && !reading.clock_agrees() {
        return Vote::None;
    }
    let born = match held {
        Held::Mine { born } => born,
        _ if !conditions.hold(Condition::SameLayout) => UnixMillis::new(0),
        // It is about to begin anew, later than any code that there is.
        Held::Nothing | Held::Inherited => return Vote::Warming,
        Held::Lower | Held::Foreign => return Vote::None,
    };
    // A SET that came late may have found its key expired; TIME was read after it and tells.
    if conditions.hold(Condition::EndOfLife) && time >= question.end_of_life {
        return Vote::Over;
    }
    if !layout.may_judge(conditions, question.issued, born, opening) {
        return Vote::Warming;
    }
    let ahead_ms = time.ms_since(asked_at);
    match found {
        Found::Free => Vote::Yes { ahead_ms },
        Found::Attempt(attempt) if attempt == question.attempt => Vote::Yes { ahead_ms },
        _ if !conditions.hold(Condition::Vacancy) => Vote::Yes { ahead_ms },
        Found::Attempt(other) => Vote::Other(other),
        Found::Foreign => Vote::None,
    }
}

impl Tally {
    /// No votes yet of so many registers.
    pub(crate) fn new(registers: usize) -> Self {
        assert!(registers <= GROUP_MAX, "groups have at most {GROUP_MAX} registers");
        Self { votes: [Vote::Waiting; GROUP_MAX], registers }
    }

    /// What a register says now. A later answer replaces an earlier one: the claim was sent again.
    pub(crate) fn record(&mut self, register: usize, vote: Vote) {
        let slot = self.votes.get_mut(register).filter(|_| register < self.registers);
        *slot.expect("a register of this group") = vote;
    }

    /// The verdict, as soon as answers that are missing cannot make it a better one.
    pub(crate) fn verdict(&self) -> Option<ClaimVerdict> {
        let waiting = self.count(|vote| matches!(vote, Vote::Waiting));
        let yes = self.count(|vote| matches!(vote, Vote::Yes { .. }));
        if yes >= self.majority() {
            return Some(ClaimVerdict::Won);
        }
        if yes + waiting >= self.majority() {
            return None;
        }
        // It cannot win. Unless the code is used, a register that still answers may know why.
        let denied = self.denied(yes);
        (waiting == 0 || denied == ClaimVerdict::Used).then_some(denied)
    }

    /// The verdict when there is no time left (condition 7): who has not answered has not voted.
    pub(crate) fn verdict_without_waiting(&self) -> ClaimVerdict {
        let yes = self.count(|vote| matches!(vote, Vote::Yes { .. }));
        if yes >= self.majority() { ClaimVerdict::Won } else { self.denied(yes) }
    }

    /// Why there is no majority. Another attempt's claim makes it `Used`, even on one register alone:
    /// the code was presented before, and may have won with registers that we cannot see. A split
    /// denies both, and the advice to both is the same: query first, then a new code.
    fn denied(&self, yes: usize) -> ClaimVerdict {
        let warming = self.count(|vote| matches!(vote, Vote::Warming));
        if self.count(|vote| matches!(vote, Vote::Other(_))) > 0 {
            ClaimVerdict::Used
        } else if self.count(|vote| matches!(vote, Vote::Over)) > 0 {
            ClaimVerdict::Over
        } else if yes + warming >= self.majority() {
            ClaimVerdict::Warming
        } else {
            ClaimVerdict::Unavailable
        }
    }

    /// Condition 6, just before forwarding: is there time left by our clock, and is the code alive
    /// by ours and by that of each register that voted?
    pub(crate) fn may_forward(
        &self,
        conditions: Conditions,
        question: &Question,
        now: UnixMillis,
    ) -> bool {
        if !conditions.hold(Condition::Deadline) {
            return true;
        }
        let ahead_ms = self.all().iter().filter_map(|vote| match vote {
            Vote::Yes { ahead_ms } => Some(*ahead_ms),
            _ => None,
        });
        let latest = now.plus_ms(ahead_ms.max().unwrap_or(0).max(0));
        now < question.deadline && latest < question.end_of_life
    }

    /// Whether a register may hold this attempt's claim, now or when it comes to it.
    pub(crate) fn may_hold(&self, register: usize) -> bool {
        !matches!(self.all().get(register), Some(Vote::Other(_)))
    }

    fn all(&self) -> &[Vote] {
        self.votes.get(..self.registers).unwrap_or_default()
    }

    fn count(&self, is: impl Fn(&Vote) -> bool) -> usize {
        self.all().iter().filter(|vote| is(vote)).count()
    }

    /// More than half, so that two majorities share a register.
    pub(crate) fn majority(&self) -> usize {
        self.registers / 2 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Vote = Vote::Yes { ahead_ms: 0 };
    const OTHER: Vote = Vote::Other(Attempt([1; 16]));

    fn tally(votes: &[Vote]) -> Tally {
        let mut tally = Tally::new(votes.len());
        votes.iter().enumerate().for_each(|(register, vote)| tally.record(register, *vote));
        tally
    }

    #[test]
    fn a_majority_wins_and_nothing_less() {
        use Vote::{None as No, Waiting};
        for (votes, verdict) in [
            (&[YES, YES, Waiting][..], Some(ClaimVerdict::Won)),
            (&[YES, OTHER, Waiting], None),
            (&[YES, OTHER, OTHER], Some(ClaimVerdict::Used)),
            (&[OTHER, No, Waiting], Some(ClaimVerdict::Used)),
            (&[YES, No, No], Some(ClaimVerdict::Unavailable)),
            (&[No, No, Waiting], None),
            (&[YES, YES, OTHER, Waiting, Waiting], None),
            (&[YES, YES, OTHER, OTHER, YES], Some(ClaimVerdict::Won)),
            (&[YES, YES, OTHER, OTHER, No], Some(ClaimVerdict::Used)),
        ] {
            assert_eq!(tally(votes).verdict(), verdict, "{votes:?}");
        }
    }

    /// Whatever the order in which registers answer, the reason is the same.
    #[test]
    fn a_denial_waits_for_its_reason() {
        let (warming, no) = (Vote::Warming, Vote::None);
        for (first, second) in [(YES, warming), (warming, YES)] {
            let mut tally = tally(&[first, Vote::Waiting, no]);
            assert_eq!(tally.verdict(), None);
            tally.record(1, second);
            assert_eq!(tally.verdict(), Some(ClaimVerdict::Warming));
        }
        assert_eq!(tally(&[Vote::Over, warming, YES]).verdict(), Some(ClaimVerdict::Over));
        assert_eq!(tally(&[warming, no, no]).verdict(), Some(ClaimVerdict::Unavailable));
    }

    #[test]
    fn who_has_not_answered_has_not_voted() {
        let waits = tally(&[YES, Vote::Waiting, Vote::Waiting]);
        assert_eq!(waits.verdict(), None);
        assert_eq!(waits.verdict_without_waiting(), ClaimVerdict::Unavailable);
    }

    #[test]
    fn nothing_is_forwarded_when_time_is_over_by_any_clock() {
        let question = Question {
            attempt: Attempt([0; 16]),
            issued: Issued { earliest: UnixMillis::new(0), latest: UnixMillis::new(0) },
            end_of_life: UnixMillis::new(1_000),
            deadline: UnixMillis::new(900),
        };
        let ahead = tally(&[YES, Vote::Yes { ahead_ms: 300 }, Vote::None]);
        let may = |tally: &Tally, now| {
            tally.may_forward(Conditions::default(), &question, UnixMillis::new(now))
        };
        assert!(may(&tally(&[YES, YES, YES]), 899) && !may(&tally(&[YES, YES, YES]), 900));
        assert!(may(&ahead, 699) && !may(&ahead, 700));
    }
}
