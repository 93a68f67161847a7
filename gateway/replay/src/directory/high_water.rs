//! The file `mark`: a time that is on disk before any code is judged by it.
//!
//! After a power cut the table is gone, and the clock may have fallen back. By this file the fence
//! of the new table is late enough all the same. It is text, for operators: milliseconds of Unix
//! time, and the largest skew in milliseconds.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use clock::Clock;
use keyring::time::UnixMillis;
use rustix::fs::{FlockOperation, flock};
use sys::disk;

use super::tables::Tables;
use crate::limits::{PROMISE_MS, PROMISE_STEP_MS};

/// Bytes of the file: two numbers and their padding.
const BYTES: usize = 48;

/// The file `mark` of a data directory.
#[derive(Debug)]
pub(super) struct HighWaterFile {
    pub(super) path: PathBuf,
    file: File,
    /// The latest time that this process has written.
    promised: UnixMillis,
}

/// What the file says: codes were judged by no time after `until`, and with no larger skew.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Promise {
    pub(super) until: UnixMillis,
    pub(super) skew_ms: i64,
}

impl HighWaterFile {
    /// Opens the file, making it if it is not there.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = disk::open_private(&path)?;
        Ok(Self { path, file, promised: UnixMillis::new(i64::MIN) })
    }

    /// Writes a time well ahead of now to the disk, if the last one is no longer that. Then codes
    /// may be judged by times up to it.
    ///
    /// The skew is that of codes: the passes' table always counts with the largest there is.
    pub(super) fn keep_ahead(&mut self, tables: &Tables, clock: &Clock) -> io::Result<()> {
        let time = tables.high_water_mark().max(clock.now());
        let until = time.plus_ms(PROMISE_MS);
        if until >= self.promised.plus_ms(PROMISE_STEP_MS) {
            self.raise(Promise { until, skew_ms: tables.codes.skew_ms() })?;
            self.promised = until;
            tables.promise(until);
        }
        Ok(())
    }

    /// What the file says; `None` if it is new, or damaged.
    pub(super) fn read(&self) -> io::Result<Option<Promise>> {
        let mut bytes = [0; BYTES];
        let length = self.file.read_at(&mut bytes, 0)?;
        Ok(bytes.get(..length).and_then(parse))
    }

    /// Raises what the file says to at least this. It is on disk when this returns.
    ///
    /// Under a lock: of two processes, one with an earlier time must not lower what the other
    /// relies on.
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
        let open = || HighWaterFile::open(directory.path().join("mark")).unwrap();
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
