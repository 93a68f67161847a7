//! What a load thread counts: answers by class, latencies, its own lateness, and each second.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::clock::{NS_PER_MS, NS_PER_S};
use crate::judge::class::Class;
use crate::judge::law::Fit;
use crate::judge::law::terms::First;
use crate::judge::outcome::Answer;
use crate::judge::seen::{Example, Seen};

/// A start that is later than this is missed. On a shared machine any thread waits some
/// milliseconds for a core now and then. The percentiles of lateness show that, and it is no fault.
pub const LATE_NS: u64 = 5 * NS_PER_MS;
/// An hour: no request takes longer.
const LATENCY_NS_MAX: u64 = 3_600 * NS_PER_S;
const NS_PER_US: u64 = 1_000;

/// A load thread's counts; they add up.
pub struct Counters {
    /// For the judge.
    pub seen: Seen,
    /// Sent and unexpected, in the order of [`Class::ALL`].
    pub classes: Vec<ClassCount>,
    /// From the intended start to the answer, approved.
    pub approved: Histogram<u64>,
    /// The same for refused requests and stored answers.
    pub refused: Histogram<u64>,
    /// From the write to the answer, all.
    pub service: Histogram<u64>,
    /// Whether starts happened when they were due.
    pub starts: Starts,
    /// How late starts were that found a free connection.
    pub lateness: Histogram<u64>,
    /// The answers after each number of events.
    pub events: Vec<EventCount>,
    /// The measured seconds that were not handed over yet, by number.
    pub seconds: BTreeMap<u64, SecondCount>,
    measured_from_ns: u64,
}

/// How many requests of a class were sent, and how many went wrong.
#[derive(Copy, Clone, Debug, Default)]
pub struct ClassCount {
    /// Requests.
    pub sent: u64,
    /// Answers that the class must not get.
    pub unexpected: u64,
}

/// The answers between one event and the next.
#[derive(Clone, Debug, Default)]
pub struct EventCount {
    /// Answers by word.
    pub answers: Vec<(&'static str, u64)>,
    /// Requests that were never answered.
    pub lost: u64,
}

/// Whether starts happened when they were due.
#[derive(Copy, Clone, Debug, Default)]
pub struct Starts {
    /// Starts that were due.
    pub planned: u64,
    /// Of those, made.
    pub started: u64,
    /// Late although a connection was free. That is the tool's own fault.
    pub late_by_tool: u64,
}

/// One second.
#[derive(Clone)]
pub struct SecondCount {
    /// Requests sent in it.
    pub sent: u64,
    /// Answers in it.
    pub answers: Vec<(&'static str, u64)>,
    /// Response times in microseconds, without those of starts that were due in the warm-up.
    pub response: Histogram<u32>,
}

/// One answer with its times.
#[derive(Copy, Clone, Debug)]
pub struct Timed {
    /// The class that was sent.
    pub class: Class,
    /// What became of the first request with this code, if this is a later one.
    pub first: Option<First>,
    /// What came back.
    pub answer: Answer,
    /// Whether it fits.
    pub fit: Fit,
    /// When it should have been sent.
    pub due_ns: u64,
    /// When it was sent.
    pub sent_ns: u64,
    /// When it was answered.
    pub now_ns: u64,
    /// How many events had happened.
    pub event: usize,
}

impl Counters {
    /// Latencies count for requests due at `measured_from_ns` or later. Everything else counts
    /// always.
    pub fn new(measured_from_ns: u64) -> Self {
        Self {
            seen: Seen::default(),
            classes: vec![ClassCount::default(); Class::ALL.len()],
            approved: latencies(),
            refused: latencies(),
            service: latencies(),
            starts: Starts::default(),
            lateness: latencies(),
            events: Vec::new(),
            seconds: BTreeMap::new(),
            measured_from_ns,
        }
    }

    /// Counts a request that is sent.
    pub fn count_sent(&mut self, class: Class, now_ns: u64) {
        self.seen.sent += 1;
        self.class(class).sent += 1;
        if let Some(second) = self.second(now_ns) {
            second.sent += 1;
        }
    }

    /// Counts a start on a connection that was free, and how late it is.
    pub fn count_start(&mut self, late_ns: u64) {
        self.count_start_after_waiting();
        self.starts.late_by_tool += u64::from(late_ns > LATE_NS);
        self.lateness.saturating_record(late_ns);
    }

