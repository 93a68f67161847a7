//! The tables' files as they were when they were mapped, and whether they still are those.

use std::io;
use std::path::PathBuf;

use keyring::time::UnixMillis;

use super::lock::{Lock, is_at};
use super::tables::Tables;
use crate::replay::Replay;
use crate::single_use::Retention;

/// The lock, and the files of the tables.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) lock: Lock,
    pub(super) codes: TableFile,
    pub(super) passes: Option<TableFile>,
}

/// A table's file as it was when it was mapped.
#[derive(Debug)]
pub(super) struct TableFile {
    pub(super) path: PathBuf,
    pub(super) id: [u64; 2],
    pub(super) boot: u128,
    /// The high-water mark at the last check; it must not fall.
    pub(super) mark_before: UnixMillis,
}

/// A table is no longer the one of the data directory.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: {why} while the gateway ran: no code is spent any more (replay_store_unavailable); \
     restart the gateway when the data directory is right"
)]
pub(super) struct Lost {
    pub(super) path: String,
    why: String,
}

impl Files {
    /// Whether the directory's paths still lead to the files that are locked and mapped.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        let passes = self.passes.as_ref().map_or(Ok(true), |passes| passes.is_in_place(&self.lock));
        Ok(self.codes.is_in_place(&self.lock)? && passes?)
    }

    /// Checks that the directory still holds these tables.
    pub(super) fn check(&self, tables: &Tables) -> Result<(), Lost> {
        self.codes.check(&self.lock, &tables.codes)?;
        match (&self.passes, &tables.passes) {
            (Some(file), Some(passes)) => file.check(&self.lock, passes),
            _ => Ok(()),
        }
    }

    /// Notes the marks, which must not fall from now on.
    pub(super) fn note_marks(&mut self, tables: &Tables) {
        self.codes.mark_before = tables.codes.high_water_mark();
        if let (Some(file), Some(passes)) = (&mut self.passes, &tables.passes) {
            file.mark_before = passes.high_water_mark();
        }
    }
}

impl TableFile {
    fn is_in_place(&self, lock: &Lock) -> io::Result<bool> {
        Ok(lock.is_in_place()? && is_at(&self.path, self.id)?)
    }

    fn check<R: Retention>(&self, lock: &Lock, replay: &Replay<R>) -> Result<(), Lost> {
        let lost = |why: String| Lost { path: self.path.display().to_string(), why };
        match self.is_in_place(lock) {
            Ok(true) => {}
            Ok(false) => return Err(lost("it was deleted or replaced".to_owned())),
            Err(error) => return Err(lost(error.to_string())),
        }
        match replay.is_intact(self.boot, self.id, self.mark_before) {
            true => Ok(()),
            false => Err(lost("somebody wrote over it".to_owned())),
        }
    }
}
