//! One table of a data directory: mapping the one that is there, making a new one, joining it. And
//! which fence it gets.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clock::Clock;
use keyring::time::UnixMillis;
use sys::disk;
use sys::log::{self, Event, Field};

use super::error::{DirectoryError, no_room, not_ahead, unusable};
use super::high_water::Promise;
use super::past::Past;
use super::settings::{Fence, Settings};
use super::table_file::TableFile;
use crate::file::{MapError, create, map, open_file_id};
use crate::header::{Birth, Mismatch, Remains, Store};
use crate::limits::UNATTENDED_MS;
use crate::replay::{Replay, fence_after};
use crate::single_use::Retention;

/// What a start wants of its data directory.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) settings: Settings,
    pub(super) fence: Fence,
    pub(super) boot: u128,
}

/// A table that is wanted, and its file.
pub(super) struct Mapped<R> {
    pub(super) replay: Replay<R>,
    pub(super) file: TableFile,
}

/// Something else is in a table's place.
pub(super) struct Unfit {
    pub(super) path: PathBuf,
    /// The slots that are wanted.
    pub(super) capacity: usize,
    pub(super) why: Mismatch,
    /// What is left of it.
    pub(super) remains: Option<Remains>,
}

impl Wanted {
    /// Maps a table, if it is the one that is wanted.
    pub(super) fn map<R: Retention>(
        &self,
        capacity: usize,
    ) -> Result<Result<Mapped<R>, Unfit>, DirectoryError> {
        let path = self.settings.dir.join(R::FILE);
        let failed = |error: io::Error| unusable(&path, &error);
        let unfit = |why, remains| Unfit { path: path.clone(), capacity, why, remains };
        let file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Err(unfit(Mismatch::Missing, None)));
            }
            file => file.map_err(failed)?,
        };
        match map::<R>(&file, capacity, self.settings.store, self.boot) {
            Ok(replay) => {
                let id = open_file_id(&file).map_err(failed)?;
                let mark_before = UnixMillis::new(0);
                let file = TableFile { path: path.clone(), id, boot: self.boot, mark_before };
                Ok(Ok(Mapped { replay, file }))
            }
            Err(MapError::Mismatch(why, remains)) => Ok(Err(unfit(why, remains))),
            Err(MapError::Io(error)) => Err(failed(error)),
        }
    }

    /// Writes a table aside and syncs it, then renames it into its place.
    pub(super) fn make<R: Retention>(
        &self,
        unfit: &Unfit,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<(), DirectoryError> {
        let Unfit { path, capacity, why, remains } = unfit;
        let now = clock.now();
        let aside = self.settings.dir.join(format!("{}.new", R::FILE));
        let past = Past::of(*why, *remains, promise, self.settings.skew_ms);
        let mark = past.high_water_mark.map_or(now, |mark| mark.max(now));
        not_ahead(path, mark, now)?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| unusable(path, &error.into()))?;
        // If the last table stood in front of registers, they know what was redeemed from it.
        let is_known =
            self.settings.store == Store::Registers && remains.is_some_and(|past| past.is_shared);
        let skew_ms = past.skew_ms.max(R::SKEW_MS_LEAST);
        let fence = match self.fence {
            _ if is_known => past.fence,
            Fence::UntilNow => past.fence.max(Some(fence_after(mark, skew_ms))),
            Fence::NotNeeded => None,
        };
        let birth = |file| Birth {
            key,
            boot: self.boot,
            file,
            store: self.settings.store,
            fence,
            skew_ms: self.settings.skew_ms,
            high_water_mark: mark,
        };
        if let Err(error) = write::<R>(&aside, *capacity, birth) {
            // Its blocks would only take room that is missing.
            let _ = fs::remove_file(&aside);
            return Err(no_room(&aside, *capacity, R::CAPACITY_KEY, &error));
        }
        fs::rename(&aside, path).map_err(|error| unusable(path, &error))?;
        sync_directory(&self.settings.dir)?;
        if *why != Mismatch::Missing {
            let what = format_args!("{}: a new table, because {why}", path.display());
            log::event_of(Event::ReplayTableNew, &[(Field::Path, &path.display())], what);
        }
        Ok(())
    }

    /// Joins a table that is there. Its high-water mark must not be far ahead of the clock. If it
    /// was unattended, its fence is raised. A table in front of registers needs none: they know
    /// what was spent.
    pub(super) fn join<R: Retention>(
        &self,
        replay: &Replay<R>,
        clock: &Clock,
    ) -> Result<(), DirectoryError> {
        let (mark, reading) = (replay.high_water_mark(), clock.reading());
        not_ahead(&self.settings.dir.join(R::FILE), mark, reading.now)?;
        replay.raise_skew(self.settings.skew_ms);
        let is_stale = reading.now.ms_since(mark) > UNATTENDED_MS;
        let was_unattended = replay.begin_watch(reading) || is_stale;
        if was_unattended && self.fence == Fence::UntilNow && self.settings.store == Store::Local {
            replay.raise_fence(fence_after(mark.max(reading.now), replay.skew_ms()));
        }
        Ok(())
    }
}

/// Writes a new table to the file `aside`, in place of what is there.
fn write<R: Retention>(
    aside: &Path,
    capacity: usize,
    birth: impl FnOnce([u64; 2]) -> Birth,
) -> io::Result<()> {
    if let Err(error) = fs::remove_file(aside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let file = disk::open_private(aside)?;
    create::<R>(&file, capacity, &birth(open_file_id(&file)?))
}

pub(super) fn sync_directory(dir: &Path) -> Result<(), DirectoryError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| unusable(dir, &error))
}
