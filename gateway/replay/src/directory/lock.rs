//! The lock of a data directory: shared by all who redeem from its table, alone for who makes one.
//!
//! The system unlocks it when a process ends, however it ends. It is an advisory lock of the open
//! file (flock), so it works between containers that share the directory, and it is worth nothing
//! between machines: a directory on a network file system must not be shared.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::{file_id, open_file_id};
use sys::disk;

/// The file `lock` of a data directory, open and perhaps locked.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    id: [u64; 2],
}

impl Lock {
    /// Opens the file, making it if it is not there.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = disk::open_private(&path)?;
        let id = open_file_id(&file)?;
        Ok(Self { file, path, id })
    }

    /// Waits until nobody holds the lock alone; false if that is not within `patience`.
    pub(super) fn share(&self, patience: Duration) -> io::Result<bool> {
        let file = self.file.try_clone()?;
        // The wait has no limit of its own, so a thread waits; at the worst it ends with a process
        // that does not start.
        let (locked, waiting) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("lock".to_owned())
            .spawn(move || locked.send(flock(&file, FlockOperation::LockShared)))?;
        match waiting.recv_timeout(patience) {
            Ok(done) => done.map(|()| true).map_err(io::Error::from),
            Err(_) => Ok(false),
        }
    }

    /// Lets go of the lock and takes it alone; false, and not locked, if somebody shares it.
    ///
    /// Not one step: whoever takes the lock in between is seen by looking again at all.
    pub(super) fn take_alone(&self) -> io::Result<bool> {
        flock(&self.file, FlockOperation::Unlock)?;
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Is the file still the one that the directory's path leads to? Else somebody replaced the
    /// directory, and the lock protects nothing.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        is_at(&self.path, self.id)
    }
}

/// Does this path lead to this very file?
pub(super) fn is_at(path: &Path, id: [u64; 2]) -> io::Result<bool> {
    match file_id(path) {
        Ok(found) => Ok(found == id),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
