//! What the senders have seen, as the judge needs it.

use crate::judge::class::Class;
use crate::judge::law::terms::First;
use crate::judge::outcome::{Answer, Outcome};

/// How many requests that went wrong are kept as examples, and how many pairs.
pub const EXAMPLES_MAX: usize = 5;

/// What the senders have seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Requests that were sent.
    pub sent: u64,
    /// Answers of each kind.
    pub answers: Vec<Counted>,
    /// How many answers the class must not get.
    pub unexpected: u64,
    /// The first of them.
    pub examples: Vec<Example>,
    /// Pairs of one code of which not exactly one passed.
    pub unfit_twins: u64,
    /// The first of them: both answers, in the order in which they came.
    pub unfit_examples: Vec<[Option<Answer>; 2]>,
    /// Answers that named another code than the one that was sent.
    pub misdirected: u64,
    /// Requests that were never answered.
    pub lost: u64,
    /// Of those, lost while their gateway lived.
    pub lost_for_nothing: u64,
    /// Connections that failed, or ended before their first answer, while their gateway lived.
    pub unconnected: u64,
    /// Unknown outcomes that are no fault although the backend answered. The gateway was stopped
    /// meanwhile, or was killed before it could keep the answer.
    pub unknown_excused: u64,
}

/// How often a class got an answer.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Counted {
    /// The class.
    pub class: Class,
    /// The answer.
    pub answer: Answer,
    /// How often.
    pub count: u64,
}

/// A request that went wrong.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Example {
    /// What was sent.
    pub class: Class,
    /// What became of the first request with this code, if this is a later one.
    pub first: Option<First>,
    /// What came back, if anything did.
    pub answer: Option<Answer>,
}

impl Seen {
    /// Adds what another thread has seen.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        other.answers.iter().for_each(|one| self.count(one.class, one.answer, one.count));
        self.unexpected += other.unexpected;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES_MAX);
        self.unfit_twins += other.unfit_twins;
        self.unfit_examples.extend(other.unfit_examples);
        self.unfit_examples.truncate(EXAMPLES_MAX);
        self.misdirected += other.misdirected;
        self.lost += other.lost;
        self.lost_for_nothing += other.lost_for_nothing;
        self.unconnected += other.unconnected;
        self.unknown_excused += other.unknown_excused;
    }

    /// Counts answers of one kind. There are few kinds, so a list is faster than a map.
    pub fn count(&mut self, class: Class, answer: Answer, more: u64) {
        let known = self.answers.iter_mut().find(|c| c.class == class && c.answer == answer);
        match known {
            Some(known) => known.count += more,
            None => self.answers.push(Counted { class, answer, count: more }),
        }
    }

    /// Notes an answer that the class must not get.
    pub fn add_unexpected(&mut self, class: Class, first: Option<First>, answer: Answer) {
        self.unexpected += 1;
        self.add_example(Example { class, first, answer: Some(answer) });
    }

    /// Notes a pair of answers to one code of which not exactly one passed.
    pub fn add_unfit(&mut self, answers: [Option<Answer>; 2]) {
        self.unfit_twins += 1;
        if self.unfit_examples.len() < EXAMPLES_MAX {
            self.unfit_examples.push(answers);
        }
    }

    /// Keeps a request that went wrong, if it is one of the first.
    pub fn add_example(&mut self, example: Example) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }

    /// How often the gateway answered so, stored answers not counted.
    pub fn answered(&self, outcome: Outcome) -> u64 {
        self.sum(|answer| answer.outcome == outcome && !answer.is_replayed)
    }

    /// How often it gave a stored answer.
    pub fn replayed(&self) -> u64 {
        self.sum(|answer| answer.is_replayed)
    }

    /// Answers of a kind.
    pub(super) fn sum(&self, is_such: impl Fn(Answer) -> bool) -> u64 {
        let such = self.answers.iter().filter(|one| is_such(one.answer));
        such.map(|one| one.count).sum()
    }
}
