//! The record as a process uses it: it begins, takes decisions and notices, and ends.

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
use sys::{
    disk::Group,
    log::{self, Event},
};

use crate::{
    account::{AccountEvent, AccountPlace},
    decision::{Entry, Labels, Trail},
    files::{RecordDirectory, Sink},
    format::Chain,
    key_change::key_changes,
    limits,
    queue::{Notice, Queues, ROOM_UNKNOWN},
    settings::{Settings, WhenFull},
    subject_key::{KeyFileError, SubjectKey},
    writer::{Author, Writer},
};

/// Takes decisions and notices. Each method returns at once.
#[derive(Debug)]
pub struct Record(Option<Active>);

#[derive(Debug)]
struct Active {
    queues: Arc<Queues>,
    notices: SyncSender<Notice>,
    accounts: SyncSender<AccountEvent>,
    writer: Thread,
}

/// Ends the record when it is dropped: what is queued is written, then the last line.
#[derive(Debug)]
pub struct Recording {
    writer: Option<(Arc<Queues>, Thread)>,
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

/// Called once, on the writer's thread, when the writer has panicked: no line is written any more.
/// With [`WhenFull::Refuse`] no code may be spent from then on.
pub type OnPanic = Box<dyn FnOnce(WhenFull) + Send>;

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
pub struct RecordStats {
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
    /// Free room on the file system, as of the last second. `None`: it cannot be measured.
    pub free_bytes: Option<u64>,
}

impl Record {
    /// No record: nothing is written, and no request is refused.
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
        let (done, ended) = sync_channel(1);
        let group = settings.group.as_deref().map(Group::find).transpose();
        let group = group.map_err(RecordError::Group)?;
        if !settings.enabled {
            return Ok((Self::off(), Recording { writer: None, ended }));
        }
        let queues = Arc::new(Queues::new(settings, context.workers));
        let (notices, inbox) = sync_channel(limits::NOTICES_MAX);
        let (accounts, account_events) = sync_channel(limits::ACCOUNT_EVENTS_MAX);
        let on_panic = context.on_panic;
        let now = context.clock.now();
        let directory = RecordDirectory::new(settings, group, now);
        let path = directory.path.clone();
        let failed = |source| RecordError::Directory { path: path.clone(), source };
        let subject_key = settings.subject_key.as_deref().map(SubjectKey::read).transpose()?;
        let author = Author { node: directory.node.clone(), process: directory.process.clone() };
        let sink = Sink::new(directory).map_err(failed)?;
        let previous = sink.directory().previous_end().map_err(failed)?;
        let mut writer = Writer {
            queues: Arc::clone(&queues),
            notices: inbox,
            account_events,
            clock: context.clock,
            author,
            subject_key,
            sink,
            chain: Chain::default(),
            labels: Arc::new(context.labels),
            keys: context.keys,
            previous,
            failing_since: None,
            dropped_written: 0,
            emptied_at: now,
            expired_at: None,
            warned_at: None,
            measured_at: None,
            has_ended: false,
        };
        writer.begin().map_err(failed)?;
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn({
                let queues = Arc::clone(&queues);
                move || match catch_unwind(AssertUnwindSafe(|| writer.run())) {
                    // If the process was told to end at once, no thread waits for this.
                    Ok(()) => drop(done.send(())),
                    // The writer does not begin anew: it may have stopped within a line, so its
                    // chain may be wrong. A new process can record.
                    Err(_) => {
                        queues.is_failing.store(true, Relaxed);
                        on_panic(queues.when_full);
                    }
                }
            })
            .map_err(RecordError::Thread)?;
        let writer = thread.thread().clone();
        let recording = Recording { writer: Some((Arc::clone(&queues), writer.clone())), ended };
        Ok((Self(Some(Active { queues, notices, accounts, writer })), recording))
    }

