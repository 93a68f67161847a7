//! The record's handle for the workers, and how its writer begins and ends.

#[cfg(test)]
mod tests;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::Ordering::{Relaxed, Release},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::Thread,
};

use clock::Clock;
use keyring::{key_set::KeySet, time::UnixMillis};
use sys::{disk::Group, log};

use crate::{
    decision::{Entry, Labels, Trail},
    files::{Place, Sink},
    format::Chain,
    key_change::key_changes,
    limits,
    queue::{Inner, Lane, Notice, OnPanic},
    settings::{Settings, WhenFull},
    subject_key::{KeyFileError, SubjectKey},
    writer::{Author, Writer},
};

/// The record as those see it who decide.
#[derive(Debug)]
pub struct Record(Option<On>);

#[derive(Debug)]
struct On {
    inner: Arc<Inner>,
    notices: SyncSender<Notice>,
    writer: Thread,
}

/// Ends the record when it is dropped: what is queued is written, then the last line.
#[derive(Debug)]
pub struct Recording {
    inner: Option<(Arc<Inner>, Thread)>,
    ended: Receiver<()>,
}

/// What a process hands to its record when it begins.
pub struct Context {
    /// The number of workers, each of which has a queue.
    pub workers: usize,
    /// The names in force.
    pub labels: Labels,
    /// The number of keys in force.
    pub keys: usize,
    /// Where the time of lines that are no decisions comes from.
    pub clock: Clock,
    /// Called when the writer has panicked.
    pub on_panic: OnPanic,
}

/// Why the record did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The directory or its first file.
    #[error("[record] directory: {path}: {source}", path = .path.display())]
    Directory {
        /// The directory, or the file in it.
        path: std::path::PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The group that may read the files.
    #[error("[record] group: {0}")]
    Group(io::Error),
    /// The key that subjects are hashed with.
    #[error("[record] subject_key: {0}")]
    Key(#[from] KeyFileError),
    /// The writer's thread.
    #[error("the system refused a thread for the record: {0}")]
    Thread(io::Error),
}

/// The record in figures.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub struct Reading {
    /// Decisions written.
    pub decisions: u64,
    /// Decisions missing, because the queue was full.
    pub dropped: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Attempts to write that failed.
    pub errors: u64,
    /// Decisions that wait to be written.
    pub queued: usize,
    /// Decisions that may wait to be written, over all workers.
    pub capacity: usize,
}

