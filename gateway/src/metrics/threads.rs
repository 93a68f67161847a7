//! The threads of the workers, whose processor time the kernel counts.

use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use rustix::thread::Pid;

use super::cells::WorkerId;

/// The kernel's number of each worker's thread; 0 where a worker has not begun.
#[derive(Debug)]
pub(crate) struct WorkerThreads(Box<[AtomicI32]>);

impl WorkerThreads {
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| AtomicI32::new(0)).collect())
    }

    /// A worker runs on this thread from now on.
    pub(super) fn begin(&self, worker: WorkerId, thread: Pid) {
        if let Some(cell) = self.0.get(worker.index()) {
            cell.store(thread.as_raw_nonzero().get(), Relaxed);
        }
    }

    /// The workers that have begun, and their threads.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, i32)> {
        let threads = self.0.iter().map(|cell| cell.load(Relaxed)).enumerate();
        threads.filter(|(_, thread)| *thread > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_shown_once_it_has_begun() {
        let threads = WorkerThreads::new(3);
        assert_eq!(threads.all().count(), 0);
        let thread = rustix::thread::gettid();
        threads.begin(WorkerId::new(1), thread);
        threads.begin(WorkerId::new(3), thread);
        assert!(threads.all().eq([(1, thread.as_raw_nonzero().get())]));
    }
}
