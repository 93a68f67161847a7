//! What is counted of registers. Each worker counts in cells of its own, on cache lines of its own,
//! and is their only writer, so a relaxed load and store suffice. A reader adds the workers up.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::protocol::eligibility::Ineligible;

/// Upper bounds of the buckets of [`Durations`], inclusive, in nanoseconds.
pub const DURATION_BOUNDS_NS: [u64; 16] = [
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
];
const BUCKETS: usize = DURATION_BOUNDS_NS.len() + 1;

/// All registers of a node, in the order of the settings.
#[derive(Debug)]
pub struct Counts {
    registers: Vec<RegisterCounts>,
    /// Failed claims, by group and worker.
    quorum_failures: Vec<Box<[Cell]>>,
    workers: usize,
}

/// What is counted of one register.
#[derive(Debug)]
pub struct RegisterCounts {
    group: String,
    name: String,
    workers: Box<[Cells]>,
}

/// From writing a batch of claims to the last of its answers.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Durations {
    /// For each of [`DURATION_BOUNDS_NS`], how many lie at or below it and above the one before;
    /// last, how many lie above all.
    pub buckets: [u64; BUCKETS],
    /// Nanoseconds.
    pub sum_ns: u64,
}

/// One worker's counts of one register. 128 bytes, because cores prefetch lines in pairs.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Cells {
    duration_buckets: [AtomicU64; BUCKETS],
    duration_ns: AtomicU64,
    errors: AtomicU64,
    connections: AtomicU64,
    ineligible: [AtomicU64; Ineligible::ALL.len()],
    clock: ClockCell,
}

/// How far a register's clock is ahead, in milliseconds, or [`ClockCell::UNKNOWN`].
#[derive(Debug)]
struct ClockCell(AtomicI64);

impl ClockCell {
    const UNKNOWN: i64 = i64::MIN;
}

impl Default for ClockCell {
    fn default() -> Self {
        Self(Self::UNKNOWN.into())
    }
}

#[repr(align(128))]
#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl Counts {
    /// Cells for workers of the numbers 0 to `workers` - 1. `groups` are the names in each group.
    #[must_use]
    pub fn new(workers: usize, groups: &[Vec<String>]) -> Self {
        let register = |group: usize, name: &String| RegisterCounts {
            group: (group + 1).to_string(),
            name: name.clone(),
            workers: (0..workers).map(|_| Cells::default()).collect(),
        };
        let registers = groups
            .iter()
            .enumerate()
            .flat_map(|(group, names)| names.iter().map(move |name| register(group, name)))
            .collect();
        let cells = |_: &Vec<String>| (0..workers).map(|_| Cell::default()).collect();
        Self { registers, quorum_failures: groups.iter().map(cells).collect(), workers }
    }

    /// The registers, group by group.
    #[must_use]
    pub fn registers(&self) -> &[RegisterCounts] {
        &self.registers
    }

    /// For each group: claims for which less than a majority could be asked.
    pub fn quorum_failures(&self) -> impl Iterator<Item = u64> {
        let total = |cells: &[Cell]| {
            cells.iter().map(|cell| cell.0.load(Relaxed)).fold(0, u64::wrapping_add)
        };
        self.quorum_failures.iter().map(move |cells| total(cells))
    }

    /// A line for each register, for a person.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        // The front thread has cells too, and no connections.
        let workers = self.workers.saturating_sub(1);
        self.registers.iter().map(move |one| {
            let up = one.connections();
            let reasons = one.ineligible().into_iter().filter(|(_, connections)| *connections > 0);
            let reasons: String = reasons.map(|(name, _)| format!(", abstains: {name}")).collect();
            let (name, group) = (&one.name, &one.group);
            format!("register {name} (group {group}): {up} of {workers} connections up{reasons}")
        })
    }

    /// A register, counted through all groups. `None` if it belongs to an old group only.
    pub(crate) fn register(&self, index: usize) -> Option<&RegisterCounts> {
        self.registers.get(index)
    }

    /// A claim found no majority that could be asked.
    pub(crate) fn quorum_failed(&self, worker: usize, group: usize) {
        if let Some(cell) = self.quorum_failures.get(group).and_then(|cells| cells.get(worker)) {
            add(&cell.0, 1);
        }
    }
}

impl RegisterCounts {
    /// The number of its group, from 1, and its name.
    #[must_use]
    pub fn labels(&self) -> [(&'static str, &str); 2] {
        [("group", &self.group), ("register", &self.name)]
    }

    /// Commands that it refused, and connections that broke or could not be had.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.sum(|cells| &cells.errors)
    }

    /// Connections of workers that are up.
    #[must_use]
    pub fn connections(&self) -> i64 {
        self.sum(|cells| &cells.connections).cast_signed()
    }

