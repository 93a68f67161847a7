//! Log lines, written to standard error by one thread. No other thread waits for standard error.
//!
//! Its reader may stand still, be gone, or have a full disk. So a line is handed over through a
//! bounded queue without waiting. What does not fit, or cannot be written, is dropped and counted
//! (`yanma_log_dropped_total`), and the next line that gets through tells how many are missing.
//!
//! Programs that only print a result start no thread: their lines are written at once, and an error
//! is ignored. A serving process says [`event`]s of a closed list; a command says [`notice`]s.
//!
//! | file | what it holds |
//! |---|---|
//! | `event`, `field` | the closed lists, as in `gateway/contract/events.toml` |
//! | `entry` | one event as it was said |
//! | `lines` | what the thread does with it: the four below, in this order |
//! | `limit` | one line a second of one event about one thing |
//! | `recent` | the last events in memory, for the admin page |
//! | `style` | text or JSON, and the prefix of the journal |
//! | `settings`, `text` | `[log]`; how long a text may be |
//! | `writer` | a descriptor that takes nothing, or only a part |

mod entry;
mod event;
mod field;
mod limit;
mod lines;
mod recent;
mod settings;
mod style;
mod text;
mod writer;

use std::{
    fmt::{self, Display},
    io,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use jiff::Timestamp;

pub use self::entry::Entry;
pub use self::event::{Event, Level};
pub use self::field::{Field, Value};
pub use self::recent::{RECENT_BYTES_MAX, RECENT_MAX, recent};
pub use self::settings::{Format, Settings, set};
pub use self::text::LOG_LINE_BYTES_MAX;
use self::{entry::Said, lines::Lines, style::is_journal, text::whole_lines, writer::PAUSE};
use crate::failpoint;

/// Log lines that wait for standard error to take them. More are dropped and counted.
pub const LOG_LINES_MAX: usize = 1_024;
/// What the end of the process waits for the log: its reader may stand still.
pub const LOG_FLUSH: Duration = Duration::from_secs(1);

static LOG: OnceLock<Log> = OnceLock::new();
/// Lines that were dropped, since the start.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Those that found no room and that no line has told of.
static UNTOLD: AtomicU64 = AtomicU64::new(0);

struct Log {
    queue: SyncSender<Item>,
    thread: JoinHandle<()>,
}

enum Item {
    /// What was said, and how many lines are missing before it.
    Said { what: Said, missing: u64 },
    /// Answered when all that came before was written.
    Flush(SyncSender<()>),
}

/// Says what happened in a serving process: `2027-01-15T08:00:12.345Z warning drain_cut: …`.
///
/// The time is UTC and that of the call. The text after the colon is for a person. The same event
/// within a second is held back until the second is over: `gateway/contract/events.toml` has the
/// rule.
pub fn event(event: Event, what: fmt::Arguments<'_>) {
    event_of(event, &[], what);
}

/// The same with what it is about, for programs that read the log. The event must have these
/// [`fields`](Event::fields).
pub fn event_of(event: Event, fields: &[(Field, &dyn Display)], what: fmt::Arguments<'_>) {
    let fields = fields.iter().map(|(field, value)| Value::new(*field, value)).collect();
    put(Said::Event(Entry::new(Timestamp::now(), event, fields, what.to_string())));
}

/// Says something to the person who started a command.
pub fn notice(what: fmt::Arguments<'_>) {
    put(Said::Text(whole_lines(format!("yanma: {what}\n"))));
}

/// Passes on text that is whole lines already.
pub fn text(lines: &str) {
    put(Said::Text(whole_lines(lines.to_owned())));
}

/// Lines that were dropped since the start.
pub fn dropped() -> u64 {
    DROPPED.load(Relaxed)
}

/// Starts the thread. From now on no line waits for standard error. A second call does nothing.
///
/// # Errors
///
/// The system's, if there is no thread to be had.
pub fn start() -> io::Result<()> {
    if LOG.get().is_some() {
        return Ok(());
    }
    let (queue, items) = sync_channel(LOG_LINES_MAX);
    let thread = thread::Builder::new().name("log".to_owned()).spawn(move || write(&items))?;
    // Where two start at once, the other's thread finds its queue closed and ends.
    let _ = LOG.set(Log { queue, thread });
    Ok(())
}

/// Has the thread ended? It never should; from then on each line is dropped and counted.
pub fn has_ended() -> bool {
    LOG.get().is_some_and(|log| log.thread.is_finished())
}

/// Waits until what was said is written, at most twice [`LOG_FLUSH`]: a reader that stands still
/// must not keep the process from ending.
pub fn flush() {
    let Some(log) = LOG.get() else { return };
    let (written, done) = sync_channel(1);
    for _ in 0..LOG_FLUSH.as_millis() / PAUSE.as_millis() {
        if log.queue.try_send(Item::Flush(written.clone())).is_ok() {
            let _ = done.recv_timeout(LOG_FLUSH);
            return;
        }
        thread::park_timeout(PAUSE);
    }
}

/// Hands it over, or drops it.
fn put(what: Said) {
    let Some(log) = LOG.get() else {
        let mut lines = Lines::new(standard_error, Timestamp::now, Settings::default, false);
        lines.take(what, 0);
        return count(lines.lost());
    };
    let missing = UNTOLD.swap(0, Relaxed);
    if log.queue.try_send(Item::Said { what, missing }).is_err() {
        UNTOLD.fetch_add(missing + 1, Relaxed);
        count(1);
    }
}

fn count(lost: u64) {
    DROPPED.fetch_add(lost, Relaxed);
}

/// The thread: until the process ends.
fn write(items: &Receiver<Item>) {
    let mut lines = Lines::new(standard_error, Timestamp::now, Settings::in_force, is_journal());
    loop {
        let item = match lines.patience() {
            Some(patience) => items.recv_timeout(patience),
            None => items.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        failpoint::panic_at("log");
        match item {
            Ok(Item::Said { what, missing }) => lines.take(what, missing),
            Ok(Item::Flush(written)) => {
                lines.tell_all();
                // The asking thread may have run out of time.
                let _ = written.try_send(());
            }
            Err(RecvTimeoutError::Timeout) => lines.tell_due(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        count(lines.lost());
    }
}

/// The descriptor itself: the lock of [`io::stderr`] could be held by a write that does not end.
fn standard_error(bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(io::stderr(), bytes)?)
}
