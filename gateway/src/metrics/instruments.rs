//! What is counted with: counters, gauges and histograms over per-worker cells.

use super::{
    cells::{Cells, WorkerId},
    sample::{HistogramValues, number},
};

/// A number that only grows.
#[derive(Debug)]
pub struct Counter(Cells);

impl Counter {
    pub(super) fn new(workers: usize) -> Self {
        Self(Cells::new(workers, 1))
    }

    /// One more.
    pub fn inc(&self, worker: WorkerId) {
        self.add(worker, 1);
    }

    /// `n` more.
    pub fn add(&self, worker: WorkerId, n: u64) {
        self.0.add(worker, 0, n);
    }

    /// The total over all workers.
    pub fn total(&self) -> u64 {
        self.0.sum(0)
    }
}

/// One counter for each value of a closed label, side by side.
#[derive(Debug)]
pub(super) struct Counters(Cells);

impl Counters {
    pub(super) fn new(workers: usize, values: usize) -> Self {
        Self(Cells::new(workers, values))
    }

    pub(super) fn inc(&self, worker: WorkerId, value: usize) {
        self.0.add(worker, value, 1);
    }

    pub(super) fn total(&self, value: usize) -> u64 {
        self.0.sum(value)
    }
}

/// A number that rises and falls.
#[derive(Debug)]
pub struct Gauge(Cells);

impl Gauge {
    pub(super) fn new(workers: usize) -> Self {
        Self(Cells::new(workers, 1))
    }

    /// Adds `n`, which may be negative. One worker may add what another takes away.
    pub fn add(&self, worker: WorkerId, n: i64) {
        self.0.add(worker, 0, n.cast_unsigned());
    }

    /// One more for as long as the guard lives, however its holder ends.
    pub(crate) fn hold(&self, worker: WorkerId) -> Counted<'_> {
        self.add(worker, 1);
        Counted { gauge: self, worker }
    }

    /// The sum over all workers.
    pub fn total(&self) -> i64 {
        self.0.sum(0).cast_signed()
    }
}

/// One of what a [`Gauge`] counts.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    gauge: &'a Gauge,
    worker: WorkerId,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.gauge.add(self.worker, -1);
    }
}

/// How long something took, by ranges.
#[derive(Debug)]
pub struct Histogram {
    buckets: Buckets,
    unit: Unit,
}

/// In what durations are added up. Nanoseconds do for the gateway's own work; waiting is added
/// up in microseconds, because on a bad day 10,000 requests a second wait 30 s each, and 64 bits
/// hold 17 hours of such nanoseconds, but two years of such microseconds.
#[derive(Copy, Clone, Debug)]
enum Unit {
    Nanos,
    Micros,
}

impl Histogram {
    /// For the gateway's own work: 1 µs to 100 ms.
    pub(super) fn of_own_work(workers: usize) -> Self {
        Self { buckets: Buckets::new(workers, &OWN_WORK), unit: Unit::Nanos }
    }

    /// For requests and backends: 1 ms to 60 s.
    pub(super) fn of_exchanges(workers: usize) -> Self {
        Self { buckets: Buckets::new(workers, &EXCHANGE), unit: Unit::Micros }
    }

    /// Counts a duration in nanoseconds.
    pub fn observe_ns(&self, worker: WorkerId, ns: u64) {
        let value = match self.unit {
            Unit::Nanos => ns,
            Unit::Micros => ns / 1_000,
        };
        self.buckets.observe(worker, value);
    }

    pub(super) fn reading(&self) -> HistogramValues {
        self.buckets.reading()
    }

    pub(super) fn buckets(&self) -> &Buckets {
        &self.buckets
    }
}

/// How many values fell into which range, and their sum, in the whole units of a [`Scale`].
#[derive(Debug)]
pub(super) struct Buckets {
    /// The sum, then a cell per bound, then one for what is above every bound.
    cells: Cells,
    scale: &'static Scale,
}

/// Bounds of buckets in whole units: finding the bucket and adding up stay integer work.
#[derive(Debug)]
pub(super) struct Scale {
    /// Upper bounds, inclusive, rising.
    bounds: &'static [u64],
    /// How many of these units make one of what is shown: a second, or one piece.
    units_per_one: u32,
}

static OWN_WORK: Scale = Scale {
    bounds: &[
        1_000,
        2_000,
        5_000,
        10_000,
        20_000,
        50_000,
        100_000,
        200_000,
        500_000,
        1_000_000,
        2_000_000,
        5_000_000,
        10_000_000,
        20_000_000,
        50_000_000,
        100_000_000,
    ],
    units_per_one: 1_000_000_000,
};

static EXCHANGE: Scale = Scale {
    bounds: &[
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
    ],
    units_per_one: 1_000_000,
};

/// Ages of codes in milliseconds; close together around 60 s, where codes die.
pub(super) static CODE_AGE: Scale = Scale {
    bounds: &[
        1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 40_000, 50_000, 55_000, 58_000, 60_000,
        62_000, 70_000, 120_000, 600_000,
    ],
    units_per_one: 1_000,
};

