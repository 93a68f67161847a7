//! The table's file as it was when it was mapped, and whether it still is that.

use std::io;
use std::path::PathBuf;

use keyring::time::UnixMillis;

use super::lock::{Lock, is_at};
use crate::replay::Replay;

/// The lock, and the table's file as it was when it was mapped.
#[derive(Debug)]
pub(super) struct TableFile {
    pub(super) lock: Lock,
    pub(super) path: PathBuf,
    pub(super) id: [u64; 2],
    pub(super) boot: u128,
}

/// The table is no longer the one of the data directory.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: {why} while the gateway ran: no code is spent any more (replay_store_unavailable); \
     restart the gateway when the data directory is right"
)]
pub(super) struct Lost {
    path: String,
    why: String,
}

impl TableFile {
    /// Whether the directory's paths still lead to the files that are locked and mapped.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        Ok(self.lock.is_in_place()? && is_at(&self.path, self.id)?)
    }

    /// Checks that the directory still holds this table, with a high-water mark of at least
    /// `mark_before`.
    pub(super) fn check(&self, replay: &Replay, mark_before: UnixMillis) -> Result<(), Lost> {
        let lost = |why: String| Lost { path: self.path.display().to_string(), why };
        match self.is_in_place() {
            Ok(true) => {}
            Ok(false) => return Err(lost("it was deleted or replaced".to_owned())),
            Err(error) => return Err(lost(error.to_string())),
        }
        match replay.is_intact(self.boot, self.id, mark_before) {
            true => Ok(()),
            false => Err(lost("somebody wrote over it".to_owned())),
        }
    }
}
