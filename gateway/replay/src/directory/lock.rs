//! The lock of a data directory. Processes that redeem from its table hold it shared; a process
//! that makes a table holds it alone.
//!
//! The system unlocks it when a process ends, however it ends. It is an advisory lock of the open
//! file (flock), so it works between containers that share the directory. It does not work between
//! machines: they must not share a directory on a network file system.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sys::disk;

use crate::file::{file_id, open_file_id};

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

    /// Takes the lock shared. False if another process holds it alone for longer than `patience`.
    pub(super) fn share(&self, patience: Duration) -> io::Result<bool> {
        let file = self.file.try_clone()?;
        // flock waits without a limit, so a thread calls it. If it never returns, the thread ends
        // with the process, which does not start.
        let (locked, waiting) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("lock".to_owned())
            .spawn(move || locked.send(flock(&file, FlockOperation::LockShared)))?;
        match waiting.recv_timeout(patience) {
            Ok(done) => done.map(|()| true).map_err(io::Error::from),
            Err(_) => Ok(false),
        }
    }

    /// Unlocks and takes the lock alone. False, and not locked, if another process shares it.
    ///
    /// These are two steps, and another process may take the lock between them. So the caller must
    /// read the directory again.
    pub(super) fn take_alone(&self) -> io::Result<bool> {
        flock(&self.file, FlockOperation::Unlock)?;
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the directory's path still leads to this file. If not, the directory was replaced,
    /// and the lock protects nothing.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        is_at(&self.path, self.id)
    }
}

/// Whether this path leads to the file with this device and inode number.
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