    /// Counts a start that had to wait for a free connection.
    pub fn count_start_after_waiting(&mut self) {
        self.starts.started += 1;
    }

    /// Counts an answer.
    pub fn count_answer(&mut self, timed: &Timed) {
        let Timed { class, first, answer, fit, due_ns, sent_ns, now_ns, event } = *timed;
        self.seen.count(class, answer, 1);
        if fit == Fit::Wrong {
            self.seen.add_unexpected(class, first, answer);
            self.class(class).unexpected += 1;
        }
        count(&mut self.event(event).answers, answer.word(), 1);
        // A second counts all its answers, also those to starts of the warm-up that had to wait.
        // Without them the rate would be too low. Their latency belongs to the warm-up.
        let is_measured = due_ns >= self.measured_from_ns;
        let response_ns = now_ns.saturating_sub(due_ns);
        if let Some(second) = self.second(now_ns) {
            count(&mut second.answers, answer.word(), 1);
            if is_measured {
                second.record(response_ns / NS_PER_US);
            }
        }
        if !is_measured {
            return;
        }
        let of_its_kind = if answer.is_approval() { &mut self.approved } else { &mut self.refused };
        of_its_kind.saturating_record(response_ns);
        self.service.saturating_record(now_ns.saturating_sub(sent_ns));
    }

    /// Counts a request that will never be answered.
    pub fn count_lost(
        &mut self,
        class: Class,
        first: Option<First>,
        is_excused: bool,
        event: usize,
    ) {
        self.seen.lost += 1;
        self.event(event).lost += 1;
        if !is_excused {
            self.seen.lost_for_nothing += 1;
            self.seen.add_example(Example { class, first, answer: None });
        }
    }

    /// Counts requests that were still not answered at the very end.
    pub fn count_left_open(&mut self, count: u64) {
        self.seen.lost += count;
        self.seen.lost_for_nothing += count;
    }

    /// Adds another thread's counts.
    pub fn add(&mut self, other: Self) {
        self.seen.add(other.seen);
        for (mine, more) in self.classes.iter_mut().zip(other.classes) {
            mine.sent += more.sent;
            mine.unexpected += more.unexpected;
        }
        add(&mut self.approved, &other.approved);
        add(&mut self.refused, &other.refused);
        add(&mut self.service, &other.service);
        self.starts.add(other.starts);
        add(&mut self.lateness, &other.lateness);
        for (number, more) in other.events.into_iter().enumerate() {
            let mine = self.event(number);
            more.answers.iter().for_each(|(word, n)| count(&mut mine.answers, word, *n));
            mine.lost += more.lost;
        }
        for (number, second) in other.seconds {
            self.seconds.entry(number).or_default().add(&second);
        }
    }

    /// Response time of all answers.
    pub fn response(&self) -> Histogram<u64> {
        let mut all = self.approved.clone();
        add(&mut all, &self.refused);
        all
    }

    fn class(&mut self, class: Class) -> &mut ClassCount {
        let place = Class::ALL.iter().position(|one| *one == class);
        place.and_then(|place| self.classes.get_mut(place)).expect("ALL holds every class")
    }

    fn event(&mut self, number: usize) -> &mut EventCount {
        if self.events.len() <= number {
            self.events.resize(number + 1, EventCount::default());
        }
        self.events.get_mut(number).expect("there are more")
    }

    /// The measured second of this moment; `None` during the warm-up.
    fn second(&mut self, now_ns: u64) -> Option<&mut SecondCount> {
        let after_ns = now_ns.checked_sub(self.measured_from_ns)?;
        Some(self.seconds.entry(after_ns / NS_PER_S).or_default())
    }
}

impl Starts {
    fn add(&mut self, other: Self) {
        self.planned += other.planned;
        self.started += other.started;
        self.late_by_tool += other.late_by_tool;
    }
}

impl Default for SecondCount {
    fn default() -> Self {
        let response = Histogram::new(2).expect("two digits are allowed");
        Self { sent: 0, answers: Vec::new(), response }
    }
}

impl SecondCount {
    fn record(&mut self, response_us: u64) {
        // The histogram grows as needed, and an hour of microseconds fits.
        let _ = self.response.record(response_us);
    }