    /// How long its batches took.
    #[must_use]
    pub fn durations(&self) -> Durations {
        let mut all = Durations { sum_ns: self.sum(|cells| &cells.duration_ns), ..<_>::default() };
        for cells in &self.workers {
            for (sum, bucket) in all.buckets.iter_mut().zip(&cells.duration_buckets) {
                *sum = sum.wrapping_add(bucket.load(Relaxed));
            }
        }
        all
    }

    /// Connections for which it does not vote, by the reason's label.
    #[must_use]
    pub fn ineligible(&self) -> [(&'static str, i64); Ineligible::ALL.len()] {
        Ineligible::ALL.map(|why| (why.name(), self.sum(|cells| cells.reason(why)).cast_signed()))
    }

    /// The name alone. No two registers have the same.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far its clock was ahead of this node's when a worker read it last, in milliseconds.
    /// `None`: no connection that is up has read it.
    #[must_use]
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        let mut known = self.workers.iter().map(|cells| cells.clock.0.load(Relaxed));
        known.find(|ahead_ms| *ahead_ms != ClockCell::UNKNOWN)
    }

    /// What this worker's connection knows of the register's clock.
    pub(crate) fn set_clock_ahead_ms(&self, worker: usize, ahead_ms: Option<i64>) {
        self.of(worker).clock.0.store(ahead_ms.unwrap_or(ClockCell::UNKNOWN), Relaxed);
    }

    pub(crate) fn count_error(&self, worker: usize) {
        add(&self.of(worker).errors, 1);
    }

    /// One of this worker's connections begins (1) or ends (-1).
    pub(crate) fn add_connections(&self, worker: usize, by: i64) {
        add(&self.of(worker).connections, by.cast_unsigned());
    }

    /// One of this worker's connections begins (1) or ends (-1) to be ineligible for a reason.
    pub(crate) fn add_ineligible(&self, worker: usize, why: Ineligible, by: i64) {
        add(self.of(worker).reason(why), by.cast_unsigned());
    }

    pub(crate) fn observe_ns(&self, worker: usize, ns: u64) {
        let bucket = DURATION_BOUNDS_NS.partition_point(|&bound| bound < ns);
        let cells = self.of(worker);
        add(&cells.duration_ns, ns);
        add(cells.duration_buckets.get(bucket).expect("a bucket above all bounds"), 1);
    }

    fn of(&self, worker: usize) -> &Cells {
        self.workers.get(worker).expect("the worker is one of those that were announced")
    }

    fn sum<'a>(&'a self, cell: impl Fn(&'a Cells) -> &'a AtomicU64) -> u64 {
        self.workers.iter().map(|cells| cell(cells).load(Relaxed)).fold(0, u64::wrapping_add)
    }
}

impl Cells {
    fn reason(&self, why: Ineligible) -> &AtomicU64 {
        self.ineligible.get(why.index()).expect("a cell for each reason")
    }
}

/// Adds to a cell that this thread alone writes; wraps, so that a gauge can take a negative number.
fn add(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_added_up_and_a_register_is_told_of_in_a_line() {
        let counts = Counts::new(3, &[vec!["a:1".to_owned()], vec!["b:2".to_owned()]]);
        let one = counts.register(1).unwrap();
        one.add_connections(0, 1);
        one.add_connections(1, 1);
        one.add_connections(0, -1);
        one.add_ineligible(1, Ineligible::Twin, 1);
        one.count_error(2);
        for ns in [1_000, 1_001, 100_000_001] {
            one.observe_ns(1, ns);
        }
        counts.quorum_failed(0, 1);
        counts.quorum_failed(2, 1);
        assert_eq!((one.connections(), one.errors()), (1, 1));
        let durations = one.durations();
        assert_eq!((durations.buckets[0], durations.buckets[1], durations.buckets[16]), (1, 1, 1));
        assert_eq!(durations.sum_ns, 100_002_002);
        assert!(counts.quorum_failures().eq([0, 2]));
        let lines: Vec<String> = counts.lines().collect();
        assert_eq!(lines[0], "register a:1 (group 1): 0 of 2 connections up");
        assert_eq!(
            lines[1],
            "register b:2 (group 2): 1 of 2 connections up, abstains: same_server"
        );
        assert_eq!(one.labels(), [("group", "2"), ("register", "b:2")]);
    }

    #[test]
    fn a_clock_is_known_while_a_worker_knows_it() {
        let counts = Counts::new(3, &[vec!["a:1".to_owned()]]);
        let one = counts.register(0).unwrap();
        assert_eq!((one.name(), one.clock_ahead_ms()), ("a:1", None));
        one.set_clock_ahead_ms(1, Some(-1_500));
        assert_eq!(one.clock_ahead_ms(), Some(-1_500));
        one.set_clock_ahead_ms(0, Some(0));
        assert_eq!(one.clock_ahead_ms(), Some(0), "0 is known");
        one.set_clock_ahead_ms(0, None);
        one.set_clock_ahead_ms(1, None);
        assert_eq!(one.clock_ahead_ms(), None, "all connections are lost");
    }
}
