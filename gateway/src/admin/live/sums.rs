//! What was counted up to a moment, added up.

use std::sync::Arc;

use super::class::Class;
use crate::{
    metrics::{
        BackendMetrics, Outcome,
        sums::{Answers, ByLimit, ByOutcome},
    },
    worker::Shared,
};
use sys::log;

/// All sums at one moment. About 1 KB, and 24 bytes for each backend.
#[derive(Debug)]
pub(super) struct Sums {
    /// Nanoseconds of CLOCK_BOOTTIME: rates are by what was measured, not by what was planned.
    pub(super) at_ns: i64,
    pub(super) outcomes: ByOutcome,
    /// The same by class, in the order of [`Class::ALL`].
    pub(super) classes: [u64; Class::ALL.len()],
    pub(super) limits: ByLimit,
    /// Ages of codes: each bucket alone.
    pub(super) ages: Vec<u64>,
    /// The gateway's own time for requests: each bucket alone.
    pub(super) own_times: Vec<u64>,
    pub(super) backends: Vec<(Arc<BackendMetrics>, Answers)>,
    pub(super) losses: Losses,
}

/// What must stay 0 in a healthy node.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Losses {
    /// Decisions that are missing in the record.
    pub(super) record_dropped: u64,
    /// Attempts to write the record that failed.
    pub(super) record_errors: u64,
    /// Claims for which less than a majority of a group of registers could be asked.
    pub(super) without_majority: u64,
    pub(super) log_lines: u64,
    pub(super) clock_steps: u64,
    /// What clients sent that was taken for no request.
    pub(super) rejected: u64,
}

impl Sums {
    /// Adds up cells. No worker waits for it.
    pub(super) fn read(shared: &Shared) -> Self {
        let metrics = &shared.metrics;
        let outcomes = metrics.sum_outcomes();
        Self {
            at_ns: shared.clock.reading().boot_ns,
            classes: by_class(&outcomes),
            outcomes,
            limits: metrics.sum_limits(),
            ages: metrics.sum_code_ages(),
            own_times: metrics.own_times(),
            backends: metrics.answers(),
            losses: Losses::read(shared),
        }
    }
}

impl Losses {
    fn read(shared: &Shared) -> Self {
        let record = shared.record.stats();
        let registers = shared.metrics.registers();
        Self {
            record_dropped: record.map_or(0, |stats| stats.dropped),
            record_errors: record.map_or(0, |stats| stats.errors),
            without_majority: registers
                .map_or(0, |registers| registers.quorum_failures().fold(0, u64::wrapping_add)),
            log_lines: log::dropped(),
            clock_steps: shared.clock.steps(),
            rejected: shared.metrics.sum_rejections(),
        }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            record_dropped: self.record_dropped.saturating_sub(earlier.record_dropped),
            record_errors: self.record_errors.saturating_sub(earlier.record_errors),
            without_majority: self.without_majority.saturating_sub(earlier.without_majority),
            log_lines: self.log_lines.saturating_sub(earlier.log_lines),
            clock_steps: self.clock_steps.saturating_sub(earlier.clock_steps),
            rejected: self.rejected.saturating_sub(earlier.rejected),
        }
    }
}

/// What was counted between two moments.
#[derive(Copy, Clone, Debug)]
pub(super) struct Window<'a> {
    pub(super) from: &'a Sums,
    pub(super) to: &'a Sums,
}

impl Window<'_> {
    /// How long it is, as measured.
    pub(super) fn seconds(self) -> f64 {
        seconds(self.to.at_ns - self.from.at_ns)
    }

    /// The outcome with this index.
    pub(super) fn outcome(self, index: usize) -> u64 {
        difference(&self.from.outcomes, &self.to.outcomes, index)
    }

    /// Requests by class, in the order of [`Class::ALL`].
    pub(super) fn classes(self) -> [u64; Class::ALL.len()] {
        let mut counts = self.to.classes;
        for (count, before) in counts.iter_mut().zip(self.from.classes) {
            *count = count.saturating_sub(before);
        }
        counts
    }

    /// The limit with this index.
    pub(super) fn limit(self, index: usize) -> u64 {
        difference(&self.from.limits, &self.to.limits, index)
    }

    /// Ages of codes: each bucket alone.
    pub(super) fn ages(self) -> Vec<u64> {
        let all = 0..self.to.ages.len();
        all.map(|index| difference(&self.from.ages, &self.to.ages, index)).collect()
    }

    /// The gateway's own time for requests: each bucket alone.
    pub(super) fn own_times(self) -> Vec<u64> {
        let all = 0..self.to.own_times.len();
        all.map(|index| difference(&self.from.own_times, &self.to.own_times, index)).collect()
    }

    /// What a backend answered.
    pub(super) fn answers(self, backend: &Arc<BackendMetrics>) -> Answers {
        let of = |sums: &Sums| {
            let mut known = sums.backends.iter();
            let found = known.find(|(known, _)| Arc::ptr_eq(known, backend));
            found.map_or_else(Answers::default, |(_, answers)| *answers)
        };
        let (from, to) = (of(self.from), of(self.to));
        Answers {
            all: to.all.saturating_sub(from.all),
            failed: to.failed.saturating_sub(from.failed),
        }
    }

    pub(super) fn losses(self) -> Losses {
        self.to.losses.since(self.from.losses)
    }
}

fn by_class(outcomes: &ByOutcome) -> [u64; Class::ALL.len()] {
    Class::ALL.map(|class| {
        let of_class = Outcome::all().zip(outcomes).filter(|(one, _)| Class::of(*one) == class);
        of_class.map(|(_, count)| *count).fold(0, u64::wrapping_add)
    })
}

/// A series that came later has no earlier count, and counters never go back.
fn difference(from: &[u64], to: &[u64], index: usize) -> u64 {
    let of = |counts: &[u64]| counts.get(index).copied().unwrap_or(0);
    of(to).saturating_sub(of(from))
}

#[expect(clippy::as_conversions, reason = "differences of hours at most; From offers none")]
pub(super) fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
