//! Log lines, written to standard error by one thread. No other thread waits for standard error.
//!
//! Its reader may stand still, be gone, or have a full disk. So a line is handed over through a
//! bounded queue without waiting. What does not fit, or cannot be written, is dropped and counted
//! (`yanma_log_dropped_total`), and the next line that gets through tells how many are missing.
//!
//! Programs that only print a result start no thread: their lines are written at once, and an error
//! is ignored. A serving process says [`event`]s of a closed list; a command says [`notice`]s.

mod entry;
mod event;
mod recent;
mod writer;

use std::{
    fmt, io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use jiff::Timestamp;

pub use self::entry::Entry;
pub use self::event::{Event, Level};
pub use self::recent::{RECENT_BYTES_MAX, RECENT_MAX, recent};
use self::writer::{PAUSE, Writer};
use crate::failpoint;

/// Log lines that wait for standard error to take them. More are dropped and counted.
pub const LOG_LINES_MAX: usize = 1_024;
/// Bytes of one log line; a longer one is cut.
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1_024;
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

enum Said {
    Event(Entry),
    /// Whole lines, each with its line feed.
    Text(String),
}

/// Says what happened in a serving process: `2027-01-15T08:00:12.345Z warning drain_cut: …`.
///
/// The time is UTC and that of the call. The text after the colon is for a person.
pub fn event(event: Event, what: fmt::Arguments<'_>) {
    put(Said::Event(Entry::new(Timestamp::now(), event, what.to_string())));
}

/// Says something to the person who started a command.
pub fn notice(what: fmt::Arguments<'_>) {
    put(Said::Text(cut(format!("yanma: {what}\n"))));
}

/// Passes on text that is whole lines already.
pub fn text(lines: &str) {
    put(Said::Text(cut(lines.to_owned())));
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
        let lines = match &what {
            Said::Event(entry) => &entry.line(),
            Said::Text(lines) => lines,
        };
        return count(Writer::new(standard_error, Timestamp::now).line(lines, 0));
    };
    let missing = UNTOLD.swap(0, Relaxed);
    if log.queue.try_send(Item::Said { what, missing }).is_err() {
        UNTOLD.fetch_add(missing + 1, Relaxed);
        count(false);
    }
}

fn count(is_written: bool) {
    if !is_written {
        DROPPED.fetch_add(1, Relaxed);
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LOG_LINE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(LOG_LINE_BYTES_MAX));
        text.push_str(" [cut]\n");
    }
    text
}

/// The thread: until the process ends.
fn write(items: &Receiver<Item>) {
    let mut writer = Writer::new(standard_error, Timestamp::now);
    while let Ok(item) = items.recv() {
        failpoint::panic_at("log");
        match item {
            Item::Said { what: Said::Event(entry), missing } => {
                let entry = Arc::new(entry);
                recent::remember(Arc::clone(&entry));
                count(writer.line(&entry.line(), missing));
            }
            Item::Said { what: Said::Text(lines), missing } => count(writer.line(&lines, missing)),
            Item::Flush(written) => {
                // The asking thread may have run out of time.
                let _ = written.try_send(());
            }
        }
    }
}

/// The descriptor itself: the lock of [`io::stderr`] could be held by a write that does not end.
fn standard_error(bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(io::stderr(), bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_an_end() {
        let long = cut("药".repeat(LOG_LINE_BYTES_MAX));
        assert!(long.len() <= LOG_LINE_BYTES_MAX + 8 && long.ends_with("药 [cut]\n"));
        assert_eq!(cut("yanma: one\n".to_owned()), "yanma: one\n");
    }
}