    /// Adds another thread's second.
    pub fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        other.answers.iter().for_each(|(word, more)| count(&mut self.answers, word, *more));
        let _ = self.response.add(&other.response);
    }
}

/// There are few words, so a list is faster than a map.
fn count(counts: &mut Vec<(&'static str, u64)>, word: &'static str, more: u64) {
    match counts.iter_mut().find(|(known, _)| *known == word) {
        Some((_, count)) => *count += more,
        None => counts.push((word, more)),
    }
}

fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("bounds in order, three digits")
}

fn add(to: &mut Histogram<u64>, more: &Histogram<u64>) {
    to.add(more).expect("both have the same bounds");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::outcome::Outcome;

    const FROM: u64 = 10 * NS_PER_S;

    fn timed(outcome: Outcome, due_ns: u64, now_ns: u64) -> Timed {
        let answer = Answer::new(200, outcome);
        let sent_ns = now_ns - NS_PER_MS;
        let class = Class::Valid;
        Timed { class, first: None, answer, fit: Fit::Expected, due_ns, sent_ns, now_ns, event: 1 }
    }

    #[test]
    fn response_counts_from_the_intended_start_and_service_from_the_write() {
        let mut counters = Counters::new(FROM);
        counters.count_answer(&timed(Outcome::Approved, FROM, FROM + 50 * NS_PER_MS));
        assert!((49..=51).contains(&(counters.approved.max() / NS_PER_MS)));
        assert!(counters.service.max() < 2 * NS_PER_MS);
        assert_eq!(counters.refused.len(), 0);
    }

    #[test]
    fn the_warm_up_is_judged_and_not_measured() {
        let mut counters = Counters::new(FROM);
        let wrong = Timed { fit: Fit::Wrong, ..timed(Outcome::Approved, FROM - 1, FROM + 1) };
        counters.count_answer(&wrong);
        assert_eq!((counters.seen.unexpected, counters.approved.len()), (1, 0));
        // It is an answer of the first second all the same.
        let first = &counters.seconds[&0];
        assert_eq!((first.answers.len(), first.response.len()), (1, 0));
    }

    #[test]
    fn a_loss_that_nothing_excuses_is_an_example() {
        let mut counters = Counters::new(0);
        counters.count_lost(Class::Valid, None, true, 0);
        counters.count_lost(Class::Expired, None, false, 2);
        counters.count_left_open(2);
        assert_eq!((counters.seen.lost, counters.seen.lost_for_nothing), (4, 3));
        assert_eq!(
            counters.seen.examples,
            [Example { class: Class::Expired, first: None, answer: None }]
        );
    }

    #[test]
    fn seconds_and_threads_add_up() {
        let second = |number, outcome| {
            let mut counters = Counters::new(FROM);
            let now_ns = FROM + number * NS_PER_S + NS_PER_MS;
            counters.count_sent(Class::Valid, now_ns - NS_PER_MS);
            counters.count_answer(&timed(outcome, now_ns - NS_PER_MS, now_ns));
            counters
        };
        let mut all = second(0, Outcome::Approved);
        all.add(second(2, Outcome::CodeUsed));
        all.add(second(2, Outcome::CodeUsed));
        let counts: Vec<_> = all.seconds.iter().map(|(number, one)| (*number, one.sent)).collect();
        assert_eq!(counts, [(0, 1), (2, 2)]);
        assert_eq!(all.seconds[&2].answers, [("code_used", 2)]);
        assert_eq!(all.response().len(), 3);
        all.count_lost(Class::Valid, None, true, 1);
        let [before, after] = all.events.as_slice() else { panic!("one event") };
        assert!(before.answers.is_empty() && after.lost == 1);
        assert_eq!(after.answers, [("approved", 1), ("code_used", 2)]);
    }

    #[test]
    fn only_starts_of_a_free_connection_that_are_more_than_five_milliseconds_late_are_late() {
        let mut counters = Counters::new(0);
        counters.count_start(LATE_NS);
        counters.count_start(LATE_NS + 1);
        counters.count_start_after_waiting();
        assert_eq!((counters.starts.started, counters.starts.late_by_tool), (3, 1));
        assert!(counters.lateness.len() == 2 && counters.lateness.max() > LATE_NS);
    }
}
