//! `mark`: a time that is later than any that codes were judged by, safe on disk before it is used.
//!
//! After a power cut the table is gone and the clock may have fallen back: then this is how the new
//! table's fence is put late enough. Text, for whoever looks: milliseconds of Unix time, and the
//! largest skew in milliseconds.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use keyring::time::UnixMillis;
use rustix::fs::{FlockOperation, flock};

use super::limits::{PROMISE_MS, PROMISE_STEP_MS};
use crate::Replay;
use clock::Clock;
use sys::disk;

/// Bytes of the file: two numbers and their padding.
const BYTES: usize = 48;

/// The file of a data directory.
#[derive(Debug)]
pub(super) struct MarkFile {
    pub(super) path: PathBuf,
    file: File,
    /// What this process has made it say.
    promised: UnixMillis,
}

/// What it says.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Promise {
    pub(super) until: UnixMillis,
    pub(super) skew_ms: i64,
}

impl MarkFile {
    /// Opens the file, making it if it is not there.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = disk::open_private(&path)?;
        Ok(Self { path, file, promised: UnixMillis::new(i64::MIN) })
    }

    /// Sees to it that a time well ahead of now is on disk, and tells the table so.
    pub(super) fn keep_ahead(&mut self, replay: &Replay, clock: &Clock) -> io::Result<()> {
        let time = replay.mark().max(clock.now());
        let until = time.plus_ms(PROMISE_MS);
        if until >= self.promised.plus_ms(PROMISE_STEP_MS) {
            self.raise(Promise { until, skew_ms: replay.skew_ms() })?;
            self.promised = until;
            replay.promise(until);
        }
        Ok(())
    }

    /// What the file says; nothing if it is new, or damaged.
    pub(super) fn read(&self) -> io::Result<Option<Promise>> {
        let mut bytes = [0; BYTES];
        let length = self.file.read_at(&mut bytes, 0)?;
        Ok(bytes.get(..length).and_then(parse))
    }

    /// Makes the file say at least this, and returns once that is on disk.
    ///
    /// Under a lock, so that of two processes the one whose time is behind does not take back what
    /// the other relies on.
    pub(super) fn raise(&self, promise: Promise) -> io::Result<()> {
        flock(&self.file, FlockOperation::LockExclusive)?;
        let written = self.raise_locked(promise);
        flock(&self.file, FlockOperation::Unlock)?;
        written
    }

    fn raise_locked(&self, promise: Promise) -> io::Result<()> {
        let found = self.read()?.unwrap_or(promise);
        let until = found.until.max(promise.until).get();
        let skew_ms = found.skew_ms.max(promise.skew_ms);
        let line = format!("{until} {skew_ms}");
        self.file.write_all_at(format!("{line:<width$}\n", width = BYTES - 1).as_bytes(), 0)?;
        self.file.sync_data()
    }
}

fn parse(bytes: &[u8]) -> Option<Promise> {
    let mut numbers = std::str::from_utf8(bytes).ok()?.split_whitespace();
    let (until, skew_ms) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some(Promise { until: UnixMillis::new(until), skew_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(until: i64, skew_ms: i64) -> Promise {
        Promise { until: UnixMillis::new(until), skew_ms }
    }

    #[test]
    fn it_only_rises() {
        let directory = tempfile::tempdir().unwrap();
        let open = || MarkFile::open(directory.path().join("mark")).unwrap();
        let (mark, other) = (open(), open());
        assert_eq!(mark.read().unwrap(), None);
        mark.raise(promise(1_800_000_005_000, 2_000)).unwrap();
        assert_eq!(other.read().unwrap(), Some(promise(1_800_000_005_000, 2_000)));
        other.raise(promise(1_800_000_004_000, 10_000)).unwrap();
        assert_eq!(mark.read().unwrap(), Some(promise(1_800_000_005_000, 10_000)));
    }

    #[test]
    fn what_is_no_mark_says_nothing() {
        for text in ["", "1", "1 2 3", "x 2000", "1800000005000 2000 \u{fffd}"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse(b"-1 0\n"), Some(promise(-1, 0)));
    }
}
