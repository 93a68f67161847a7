//! Opening a data directory: which table a process gets, and which fence.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clock::Clock;
use sys::disk;
use sys::log::{self, Event};

use super::error::{DirectoryError, held_alone, no_room, not_ahead, unusable};
use super::high_water::{HighWaterFile, Promise};
use super::lock::Lock;
use super::past::Past;
use super::settings::{Fence, Settings};
use super::table_file::TableFile;
use super::watch::DataDirectory;
use crate::file::{MapError, create, map, open_file_id};
use crate::header::{Birth, Mismatch, Remains, Store};
use crate::limits::{LOCK_PATIENCE, PAUSE, UNATTENDED_MS};
use crate::replay::{Replay, fence_after};

pub(super) const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Opens a data directory, making it if it is not there, and maps its table.
///
/// Two processes may hold it at once: both redeem from one table, and no code twice. Blocks on file
/// system calls, and up to 5 s on the lock.
///
/// # Errors
/// [`DirectoryError`]; the directory is not locked then.
pub fn open(
    settings: Settings,
    fence: Fence,
    clock: &Clock,
) -> Result<(DataDirectory, Replay), DirectoryError> {
    Wanted { settings, fence, boot: boot_id()? }.open(clock)
}

/// What a start wants of its data directory.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) settings: Settings,
    pub(super) fence: Fence,
    pub(super) boot: u128,
}

impl Wanted {
    pub(super) fn open(&self, clock: &Clock) -> Result<(DataDirectory, Replay), DirectoryError> {
        disk::make_private_dir(&self.settings.dir)
            .map_err(|error| unusable(&self.settings.dir, &error))?;
        let mark_path = self.settings.dir.join("mark");
        let mut high_water =
            HighWaterFile::open(mark_path.clone()).map_err(|error| unusable(&mark_path, &error))?;
        let promise = high_water.read().map_err(|error| unusable(&mark_path, &error))?;
        if let Some(Promise { until, .. }) = promise {
            not_ahead(&mark_path, until, clock.now())?;
        }
        let (table, replay) = self.table(promise, clock)?;
        self.join(&replay, clock)?;
        high_water.keep_ahead(&replay, clock).map_err(|error| unusable(&mark_path, &error))?;
        sync_directory(&self.settings.dir)?;
        Ok((DataDirectory { table, high_water }, replay))
    }

