//! Log lines, written to standard error by one thread. No other thread waits for standard error.
//!
//! Its reader may stand still, be gone, or have a full disk. So a line is handed over through a
//! bounded queue without waiting. What does not fit, or cannot be written, is dropped and counted
//! (`yanma_log_dropped_total`), and the next line that gets through tells how many are missing.
//!
//! Programs that only print a result start no thread: their lines are written at once, and an error
//! is ignored.

use std::{
    fmt, io,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::failpoint;

/// Log lines that wait for standard error to take them. More are dropped and counted.
pub const LOG_LINES_MAX: usize = 1_024;
/// Bytes of one log line; a longer one is cut.
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1_024;
/// What the end of the process waits for the log: its reader may stand still.
pub const LOG_FLUSH: Duration = Duration::from_secs(1);
/// How long is waited before a descriptor is tried again that takes nothing now.
const PAUSE: Duration = Duration::from_millis(10);

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
    /// Text to its last line feed, and how many lines are missing before it.
    Line { text: String, missing: u64 },
    /// Answered when all that came before was written.
    Flush(SyncSender<()>),
}

/// Says something that is as it should be.
pub fn info(what: fmt::Arguments<'_>) {
    put(format!("yanma: {what}\n"));
}

/// Says something that an operator should look at some time.
pub fn warning(what: fmt::Arguments<'_>) {
    put(format!("yanma: warning: {what}\n"));
}

/// Says something that an operator should look at now.
pub fn error(what: fmt::Arguments<'_>) {
    put(format!("yanma: error: {what}\n"));
}

/// Passes on text that is whole lines already.
pub fn text(lines: &str) {
    put(lines.to_owned());
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

/// Hands text over, or drops it.
fn put(text: String) {
    let text = cut(text);
    let Some(log) = LOG.get() else {
        return count(Writer::new(standard_error).line(&text, 0));
    };
    let missing = UNTOLD.swap(0, Relaxed);
    if log.queue.try_send(Item::Line { text, missing }).is_err() {
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
    let mut writer = Writer::new(standard_error);
    while let Ok(item) = items.recv() {
        failpoint::panic_at("log");
        match item {
            Item::Line { text, missing } => count(writer.line(&text, missing)),
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

struct Writer<W> {
    out: W,
    /// Lines before the next one that were dropped, here or before the queue.
    missing: u64,
    /// The last write broke off within a line.
    is_torn: bool,
}

impl<W: FnMut(&[u8]) -> io::Result<usize>> Writer<W> {
    fn new(out: W) -> Self {
        Self { out, missing: 0, is_torn: false }
    }

    /// Writes a line behind `missing` others that were dropped. False: it is lost too.
    fn line(&mut self, text: &str, missing: u64) -> bool {
        self.missing += missing;
        if self.missing > 0 {
            let notice = format!(
                "yanma: warning: log lines are missing here: {} could not be written in time\n",
                self.missing
            );
            if self.write(&notice) {
                self.missing = 0;
            }
        }
        let is_written = self.write(text);
        self.missing += u64::from(!is_written);
        is_written
    }

    /// Writes all of it; false if it could not be written.
    fn write(&mut self, text: &str) -> bool {
        if self.is_torn && self.write_out(b"\n") > 0 {
            return false;
        }
        self.is_torn = false;
        let left = self.write_out(text.as_bytes());
        self.is_torn = 0 < left && left < text.len();
        left == 0
    }

    /// Writes as much as it can, and waits while the descriptor takes nothing; returns what is left.
    fn write_out(&mut self, mut bytes: &[u8]) -> usize {
        while !bytes.is_empty() {
            match (self.out)(bytes) {
                Ok(0) => break,
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another program that has the same descriptor made it so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::park_timeout(PAUSE);
                }
                Err(_) => break,
            }
        }
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rustix::io::Errno;

    use super::*;

    /// A descriptor that takes so many bytes or fails, one answer after the other, then everything.
    fn played(
        answers: impl IntoIterator<Item = Result<usize, Errno>>,
        out: &mut Vec<u8>,
    ) -> Writer<impl FnMut(&[u8]) -> io::Result<usize>> {
        let mut answers: VecDeque<_> = answers.into_iter().collect();
        Writer::new(move |bytes: &[u8]| {
            let taken = answers.pop_front().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
            out.extend(&bytes[..taken]);
            Ok(taken)
        })
    }

    #[test]
    fn a_part_of_a_line_is_followed_by_its_rest() {
        let mut out = Vec::new();
        let interrupted = [Ok(3), Err(Errno::INTR), Ok(1), Err(Errno::AGAIN)];
        assert!(played(interrupted, &mut out).write("yanma: one\n"));
        assert_eq!(out, b"yanma: one\n");
    }

    const NOTICE: &str =
        "yanma: warning: log lines are missing here: 1 could not be written in time\n";

    #[test]
    fn what_cannot_be_written_is_told_when_something_can() {
        for (answers, lines, written, out) in [
            // Its reader is gone, and another one comes.
            (vec![Err(Errno::PIPE)], 2, vec![false, true], format!("{NOTICE}2\n")),
            // No room in the middle of a line: the next one begins a line of its own.
            (vec![Ok(1), Err(Errno::NOSPC)], 2, vec![false, true], format!("1\n{NOTICE}2\n")),
            // The same in the notice, which comes again.
            (
                vec![Err(Errno::PIPE), Ok(5), Err(Errno::NOSPC)],
                3,
                vec![false, true, true],
                format!("yanma\n2\n{NOTICE}3\n"),
            ),
        ] {
            let mut found = Vec::new();
            let mut writer = played(answers, &mut found);
            let said: Vec<bool> = (1..=lines).map(|n| writer.line(&format!("{n}\n"), 0)).collect();
            drop(writer);
            assert_eq!((said, String::from_utf8(found).unwrap()), (written, out));
        }
    }

    #[test]
    fn a_line_has_an_end() {
        let long = cut("药".repeat(LOG_LINE_BYTES_MAX));
        assert!(long.len() <= LOG_LINE_BYTES_MAX + 8 && long.ends_with("药 [cut]\n"));
        assert_eq!(cut("yanma: one\n".to_owned()), "yanma: one\n");
    }
}
