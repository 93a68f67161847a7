//! Counters that cost a load and a store: one block of cells per worker.
//!
//! A shared counter makes the cores fight for its cache line. Here every worker has its own block,
//! on its own cache lines, and is the only writer of it. A reader adds up the blocks. With a single
//! writer, a relaxed load and a relaxed store suffice: no read-modify-write is needed, and no count
//! is lost.

use std::sync::atomic::{AtomicU64, Ordering};

/// Cells in a line: 128 bytes, because cores prefetch cache lines of 64 bytes in pairs.
const LINE_CELLS: usize = 16;

/// The worker that counts.
///
/// Each worker thread has its own number, from 0 to the number of workers less one. No other thread
/// may use it: two writers to one cell would lose counts, but do no other harm.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct WorkerId(usize);

impl WorkerId {
    /// The worker of this number, counted from 0.
    pub const fn new(index: usize) -> Self {
        Self(index)
    }

    /// The worker's number, counted from 0.
    pub const fn index(self) -> usize {
        self.0
    }
}

/// The same few cells for every worker.
#[derive(Debug)]
pub(super) struct Cells {
    lines: Box<[Line]>,
    lines_per_worker: usize,
}

#[repr(align(128))]
#[derive(Debug, Default)]
struct Line([AtomicU64; LINE_CELLS]);

impl Cells {
    pub(super) fn new(workers: usize, cells: usize) -> Self {
        assert!(workers > 0, "somebody must count");
        assert!(cells > 0, "something must be counted");
        let lines_per_worker = cells.div_ceil(LINE_CELLS);
        let lines = (0..workers * lines_per_worker).map(|_| Line::default()).collect();
        Self { lines, lines_per_worker }
    }

    /// Adds to a worker's cell; wraps, so that a gauge can add a negative number.
    pub(super) fn add(&self, worker: WorkerId, cell: usize, n: u64) {
        let cell = self.cell(worker, cell);
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The sum over all workers. Workers go on counting meanwhile, so sums of different cells may
    /// be a few events apart.
    pub(super) fn sum(&self, cell: usize) -> u64 {
        (0..self.lines.len() / self.lines_per_worker)
            .map(|worker| self.cell(WorkerId(worker), cell).load(Ordering::Relaxed))
            .fold(0, u64::wrapping_add)
    }

    fn cell(&self, worker: WorkerId, cell: usize) -> &AtomicU64 {
        let line = cell / LINE_CELLS;
        assert!(line < self.lines_per_worker, "the cell belongs to this worker");
        self.lines
            .get(worker.0 * self.lines_per_worker + line)
            .and_then(|line| line.0.get(cell % LINE_CELLS))
            .expect("the worker is one of those that were announced")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_counts_for_itself_and_the_sum_is_over_all() {
        let cells = Cells::new(3, 20);
        cells.add(WorkerId::new(0), 17, 5);
        cells.add(WorkerId::new(2), 17, 7);
        cells.add(WorkerId::new(1), 0, 1);
        assert_eq!([cells.sum(17), cells.sum(0), cells.sum(16)], [12, 1, 0]);
    }

    #[test]
    fn no_two_workers_share_a_line() {
        let cells = Cells::new(2, 1);
        let address = |worker| std::ptr::from_ref(cells.cell(WorkerId::new(worker), 0)).addr();
        assert_eq!(address(0) % 128, 0);
        assert_eq!(address(1), address(0) + 128);
    }

    #[test]
    fn nothing_is_lost_while_all_workers_count_at_once() {
        let cells = Cells::new(4, 2);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let cells = &cells;
                scope.spawn(move || {
                    for _ in 0..50_000 {
                        cells.add(WorkerId::new(worker), 1, 1);
                    }
                });
            }
        });
        assert_eq!(cells.sum(1), 200_000);
    }

    #[test]
    #[should_panic(expected = "the cell belongs to this worker")]
    fn a_cell_of_the_next_worker_cannot_be_reached() {
        Cells::new(2, 16).add(WorkerId::new(0), 16, 1);
    }
}