    /// Are decisions recorded at all?
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Reserves a place for the decision on a request that is about to spend a code. `worker` is
    /// the number of the calling worker, from 0; no other thread uses it. False: there is no place,
    /// and with [`WhenFull::Refuse`] the request must be refused.
    #[inline]
    #[must_use]
    pub fn reserve(&self, worker: usize, trail: &mut Trail) -> bool {
        self.0.as_ref().is_none_or(|active| active.queues.reserve(worker, trail))
    }

    /// Queues a decision, or counts it as dropped. Costs the copy of the entry. `worker` is as for
    /// [`Self::reserve`].
    #[inline]
    pub fn push(&self, worker: usize, entry: Entry) {
        if let Some(active) = &self.0
            && active.queues.push(worker, entry)
        {
            active.writer.unpark();
        }
    }

    /// Records that another configuration and keyring are in force.
    pub fn note_reload(&self, at: UnixMillis, labels: Labels, old: &KeySet, new: &KeySet) {
        let (changes, keys) = (key_changes(old, new), new.iter().len());
        self.send(Notice::Reloaded { at, labels: Arc::new(labels), keys, changes });
    }

    /// Records that nothing changed, because what was read could not be used. Of `why` the first
    /// 1,000 characters are kept.
    pub fn note_refused_reload(&self, at: UnixMillis, why: &str) {
        self.send(Notice::ReloadRefused { at, why: why.chars().take(1_000).collect() });
    }

    /// Reserves room for what is said of accounts next. `None`: there is none, and with
    /// [`WhenFull::Refuse`] no account may be changed.
    pub fn reserve_account_event(&self) -> Option<AccountPlace> {
        let Some(Active { queues, accounts, .. }) = &self.0 else {
            return Some(AccountPlace::none());
        };
        if !self.is_well() {
            return None;
        }
        let place = AccountPlace::reserve(accounts, queues);
        match queues.when_full {
            WhenFull::Refuse => place,
            WhenFull::Drop => Some(place.unwrap_or_else(|| {
                let what = format_args!("changes of accounts are missing in the decision record");
                log::event(Event::RecordEventMissing, what);
                AccountPlace::none()
            })),
        }
    }

    /// False while requests that spend codes are refused because the record cannot be written.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.0.as_ref().is_none_or(|active| {
            active.queues.when_full == WhenFull::Drop || !active.queues.is_failing.load(Relaxed)
        })
    }

    /// The figures of now; `None` if there is no record.
    #[must_use]
    pub fn stats(&self) -> Option<RecordStats> {
        let queues = &self.0.as_ref()?.queues;
        Some(RecordStats {
            decisions: queues.decisions.load(Relaxed),
            dropped: queues.dropped(),
            bytes: queues.bytes.load(Relaxed),
            errors: queues.errors.load(Relaxed),
            queued: queues.queued(),
            capacity: queues.capacity(),
            free_bytes: Some(queues.free_bytes.load(Relaxed)).filter(|free| *free != ROOM_UNKNOWN),
        })
    }

    /// While a full disk holds the writer up, notices beyond [`limits::NOTICES_MAX`] are told in
    /// the log alone.
    fn send(&self, notice: Notice) {
        if let Some(active) = &self.0
            && active.notices.try_send(notice).is_err()
        {
            let what = format_args!("a reload is missing in the decision record");
            log::event(Event::RecordEventMissing, what);
        }
    }
}

impl Recording {
    /// Ends the record. Its last line says how many requests the process counted by outcome: words
    /// that need no escape, each once.
    pub fn end(self, outcomes: Vec<(&'static str, u64)>) {
        if let Some((queues, _)) = &self.writer {
            // Set once: `self` is used up.
            let _ = queues.outcomes.set(outcomes);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let Some((queues, writer)) = self.writer.take() else { return };
        queues.is_leaving.store(true, Release);
        writer.unpark();
        let patience = 2 * limits::PATIENCE;
        if self.ended.recv_timeout(patience).is_err() {
            let what = format_args!("the end of the decision record could not be written");
            log::event(Event::RecordEndMissing, what);
        }
    }
}