impl Record {
    /// No record.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Writes the first line and starts the writer's thread.
    ///
    /// # Errors
    /// [`RecordError`]: a process that cannot record from the start does not start, unless it is
    /// only room that is missing.
    pub fn begin(settings: &Settings, context: Context) -> Result<(Self, Recording), RecordError> {
        let Context { workers, labels, keys, clock, on_panic } = context;
        let (done, ended) = sync_channel(1);
        let group = settings.group.as_deref().map(Group::find).transpose();
        let group = group.map_err(RecordError::Group)?;
        if !settings.enabled {
            return Ok((Self::off(), Recording { inner: None, ended }));
        }
        let subject_key = settings.subject_key.as_deref().map(SubjectKey::read).transpose()?;
        let (notices, inbox) = sync_channel(limits::NOTICES_MAX);
        let inner = Arc::new(Inner::new(settings, workers));
        let place = Place::new(settings, group, clock.now());
        let directory = place.directory.clone();
        let failed = |source| RecordError::Directory { path: directory.clone(), source };
        let who = Author { node: place.node.clone(), process: place.process.clone() };
        let sink = Sink::new(place).map_err(failed)?;
        let previous = sink.place().previous().map_err(failed)?;
        let mut writer = Writer {
            inner: Arc::clone(&inner),
            notices: inbox,
            clock,
            who,
            subject_key,
            sink,
            chain: Chain::default(),
            labels: Arc::new(labels),
            keys,
            previous,
            trouble_since: None,
            told_dropped: 0,
            expired_at: None,
            said_slow_at: None,
            has_ended: false,
        };
        writer.begin().map_err(failed)?;
        let told = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(|| writer.run())).is_ok() {
                    // No thread waits any more if the process was told to end at once.
                    let _ = done.send(());
                } else {
                    told.lost(on_panic);
                }
            })
            .map_err(RecordError::Thread)?;
        let writer = thread.thread().clone();
        let recording = Recording { inner: Some((Arc::clone(&inner), writer.clone())), ended };
        Ok((Self(Some(On { inner, notices, writer })), recording))
    }

    /// Are decisions recorded at all?
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Holds a place for the decision on a request that is about to spend a code. False: there is
    /// none, and `when_full` says that the request must be refused then.
    pub fn hold_place(&self, worker: usize, trail: &mut Trail) -> bool {
        let Some((on, lane)) = self.lane(worker) else { return true };
        if on.inner.when_full == WhenFull::Drop || trail.has_place {
            return true;
        }
        let has_room = !on.inner.failing.load(Relaxed) && lane.has_room();
        if has_room {
            lane.held.store(lane.held.load(Relaxed) + 1, Relaxed);
            trail.has_place = true;
        }
        has_room
    }

    /// Queues a decision, or counts it as dropped. Costs the copy of the entry; never waits.
    pub fn decided(&self, worker: usize, mut entry: Entry) {
        let Some((on, lane)) = self.lane(worker) else { return };
        if entry.trail.has_place {
            lane.held.store(lane.held.load(Relaxed).saturating_sub(1), Relaxed);
        } else if !entry.trail.matters() {
            // The first of each `unverified_one_in` stands for those since the last one.
            let seen = lane.unverified.load(Relaxed);
            lane.unverified.store(seen + 1, Relaxed);
            if !seen.is_multiple_of(on.inner.unverified_one_in) {
                return;
            }
            let stands_for = if seen == 0 { 1 } else { on.inner.unverified_one_in };
            entry.stands_for = u32::try_from(stands_for).unwrap_or(u32::MAX);
        }
        let has_room = entry.trail.has_place || lane.has_room();
        let stands_for = u64::from(entry.stands_for);
        if !has_room || lane.queue.push(entry).is_err() {
            lane.dropped.store(lane.dropped.load(Relaxed) + stands_for, Relaxed);
        } else if lane.queue.len() == lane.queue.capacity() / 2 {
            on.writer.unpark();
        }
    }

    /// Another configuration and keyring are in force.
    pub fn reloaded(&self, at: UnixMillis, labels: Labels, old: &KeySet, new: &KeySet) {
        let (changes, keys) = (key_changes(old, new), new.iter().len());
        self.notice(Notice::Reloaded { at, labels: Arc::new(labels), keys, changes });
    }

    /// Nothing changed, because what was read could not be used.
    pub fn reload_refused(&self, at: UnixMillis, why: &str) {
        self.notice(Notice::ReloadRefused { at, why: why.chars().take(1_000).collect() });
    }

    /// False while requests that spend codes are refused because the record cannot be written.
    pub fn is_well(&self) -> bool {
        self.0.as_ref().is_none_or(|on| {
            on.inner.when_full == WhenFull::Drop || !on.inner.failing.load(Relaxed)
        })
    }

    /// The figures of now; `None` if there is no record.
    pub fn reading(&self) -> Option<Reading> {
        let inner = &self.0.as_ref()?.inner;
        Some(Reading {
            decisions: inner.lines.load(Relaxed),
            dropped: inner.dropped(),
            bytes: inner.bytes.load(Relaxed),
            errors: inner.errors.load(Relaxed),
            queued: inner.queued(),
            capacity: inner.lanes.iter().map(|lane| lane.queue.capacity()).sum(),
        })
    }

    fn lane(&self, worker: usize) -> Option<(&On, &Lane)> {
        let on = self.0.as_ref()?;
        Some((on, on.inner.lanes.get(worker)?))
    }

    /// Never waits: thousands of reloads that a full disk holds up are told in the log.
    fn notice(&self, notice: Notice) {
        if let Some(on) = &self.0
            && on.notices.try_send(notice).is_err()
        {
            log::warning(format_args!("a reload is missing in the decision record"));
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let Some((inner, writer)) = self.inner.take() else { return };
        inner.leaving.store(true, Release);
        writer.unpark();
        let patience = 2 * limits::PATIENCE;
        if self.ended.recv_timeout(patience).is_err() {
            log::error(format_args!("the end of the decision record could not be written"));
        }
    }
}