    /// The table that is there, or a new one, with the lock shared.
    fn table(
        &self,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<(TableFile, Replay), DirectoryError> {
        let path = self.settings.dir.join("lock");
        let rounds = LOCK_PATIENCE.as_millis() / PAUSE.as_millis();
        let mut mismatch = Mismatch::Missing;
        for _ in 0..rounds {
            let lock = Lock::open(path.clone()).map_err(|error| unusable(&path, &error))?;
            if !lock.share(LOCK_PATIENCE).map_err(|error| unusable(&path, &error))? {
                return Err(held_alone(&path));
            }
            match self.map()? {
                Found::Table(replay, id) => {
                    let path = self.table_path();
                    let table = TableFile { lock, path, id, boot: self.boot };
                    // These were two steps: the directory may have been replaced between them.
                    if table.is_in_place().map_err(|error| unusable(&self.settings.dir, &error))? {
                        return Ok((table, replay));
                    }
                }
                Found::Other(why, _) => {
                    mismatch = why;
                    if self.replace(&lock, promise, clock)? {
                        continue;
                    }
                }
            }
            // No event tells when other processes release a shared lock. A blocking wait for the
            // lock alone would last as long as another gateway runs.
            std::thread::park_timeout(PAUSE);
        }
        Err(DirectoryError::Unusable {
            path: self.table_path().display().to_string(),
            why: format!(
                "a gateway that runs or drains with this directory is in the way of a new table of \
                 {} slots ({mismatch}): wait for its end, or give this gateway a directory of its own",
                self.settings.capacity
            ),
        })
    }

    /// Makes a table in place of what is there. False if another process uses that, or the
    /// directory was replaced.
    fn replace(
        &self,
        lock: &Lock,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<bool, DirectoryError> {
        let failed = |error: io::Error| unusable(&self.settings.dir.join("lock"), &error);
        if !lock.take_alone().map_err(failed)? || !lock.is_in_place().map_err(failed)? {
            return Ok(false);
        }
        // Alone now. But another process may have made a table since the last `map`.
        if let Found::Other(why, remains) = self.map()? {
            self.make(why, remains, promise, clock)?;
        }
        Ok(true)
    }

    /// Writes a table aside and syncs it, then renames it into its place.
    fn make(
        &self,
        why: Mismatch,
        remains: Option<Remains>,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<(), DirectoryError> {
        let now = clock.now();
        let (path, aside) = (self.table_path(), self.settings.dir.join("replay.new"));
        let past = Past::of(why, remains, promise, self.settings.skew_ms);
        let mark = past.high_water_mark.map_or(now, |mark| mark.max(now));
        not_ahead(&path, mark, now)?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| unusable(&path, &error.into()))?;
        // If the last table stood in front of registers, they know what was redeemed from it.
        let is_known =
            self.settings.store == Store::Registers && remains.is_some_and(|past| past.is_shared);
        let fence = match self.fence {
            _ if is_known => past.fence,
            Fence::UntilNow => past.fence.max(Some(fence_after(mark, past.skew_ms))),
            Fence::NotNeeded => None,
        };
        let failed = |error: io::Error| no_room(&aside, self.settings.capacity, &error);
        let made = (|| {
            if let Err(error) = fs::remove_file(&aside)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let file = disk::open_private(&aside)?;
            let file_id = open_file_id(&file)?;
            let skew_ms = self.settings.skew_ms;
            let birth = Birth {
                key,
                boot: self.boot,
                file: file_id,
                store: self.settings.store,
                fence,
                skew_ms,
                high_water_mark: mark,
            };
            create(&file, self.settings.capacity, &birth)
        })();
        if let Err(error) = made {
            // Its blocks would only take room that is missing.
            let _ = fs::remove_file(&aside);
            return Err(failed(error));
        }
        fs::rename(&aside, &path).map_err(|error| unusable(&path, &error))?;
        sync_directory(&self.settings.dir)?;
        if why != Mismatch::Missing {
            let what = format_args!("{}: a new table, because {why}", path.display());
            log::event(Event::ReplayTableNew, what);
        }
        Ok(())
    }

    /// Joins a table that is there. Its high-water mark must not be far ahead of the clock. If it
    /// was unattended, its fence is raised. A table in front of registers needs none: they know
    /// what was spent.
    fn join(&self, replay: &Replay, clock: &Clock) -> Result<(), DirectoryError> {
        let (mark, reading) = (replay.high_water_mark(), clock.reading());
        not_ahead(&self.table_path(), mark, reading.now)?;
        replay.raise_skew(self.settings.skew_ms);
        let is_stale = reading.now.ms_since(mark) > UNATTENDED_MS;
        let was_unattended = replay.begin_watch(reading) || is_stale;
        if was_unattended && self.fence == Fence::UntilNow && self.settings.store == Store::Local {
            replay.raise_fence(fence_after(mark.max(reading.now), replay.skew_ms()));
        }
        Ok(())
    }

    fn map(&self) -> Result<Found, DirectoryError> {
        let path = self.table_path();
        let failed = |error: io::Error| unusable(&path, &error);
        let file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Found::Other(Mismatch::Missing, None));
            }
            file => file.map_err(failed)?,
        };
        match map(&file, self.settings.capacity, self.settings.store, self.boot) {
            Ok(replay) => Ok(Found::Table(replay, open_file_id(&file).map_err(failed)?)),
            Err(MapError::Mismatch(why, remains)) => Ok(Found::Other(why, remains)),
            Err(MapError::Io(error)) => Err(failed(error)),
        }
    }

    fn table_path(&self) -> PathBuf {
        self.settings.dir.join("replay")
    }
}

/// What is in the table's place.
enum Found {
    /// The table that is wanted; device and inode number of its file.
    Table(Replay, [u64; 2]),
    /// Something else, and what is left of it.
    Other(Mismatch, Option<Remains>),
}

fn sync_directory(dir: &Path) -> Result<(), DirectoryError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| unusable(dir, &error))
}

/// The kernel's name for the time since the machine was started.
pub(super) fn boot_id() -> Result<u128, DirectoryError> {
    let path = Path::new(BOOT_ID);
    let text = fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16)
        .map_err(|error| unusable(path, &io::Error::other(error)))
}
