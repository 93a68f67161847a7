//! The verdict: a pure function of what the ledger and the load threads have seen.
//!
//! It is asked when every request has ended and the backend is quiet. Before that "not arrived"
//! would mean nothing.

use crate::judge::class::Class;
use crate::judge::law::terms::First;
use crate::judge::ledger::{Entry, Ledger};
use crate::judge::outcome::{Answer, Outcome};

/// Requests that went wrong and are kept as examples, and as many pairs.
pub const EXAMPLES_MAX: usize = 5;

/// What the senders have seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Requests that were sent.
    pub sent: u64,
    /// Answers of each kind.
    pub answers: Vec<Counted>,
    /// Answers that the class must not get.
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
    /// Connections that could not be made, or ended before their first answer, while their gateway
    /// lived.
    pub unconnected: u64,
    /// Outcomes that are honestly unknown although the backend answered: the gateway was stopped
    /// meanwhile, or died before it could keep the answer.
    pub unknown_excused: u64,
}

/// What the backend did to answers on purpose. Each of these must have come out at the other end,
/// or was lost there with its gateway.
#[derive(Copy, Clone, Debug, Default)]
pub struct Broken {
    /// Answers that it withheld, cut or came too late with.
    pub unknown: u64,
    /// Answers with status 500.
    pub errors: u64,
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
    /// What became of the request that showed the code first, if this is not it.
    pub first: Option<First>,
    /// What came back, if anything did.
    pub answer: Option<Answer>,
}

/// What a run has shown.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What the senders have seen.
    pub seen: Seen,
    /// Codes that were made.
    pub codes: u64,
    /// Codes of which a sender was told that they passed.
    pub approved: u64,
    /// Codes that reached the backend once.
    pub arrived_once: u64,
    /// Codes that reached it more than once.
    pub arrived_twice: u64,
    /// Codes that were approved more than once.
    pub approved_twice: u64,
    /// Codes that were approved and never reached it.
    pub approved_not_arrived: u64,
    /// Codes of which a stored answer was shown that nobody can have had first.
    pub replayed_for_nothing: u64,
    /// Codes that reached it although every answer was a definite refusal.
    pub refused_but_arrived: u64,
    /// Codes that reached it although nothing of their class may.
    pub forbidden_arrived: u64,
    /// Arrivals that were no code of this run.
    pub strays: u64,
    /// Why it is not clean, in sentences; clean without any.
    pub faults: Vec<String>,
}

/// Judges a run that has ended.
pub fn judge(ledger: &Ledger, seen: Seen, broken: Broken) -> Verdict {
    let mut verdict = Verdict { seen, strays: ledger.strays(), ..Verdict::default() };
    ledger.entries().for_each(|entry| verdict.count(entry));
    verdict.faults = verdict.find_faults(broken);
    verdict
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
    pub fn unexpected(&mut self, class: Class, first: Option<First>, answer: Answer) {
        self.unexpected += 1;
        self.example(Example { class, first, answer: Some(answer) });
    }

    /// Notes a pair of answers to one code of which not exactly one passed.
    pub fn unfit(&mut self, answers: [Option<Answer>; 2]) {
        self.unfit_twins += 1;
        if self.unfit_examples.len() < EXAMPLES_MAX {
            self.unfit_examples.push(answers);
        }
    }

    /// Keeps a request that went wrong, if it is one of the first.
    pub fn example(&mut self, example: Example) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }

    /// Answers that do not match what the backend did: unknown without its doing, and what it did
    /// without being told. A lost answer may have been either.
    fn compare(&self, broken: Broken) -> [u64; 3] {
        let unknown = self.answered(Outcome::OutcomeUnknown);
        let relayed = |one: &&Counted| one.answer.is_approval() && one.answer.status == 500;
        let errors: u64 = self.answers.iter().filter(relayed).map(|one| one.count).sum();
        [
            unknown.saturating_sub(broken.unknown + self.unknown_excused),
            broken.unknown.saturating_sub(unknown + self.lost),
            broken.errors.saturating_sub(errors + self.lost),
        ]
    }

    /// How often the gateway answered so, stored answers not counted.
    pub fn answered(&self, outcome: Outcome) -> u64 {
        self.sum(|answer| answer.outcome == outcome && !answer.is_replayed)
    }

    /// How often it showed a stored answer.
    pub fn replayed(&self) -> u64 {
        self.sum(|answer| answer.is_replayed)
    }

    fn sum(&self, is_such: impl Fn(Answer) -> bool) -> u64 {
        let such = self.answers.iter().filter(|one| is_such(one.answer));
        such.map(|one| one.count).sum()
    }
}

impl Verdict {
    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    fn count(&mut self, entry: Entry) {
        let (arrivals, approvals) = (entry.arrivals(), entry.approvals());
        let is_refused = entry.is_refused() && approvals == 0 && !entry.is_unknown();
        self.codes += 1;
        self.approved += u64::from(approvals > 0);
        self.approved_twice += u64::from(approvals > 1);
        self.arrived_once += u64::from(arrivals == 1);
        self.arrived_twice += u64::from(arrivals > 1);
        self.approved_not_arrived += u64::from(approvals > 0 && arrivals == 0);
        let may_be_stored = arrivals == 1 && (approvals > 0 || entry.is_unknown());
        self.replayed_for_nothing += u64::from(entry.is_replayed() && !may_be_stored);
        self.forbidden_arrived += u64::from(arrivals > 0 && !entry.may_arrive());
        self.refused_but_arrived += u64::from(arrivals > 0 && entry.may_arrive() && is_refused);
    }

    fn find_faults(&self, broken: Broken) -> Vec<String> {
        let [unknown_for_nothing, unknown_hidden, errors_hidden] = self.seen.compare(broken);
        let rules = [
            (self.arrived_twice, "codes reached the backend more than once"),
            (self.approved_twice, "codes were approved more than once"),
            (self.approved_not_arrived, "codes were approved and never reached the backend"),
            (
                self.replayed_for_nothing,
                "stored answers were shown of codes that did not pass once",
            ),
            (self.refused_but_arrived, "codes were refused and reached the backend all the same"),
            (self.forbidden_arrived, "codes reached the backend that must never pass"),
            (self.strays, "requests at the backend carried no redemption of this run"),
            (self.seen.unexpected, "answers were not what their code must get"),
            (self.seen.unfit_twins, "codes sent twice at once were not answered yes once, no once"),
            (self.seen.misdirected, "answers did not name the code that was sent"),
            (
                self.seen.lost_for_nothing,
                "requests were never answered, though their gateway lived",
            ),
            (
                self.seen.unconnected,
                "connections were refused, or ended before an answer, though their gateway lived",
            ),
            (unknown_for_nothing, "outcomes were called unknown, though the backend had answered"),
            (unknown_hidden, "answers that the backend broke were passed on as whole"),
            (errors_hidden, "errors of the backend were not passed on"),
        ];
        let mut faults: Vec<String> = rules
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{what}: {count}"))
            .collect();
        if self.seen.sent == 0 || self.seen.answers.is_empty() {
            faults.push("nothing was answered, so nothing was shown".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests;
