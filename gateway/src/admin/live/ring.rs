//! The sums of the last five minutes.

use std::collections::VecDeque;

use super::{
    class::Class,
    sums::{Sums, Window, seconds},
};
use crate::limits;

const NS_PER_S: i64 = 1_000_000_000;
/// A tick may be late by half an interval and still belong to its window.
const SLACK_NS: i64 = NS_PER_S / 2;

/// Sums that were read once a second, the oldest first; at least one.
#[derive(Debug)]
pub(super) struct Ring(VecDeque<Sums>);

/// The rate of each class between two readings that follow each other.
#[derive(Debug)]
pub(super) struct Step {
    /// From the end of the step to the present.
    pub(super) seconds_ago: f64,
    /// Per second, in the order of [`Class::ALL`].
    pub(super) rates: [f64; Class::ALL.len()],
}

impl Ring {
    /// The first sums are those from which the first window counts.
    pub(super) fn new(first: Sums) -> Self {
        Self(VecDeque::from([first]))
    }

    /// Takes the next sums, and forgets what is older than five minutes.
    pub(super) fn push(&mut self, sums: Sums) {
        let begin = sums.at_ns - i64::from(limits::LIVE_SECONDS) * NS_PER_S - SLACK_NS;
        self.0.push_back(sums);
        // What began before the window stays if nothing else shows its begin.
        while self.0.len() > 2 && self.0.get(1).is_some_and(|next| next.at_ns <= begin) {
            self.0.pop_front();
        }
        // Ticks are a second apart. If they ever come faster, the memory stays bounded.
        while self.0.len() > READINGS_MAX {
            self.0.pop_front();
        }
    }

    /// What was counted in the last seconds, up to `to`. Ticks can be late or missing: the window
    /// is then the shortest one that is known to be long enough, or all that is known.
    pub(super) fn window<'a>(&'a self, to: &'a Sums, seconds: u32) -> Window<'a> {
        let begin = to.at_ns - i64::from(seconds) * NS_PER_S;
        let after = self.0.partition_point(|sums| sums.at_ns <= begin + SLACK_NS);
        let from = self.0.get(after.saturating_sub(1)).unwrap_or(to);
        Window { from, to }
    }

    /// The steps between all readings, the oldest first.
    pub(super) fn steps(&self, to: &Sums) -> Vec<Step> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1).chain([to]));
        let step = |(from, next): (&Sums, &Sums)| Step {
            seconds_ago: seconds(to.at_ns - next.at_ns),
            rates: rates(Window { from, to: next }),
        };
        // The last step is as short as the moment since the last tick: too short for a rate.
        pairs.filter(|(from, next)| next.at_ns - from.at_ns >= SLACK_NS).map(step).collect()
    }
}

const READINGS_MAX: usize = 2 * 300;

fn rates(window: Window<'_>) -> [f64; Class::ALL.len()] {
    window.classes().map(|count| per_second(count, window.seconds()))
}

/// A rate by the measured time; 0 where no time has passed.
pub(super) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { crate::metrics::sample::number(count) / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Outcome;

    /// `approved` requests so far, at a moment in milliseconds.
    fn sums(at_ms: i64, approved: u64) -> Sums {
        let mut outcomes = [0; Outcome::COUNT];
        outcomes[0] = approved;
        Sums {
            at_ns: at_ms * 1_000_000,
            outcomes,
            classes: [approved, 0, 0, 0, 0],
            limits: Default::default(),
            ages: Vec::new(),
            own_times: Vec::new(),
            backends: Vec::new(),
            losses: Default::default(),
        }
    }

    /// Ten requests a second for so many seconds, read each second.
    fn steady(seconds: i64) -> Ring {
        let mut ring = Ring::new(sums(0, 0));
        for s in 1..=seconds {
            ring.push(sums(s * 1_000, u64::try_from(s).unwrap() * 10));
        }
        ring
    }

    fn rate(window: Window<'_>) -> f64 {
        per_second(window.outcome(0), window.seconds())
    }

    #[test]
    fn a_window_is_as_long_as_it_says() {
        let ring = steady(400);
        let now = sums(400_000, 4_000);
        for seconds in [60, 300] {
            let window = ring.window(&now, seconds);
            assert_eq!((window.seconds(), rate(window)), (f64::from(seconds), 10.0));
        }
        assert!(ring.0.len() <= 302, "{}", ring.0.len());
    }

    #[test]
    fn a_young_process_shows_what_it_has() {
        let ring = steady(7);
        let now = sums(7_000, 70);
        let window = ring.window(&now, 300);
        assert_eq!((window.seconds(), rate(window)), (7.0, 10.0));
        let now = sums(0, 0);
        let first = Ring::new(sums(0, 0));
        assert_eq!(rate(first.window(&now, 60)), 0.0);
        assert!(first.steps(&now).is_empty());
    }

    #[test]
    fn late_and_missing_ticks_do_not_change_a_rate() {
        let mut ring = steady(100);
        // The thread stood still for 90 seconds, while requests went on.
        ring.push(sums(190_000, 1_900));
        ring.push(sums(191_300, 1_913));
        let now = sums(191_600, 1_916);
        for seconds in [10, 60, 300] {
            assert_eq!(rate(ring.window(&now, seconds)), 10.0, "{seconds}");
        }
        let steps = ring.steps(&now);
        assert!(steps.iter().all(|step| (step.rates[0] - 10.0).abs() < 1e-9), "{steps:?}");
        let last: Vec<f64> = steps.iter().rev().map(|step| step.seconds_ago).take(2).collect();
        assert_eq!(last, [0.3, 1.6], "the step to now is too short for a rate");
    }

    #[test]
    fn memory_is_bounded_however_fast_ticks_come() {
        let mut ring = Ring::new(sums(0, 0));
        for ms in 1..10_000 {
            ring.push(sums(ms, 0));
        }
        assert_eq!(ring.0.len(), READINGS_MAX);
    }
}
