//! The verdict: a pure function of what the ledger and the load threads have seen.
//!
//! It is asked when every request has ended and the backend is quiet. Before that "not arrived"
//! would mean nothing.

use crate::class::Class;
use crate::ledger::{Entry, Ledger};
use crate::outcome::{Answer, Outcome};

/// Wrong answers that are kept as examples.
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
    /// Requests that were never answered.
    pub lost: u64,
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

/// An answer that the class must not get.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Example {
    /// What was sent.
    pub class: Class,
    /// What came back.
    pub answer: Answer,
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
    /// Codes that reached it although every answer was a definite refusal.
    pub refused_but_arrived: u64,
    /// Codes that reached it although nothing of their class may.
    pub forbidden_arrived: u64,
    /// Arrivals that were no code of this run.
    pub strays: u64,
    /// Why it is not clean, in sentences; clean without any.
    pub faults: Vec<String>,
}

/// Judges a run that has ended. `may_lose`: the scenario kills gateways, so answers get lost.
pub fn judge(ledger: &Ledger, seen: Seen, may_lose: bool) -> Verdict {
    let mut verdict = Verdict { seen, strays: ledger.strays(), ..Verdict::default() };
    ledger.entries().for_each(|entry| verdict.count(entry));
    verdict.faults = verdict.find_faults(may_lose);
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
        self.lost += other.lost;
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
    pub fn unexpected(&mut self, class: Class, answer: Answer) {
        self.unexpected += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(Example { class, answer });
        }
    }

    /// How often the gateway answered so.
    pub fn answered(&self, outcome: Outcome) -> u64 {
        let such = self.answers.iter().filter(|one| one.answer.outcome == outcome);
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
        let is_refused = approvals == 0 && !entry.is_unknown();
        self.codes += 1;
        self.approved += u64::from(approvals > 0);
        self.approved_twice += u64::from(approvals > 1);
        self.arrived_once += u64::from(arrivals == 1);
        self.arrived_twice += u64::from(arrivals > 1);
        self.approved_not_arrived += u64::from(approvals > 0 && arrivals == 0);
        self.forbidden_arrived += u64::from(arrivals > 0 && !entry.may_arrive());
        self.refused_but_arrived += u64::from(arrivals > 0 && entry.may_arrive() && is_refused);
    }

    fn find_faults(&self, may_lose: bool) -> Vec<String> {
        let lost = if may_lose { 0 } else { self.seen.lost };
        let rules = [
            (self.arrived_twice, "codes reached the backend more than once"),
            (self.approved_twice, "codes were approved more than once"),
            (self.approved_not_arrived, "codes were approved and never reached the backend"),
            (self.refused_but_arrived, "codes were refused and reached the backend all the same"),
            (self.forbidden_arrived, "codes reached the backend that must never pass"),
            (self.strays, "requests at the backend carried no redemption of this run"),
            (self.seen.unexpected, "answers were not what their code must get"),
            (self.seen.unfit_twins, "codes sent twice at once were not answered yes once, no once"),
            (lost, "requests were never answered, though nothing was killed"),
        ];
        let mut faults: Vec<String> = rules
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if self.seen.sent == 0 || self.seen.answers.is_empty() {
            faults.push("nothing was answered, so nothing was shown".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests;
