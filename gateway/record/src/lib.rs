//! The decision record: one line of JSON for each decision, chained by hash, in files that rotate.
//!
//! A worker copies what it knows of a decision into a queue of its own (`Record::decided`): no
//! lock, no allocation, no text. A thread makes lines of it (`text`, `line`) and writes them
//! (`writer`, `files`). Reading them back is `read`, `search` and `reconcile`.
//!
//! What a line that is missing can mean is kept small: with `when_full = "refuse"` a request that
//! spends a code first holds a place in the queue (`Record::hold_place`), so that its decision
//! always fits; with `"drop"` a line says how many are missing. A killed process loses what was
//! decided in its last 10 ms or so ([`limits::FLUSH`]); what was
//! handed to the kernel before stays. A power cut loses what was not synced: `record.sync_ms`.

mod entry;
mod files;
mod key;
mod key_change;
mod labels;
pub mod limits;
mod line;
pub mod read;
pub mod reconcile;
pub mod search;
mod settings;
#[cfg(test)]
mod tests;
mod text;
mod writer;

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Relaxed, Release},
        },
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::Thread,
};

use crossbeam_queue::ArrayQueue;
use keyring::{key_set::KeySet, time::UnixMillis};

pub use self::{
    entry::{ClientText, Entry, Trail, client_text},
    files::FileName,
    key::{KeyFileError, SubjectKey},
    labels::{BackendLabels, Labels, RouteLabels, RouteUse},
    line::{LineHash, Sound, Unsound},
    settings::{Settings, WhenFull},
};
use self::{
    files::{Place, Sink},
    key_change::{KeyChange, key_changes},
    line::Chain,
    writer::Writer,
};
use clock::Clock;
use sys::{disk::Group, log};

/// Memory of a decision that waits to be written.
pub const ENTRY_BYTES: usize = size_of::<Entry>() + size_of::<usize>();

/// The record as those see it who decide.
#[derive(Debug)]
pub struct Record(Option<On>);

#[derive(Debug)]
struct On {
    inner: Arc<Inner>,
    notices: SyncSender<Notice>,
    writer: Thread,
}

/// What workers and the writer share.
#[derive(Debug)]
struct Inner {
    lanes: Box<[Lane]>,
    when_full: WhenFull,
    unverified_one_in: u64,
    failing: AtomicBool,
    leaving: AtomicBool,
    lines: AtomicU64,
    bytes: AtomicU64,
    errors: AtomicU64,
}

/// One worker's queue. Only that worker writes here, apart from what the writer takes out.
#[derive(Debug)]
#[repr(align(128))]
struct Lane {
    queue: ArrayQueue<Entry>,
    /// Places that are held for decisions to come.
    held: AtomicUsize,
    unverified: AtomicU64,
    dropped: AtomicU64,
}

/// What does not come from a request.
#[derive(Debug)]
enum Notice {
    Reloaded { at: UnixMillis, labels: Arc<Labels>, keys: usize, changes: Vec<KeyChange> },
    ReloadRefused { at: UnixMillis, why: String },
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

/// Called once, on the writer's thread, when the writer has panicked: no line is written any more.
/// The argument says whether requests that spend codes are all refused from then on, because
/// `when_full` is [`WhenFull::Refuse`].
pub type OnPanic = Box<dyn FnOnce(bool) + Send>;

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
        let place = place(settings, group, clock.now());
        let directory = place.directory.clone();
        let failed = |source| RecordError::Directory { path: directory.clone(), source };
        let who = text::Author { node: place.node.clone(), process: place.process.clone() };
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

impl Lane {
    fn new(capacity: usize) -> Self {
        Self {
            queue: ArrayQueue::new(capacity),
            held: AtomicUsize::new(0),
            unverified: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Is there a place that nobody holds?
    fn has_room(&self) -> bool {
        self.queue.len() + self.held.load(Relaxed) < self.queue.capacity()
    }
}

impl Inner {
    fn new(settings: &Settings, workers: usize) -> Self {
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

    fn dropped(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.dropped.load(Relaxed)).sum()
    }

    fn queued(&self) -> usize {
        self.lanes.iter().map(|lane| lane.queue.len()).sum()
    }

    /// Decisions on what is no genuine code that no line stands for.
    fn unverified_left_out(&self) -> u64 {
        let seen = self.lanes.iter().map(|lane| lane.unverified.load(Relaxed));
        seen.filter(|seen| *seen > 0).map(|seen| (seen - 1) % self.unverified_one_in).sum()
    }

    /// The writer panicked, perhaps within a line: it does not begin anew, as its chain could be
    /// wrong. What must be recorded is refused from now on, and a new process can record it.
    fn lost(&self, on_panic: OnPanic) {
        self.failing.store(true, Relaxed);
        on_panic(self.when_full == WhenFull::Refuse);
    }

    /// What happens while nothing can be written.
    fn meanwhile(&self) -> &'static str {
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

fn place(settings: &Settings, group: Option<Group>, now: UnixMillis) -> Place {
    // 2026-11-26T02:02:12.123Z without what separates, which file names had better not hold.
    let start: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let day_ms = 86_400_000;
    Place {
        directory: settings.directory.clone(),
        group,
        node: settings.node.clone().unwrap_or_else(host_name),
        process: format!("{start}-{}", std::process::id()),
        bytes_max: settings.file_mib_max << 20,
        age_ms_max: i64::from(settings.file_hours_max) * 3_600_000,
        keep_ms: (settings.keep_days > 0).then(|| i64::from(settings.keep_days) * day_ms),
        free_bytes_min: settings.free_mib_min << 20,
        sync_ms: i64::from(settings.sync_ms),
    }
}

/// The machine's name as a name of ours: a-z, 0-9 and -, at most 32.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
    let name: String = name.trim().chars().take(limits::NODE_BYTES_MAX).map(plain).collect();
    if name.is_empty() { "node".to_owned() } else { name.to_ascii_lowercase() }
}
