//! The queues between the workers and the writer: one for each worker, with one thread on each end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use crossbeam_queue::ArrayQueue;
use keyring::time::UnixMillis;

use crate::{
    decision::{Entry, Labels},
    key_change::KeyChange,
    settings::{Settings, WhenFull},
};

/// What workers and the writer share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) lanes: Box<[Lane]>,
    pub(crate) when_full: WhenFull,
    pub(crate) unverified_one_in: u64,
    pub(crate) failing: AtomicBool,
    pub(crate) leaving: AtomicBool,
    pub(crate) lines: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) errors: AtomicU64,
}

/// One worker's queue. Only that worker writes here, apart from what the writer takes out.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Lane {
    pub(crate) queue: ArrayQueue<Entry>,
    /// Places that are held for decisions to come.
    pub(crate) held: AtomicUsize,
    pub(crate) unverified: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// Called once, on the writer's thread, when the writer has panicked: no line is written any more.
/// The argument says whether requests that spend codes are all refused from then on, because
/// `when_full` is [`WhenFull::Refuse`].
pub type OnPanic = Box<dyn FnOnce(bool) + Send>;

/// What does not come from a request.
#[derive(Debug)]
pub(crate) enum Notice {
    Reloaded { at: UnixMillis, labels: Arc<Labels>, keys: usize, changes: Vec<KeyChange> },
    ReloadRefused { at: UnixMillis, why: String },
}

impl Lane {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            queue: ArrayQueue::new(capacity),
            held: AtomicUsize::new(0),
            unverified: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Is there a place that nobody holds?
    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() + self.held.load(Relaxed) < self.queue.capacity()
    }
}

impl Inner {
    pub(crate) fn new(settings: &Settings, workers: usize) -> Self {
        let capacity = settings.queue_entries.div_ceil(workers.max(1)).max(2);
        Self {
            lanes: (0..workers).map(|_| Lane::new(capacity)).collect(),
            when_full: settings.when_full,
            unverified_one_in: u64::from(settings.unverified_one_in),
            failing: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            lines: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.dropped.load(Relaxed)).sum()
    }

    pub(crate) fn queued(&self) -> usize {
        self.lanes.iter().map(|lane| lane.queue.len()).sum()
    }

    /// Decisions on what is no genuine code that no line stands for.
    pub(crate) fn unverified_left_out(&self) -> u64 {
        let seen = self.lanes.iter().map(|lane| lane.unverified.load(Relaxed));
        seen.filter(|seen| *seen > 0).map(|seen| (seen - 1) % self.unverified_one_in).sum()
    }

    /// The writer panicked, perhaps within a line: it does not begin anew, as its chain could be
    /// wrong. What must be recorded is refused from now on, and a new process can record it.
    pub(crate) fn lost(&self, on_panic: OnPanic) {
        self.failing.store(true, Relaxed);
        on_panic(self.when_full == WhenFull::Refuse);
    }

    /// What happens while nothing can be written.
    pub(crate) fn meanwhile(&self) -> &'static str {
        match self.when_full {
            WhenFull::Drop => {
                "decisions wait, and are dropped and counted when the queue is full \
                 (record.when_full = \"drop\")"
            }
            WhenFull::Refuse => {
                "requests that would spend a code are refused as overloaded \
                 (record.when_full = \"refuse\")"
            }
        }
    }
}