/// Ages of passes in milliseconds. The longest live for 900 s.
pub(super) static PASS_AGE: Scale = Scale {
    bounds: &[
        1_000, 5_000, 10_000, 30_000, 60_000, 120_000, 180_000, 300_000, 420_000, 600_000, 720_000,
        840_000, 900_000, 1_800_000,
    ],
    units_per_one: 1_000,
};

/// Signatures that were verified together.
pub(super) static BATCH: Scale =
    Scale { bounds: &[1, 2, 3, 4, 5, 6, 7, 8, 16, 32], units_per_one: 1 };

impl Buckets {
    pub(super) fn new(workers: usize, scale: &'static Scale) -> Self {
        assert!(scale.bounds.is_sorted(), "bounds rise");
        Self { cells: Cells::new(workers, scale.bounds.len() + 2), scale }
    }

    pub(super) fn observe(&self, worker: WorkerId, value: u64) {
        let bucket = self.scale.bounds.partition_point(|&bound| bound < value);
        self.cells.add(worker, 0, value);
        self.cells.add(worker, 1 + bucket, 1);
    }

    /// How many values lie in each bucket alone; last, how many lie above all bounds.
    pub(super) fn each(&self) -> impl Iterator<Item = u64> {
        (0..=self.scale.bounds.len()).map(|index| self.cells.sum(1 + index))
    }

    /// The upper bounds as they are shown.
    pub(super) fn bounds(&self) -> impl Iterator<Item = f64> {
        let per_one = f64::from(self.scale.units_per_one);
        self.scale.bounds.iter().map(move |&bound| number(bound) / per_one)
    }

    /// The count is the sum of the buckets that were read, so the two always agree.
    pub(super) fn reading(&self) -> HistogramValues {
        let per_one = f64::from(self.scale.units_per_one);
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.scale.bounds.len());
        for (index, &bound) in self.scale.bounds.iter().enumerate() {
            count += self.cells.sum(1 + index);
            buckets.push((number(bound) / per_one, count));
        }
        count += self.cells.sum(1 + self.scale.bounds.len());
        HistogramValues { buckets, count, sum: number(self.cells.sum(0)) / per_one }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const W0: WorkerId = WorkerId::new(0);
    const W1: WorkerId = WorkerId::new(1);

    /// How many values lie in the bucket of each bound, and above all.
    fn spread(reading: &HistogramValues) -> Vec<u64> {
        let upto = reading.buckets.iter().map(|&(_, count)| count).chain([reading.count]);
        upto.scan(0, |below, count| Some(count - std::mem::replace(below, count))).collect()
    }

    #[test]
    fn a_value_on_a_bound_belongs_below_it() {
        for (index, &bound) in OWN_WORK.bounds.iter().enumerate() {
            let buckets = Buckets::new(1, &OWN_WORK);
            buckets.observe(W0, bound);
            buckets.observe(W0, bound + 1);
            let mut expected = vec![0; OWN_WORK.bounds.len() + 1];
            expected[index] = 1;
            expected[index + 1] = 1;
            assert_eq!(spread(&buckets.reading()), expected, "around {bound} ns");
        }
    }

    #[test]
    fn the_smallest_and_the_largest_value_find_a_bucket() {
        let histogram = Histogram::of_exchanges(1);
        histogram.observe_ns(W0, 0);
        histogram.observe_ns(W0, u64::MAX);
        let spread = spread(&histogram.reading());
        assert_eq!((spread.first(), spread.last()), (Some(&1), Some(&1)));
    }

    #[test]
    fn durations_of_all_workers_are_shown_in_seconds() {
        for histogram in [Histogram::of_own_work(2), Histogram::of_exchanges(2)] {
            histogram.observe_ns(W0, 1_500_000);
            histogram.observe_ns(W1, 2_000_000_000);
            let reading = histogram.reading();
            assert_eq!((reading.count, reading.sum), (2, 2.0015), "{histogram:?}");
        }
    }

    #[test]
    fn bounds_are_those_of_the_contract() {
        let shown = |scale| -> Vec<f64> {
            Buckets::new(1, scale).reading().buckets.iter().map(|&(bound, _)| bound).collect()
        };
        let ages = [1, 2, 5, 10, 20, 30, 40, 50, 55, 58, 60, 62, 70, 120, 600].map(f64::from);
        assert_eq!(shown(&CODE_AGE), ages);
        let ends = |bounds: Vec<f64>| (bounds[0], bounds[bounds.len() - 1]);
        assert_eq!(ends(shown(&OWN_WORK)), (0.000_001, 0.1));
        assert_eq!(ends(shown(&EXCHANGE)), (0.001, 60.0));
    }

    #[test]
    fn what_is_held_is_counted_until_it_is_dropped() {
        let gauge = Gauge::new(2);
        let held = gauge.hold(W1);
        assert_eq!(gauge.total(), 1);
        drop(held);
        assert_eq!(gauge.total(), 0);
    }

    #[test]
    fn a_gauge_falls_where_another_worker_raised_it() {
        let gauge = Gauge::new(2);
        gauge.add(W0, 3);
        gauge.add(W1, -5);
        assert_eq!(gauge.total(), -2);
    }
}
