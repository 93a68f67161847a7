//! The queues between the workers and the writer: one for each worker, with one thread at each end.
//!
//! Workers take no lock, allocate nothing and make no text. What they call is `#[inline]`: it is
//! small, and the gateway is another crate.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use crossbeam_queue::ArrayQueue;
use keyring::time::UnixMillis;

use crate::{
    decision::{Entry, Labels, Trail},
    key_change::KeyChange,
    limits::ACCOUNT_EVENTS_MAX,
    settings::{Settings, WhenFull},
};

/// What workers and the writer share: the queues, what is counted, and how the writer stands.
#[derive(Debug)]
pub(crate) struct Queues {
    pub(crate) lanes: Box<[Lane]>,
    pub(crate) when_full: WhenFull,
    unverified_one_in: u64,
    /// The record cannot be written.
    pub(crate) is_failing: AtomicBool,
    /// The process ends.
    pub(crate) is_leaving: AtomicBool,
    /// What the process counted, by outcome. Set before it ends.
    pub(crate) outcomes: OnceLock<Vec<(&'static str, u64)>>,
    /// Places of [`ACCOUNT_EVENTS_MAX`] that are taken.
    account_events: AtomicUsize,
    /// Decisions written.
    pub(crate) decisions: AtomicU64,
    /// Bytes written.
    pub(crate) bytes: AtomicU64,
    /// Attempts to write that failed.
    pub(crate) errors: AtomicU64,
    /// Free room on the record's file system, or [`ROOM_UNKNOWN`].
    pub(crate) free_bytes: AtomicU64,
}

/// The file system does not tell its room.
pub(crate) const ROOM_UNKNOWN: u64 = u64::MAX;

/// One worker's queue. Only that worker adds to it, and only the writer takes from it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Lane {
    pub(crate) queue: ArrayQueue<Entry>,
    /// Places that are reserved for decisions to come.
    reserved: AtomicUsize,
    /// Decisions on what is no genuine code.
    unverified: AtomicU64,
    dropped: AtomicU64,
}

/// What the writer is told beside decisions.
#[derive(Debug)]
pub(crate) enum Notice {
    Reloaded { at: UnixMillis, labels: Arc<Labels>, keys: usize, changes: Vec<KeyChange> },
    ReloadRefused { at: UnixMillis, why: String },
}

impl Lane {
    fn new(capacity: usize) -> Self {
        Self {
            queue: ArrayQueue::new(capacity),
            reserved: AtomicUsize::new(0),
            unverified: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Is there a place that no request has reserved?
    #[inline]
    fn has_room(&self) -> bool {
        self.queue.len() + self.reserved.load(Relaxed) < self.queue.capacity()
    }
}

impl Queues {
    pub(crate) fn new(settings: &Settings, workers: usize) -> Self {
        let capacity = settings.queue_entries.div_ceil(workers.max(1)).max(2);
        Self {
            lanes: (0..workers).map(|_| Lane::new(capacity)).collect(),
            when_full: settings.when_full,
            unverified_one_in: u64::from(settings.unverified_one_in),
            is_failing: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            outcomes: OnceLock::new(),
            account_events: AtomicUsize::new(0),
            decisions: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            free_bytes: AtomicU64::new(ROOM_UNKNOWN),
        }
    }

    /// Reserves a place for a request's decision. False: there is none, and the request must be
    /// refused.
    #[inline]
    pub(crate) fn reserve(&self, worker: usize, trail: &mut Trail) -> bool {
        let Some(lane) = self.lanes.get(worker) else { return true };
        if self.when_full == WhenFull::Drop || trail.is_reserved {
            return true;
        }
        let has_room = !self.is_failing.load(Relaxed) && lane.has_room();
        if has_room {
            lane.reserved.store(lane.reserved.load(Relaxed) + 1, Relaxed);
            trail.is_reserved = true;
        }
        has_room
    }

    /// Queues a decision, or counts it as dropped. True: the writer should be woken.
    #[inline]
    pub(crate) fn push(&self, worker: usize, mut entry: Entry) -> bool {
        let Some(lane) = self.lanes.get(worker) else { return false };
        if entry.trail.is_reserved {
            lane.reserved.store(lane.reserved.load(Relaxed).saturating_sub(1), Relaxed);
        } else if !entry.trail.is_always_recorded() {
            // The first of each `unverified_one_in` stands for those since the last one.
            let seen = lane.unverified.load(Relaxed);
            lane.unverified.store(seen + 1, Relaxed);
            if !seen.is_multiple_of(self.unverified_one_in) {
                return false;
            }
            let stands_for = if seen == 0 { 1 } else { self.unverified_one_in };
            entry.stands_for = u32::try_from(stands_for).unwrap_or(u32::MAX);
        }
        let has_room = entry.trail.is_reserved || lane.has_room();
        let stands_for = u64::from(entry.stands_for);
        if !has_room || lane.queue.push(entry).is_err() {
            lane.dropped.store(lane.dropped.load(Relaxed) + stands_for, Relaxed);
            return false;
        }
        lane.queue.len() == lane.queue.capacity() / 2
    }

    /// Takes a place for what is said of accounts. False: there is none.
    pub(crate) fn reserve_account_event(&self) -> bool {
        let one_more = |taken: usize| (taken < ACCOUNT_EVENTS_MAX).then(|| taken + 1);
        self.account_events.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }

    /// Gives such a place back.
    pub(crate) fn free_account_event(&self) {
        self.account_events.fetch_sub(1, Relaxed);
    }

    /// Decisions that had no place.
    pub(crate) fn dropped(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.dropped.load(Relaxed)).sum()
    }

    /// Decisions that wait.
    pub(crate) fn queued(&self) -> usize {
        self.lanes.iter().map(|lane| lane.queue.len()).sum()
    }

    /// Decisions that may wait.
    pub(crate) fn capacity(&self) -> usize {
        self.lanes.iter().map(|lane| lane.queue.capacity()).sum()
    }

    /// Decisions on what is no genuine code that no line stands for.
    pub(crate) fn unverified_left_out(&self) -> u64 {
        let seen = self.lanes.iter().map(|lane| lane.unverified.load(Relaxed));
        seen.filter(|seen| *seen > 0).map(|seen| (seen - 1) % self.unverified_one_in).sum()
    }

    /// What happens while nothing can be written, for an operator.
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
