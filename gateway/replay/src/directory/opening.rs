//! Opening a data directory: which tables a process gets.

use std::fs;
use std::io;
use std::path::Path;

use clock::Clock;
use sys::disk;

use super::error::{DirectoryError, held_alone, not_ahead, unusable};
use super::high_water::{HighWaterFile, Promise};
use super::lock::Lock;
use super::making::{Mapped, Unfit, Wanted, sync_directory};
use super::settings::{Fence, Settings};
use super::table_file::Files;
use super::tables::Tables;
use super::watch::DataDirectory;
use crate::limits::{LOCK_PATIENCE, PAUSE};
use crate::single_use::{Codes, Passes};

pub(super) const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Opens a data directory, making it if it is not there, and maps its tables.
///
/// Two processes may hold it at once: both redeem from the same tables, and no code twice. Blocks
/// on file system calls, and up to 5 s on the lock.
///
/// # Errors
/// [`DirectoryError`]; the directory is not locked then.
pub fn open(
    settings: Settings,
    fence: Fence,
    clock: &Clock,
) -> Result<(DataDirectory, Tables), DirectoryError> {
    Wanted { settings, fence, boot: boot_id()? }.open(clock)
}

impl Wanted {
    pub(super) fn open(&self, clock: &Clock) -> Result<(DataDirectory, Tables), DirectoryError> {
        disk::make_private_dir(&self.settings.dir)
            .map_err(|error| unusable(&self.settings.dir, &error))?;
        let mark_path = self.settings.dir.join("mark");
        let mut high_water =
            HighWaterFile::open(mark_path.clone()).map_err(|error| unusable(&mark_path, &error))?;
        let promise = high_water.read().map_err(|error| unusable(&mark_path, &error))?;
        if let Some(Promise { until, .. }) = promise {
            not_ahead(&mark_path, until, clock.now())?;
        }
        let (files, tables) = self.tables(promise, clock)?;
        self.join(&tables.codes, clock)?;
        if let Some(passes) = &tables.passes {
            self.join(passes, clock)?;
        }
        high_water.keep_ahead(&tables, clock).map_err(|error| unusable(&mark_path, &error))?;
        sync_directory(&self.settings.dir)?;
        Ok((DataDirectory { files, high_water }, tables))
    }

    /// The tables that are there, or new ones, with the lock shared.
    fn tables(
        &self,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<(Files, Tables), DirectoryError> {
        let path = self.settings.dir.join("lock");
        let rounds = LOCK_PATIENCE.as_millis() / PAUSE.as_millis();
        let mut in_the_way = None;
        for _ in 0..rounds {
            let lock = Lock::open(path.clone()).map_err(|error| unusable(&path, &error))?;
            if !lock.share(LOCK_PATIENCE).map_err(|error| unusable(&path, &error))? {
                return Err(held_alone(&path));
            }
            match self.map_all()? {
                Ok((codes, passes)) => {
                    let (passes, passes_file) =
                        passes.map(|Mapped { replay, file }| (replay, file)).unzip();
                    let files = Files { lock, codes: codes.file, passes: passes_file };
                    // These were two steps: the directory may have been replaced between them.
                    if files.is_in_place().map_err(|error| unusable(&self.settings.dir, &error))? {
                        return Ok((files, Tables { codes: codes.replay, passes }));
                    }
                }
                Err(unfit) => {
                    in_the_way = Some(unfit);
                    if self.replace(&lock, promise, clock)? {
                        continue;
                    }
                }
            }
            // No event tells when other processes release a shared lock. A blocking wait for the
            // lock alone would last as long as another gateway runs.
            std::thread::park_timeout(PAUSE);
        }
        Err(self.in_use(in_the_way.as_ref()))
    }

    /// Both tables, or which is not the one that is wanted.
    fn map_all(&self) -> Result<Result<MappedTables, Unfit>, DirectoryError> {
        // The codes' table is the larger one to map, and is mostly there.
        let passes = match self.settings.passes {
            None => None,
            Some(capacity) => match self.map::<Passes>(capacity)? {
                Ok(passes) => Some(passes),
                Err(unfit) => return Ok(Err(unfit)),
            },
        };
        let codes = self.map::<Codes>(self.settings.capacity)?;
        Ok(codes.map(|codes| (codes, passes)))
    }

    /// Makes the tables that are missing, in place of what is there. False if another process uses
    /// that, or the directory was replaced.
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
        if let Err(unfit) = self.map::<Codes>(self.settings.capacity)? {
            self.make::<Codes>(&unfit, promise, clock)?;
        }
        if let Some(capacity) = self.settings.passes
            && let Err(unfit) = self.map::<Passes>(capacity)?
        {
            self.make::<Passes>(&unfit, promise, clock)?;
        }
        Ok(true)
    }

    /// The error for a table that cannot be made, as another process uses the directory.
    fn in_use(&self, unfit: Option<&Unfit>) -> DirectoryError {
        let (path, slots, why) = match unfit {
            Some(Unfit { path, capacity, why, .. }) => (path.as_path(), *capacity, why.to_string()),
            // The directory was replaced in each round.
            None => (self.settings.dir.as_path(), self.settings.capacity, "it changes".to_owned()),
        };
        DirectoryError::Unusable {
            path: path.display().to_string(),
            why: format!(
                "a gateway that runs or drains with this directory is in the way of a new table of \
                 {slots} slots ({why}): wait for its end, or give this gateway a directory of its own"
            ),
        }
    }
}

type MappedTables = (Mapped<Codes>, Option<Mapped<Passes>>);

/// The kernel's name for the time since the machine was started.
pub(super) fn boot_id() -> Result<u128, DirectoryError> {
    let path = Path::new(BOOT_ID);
    let text = fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16)
        .map_err(|error| unusable(path, &io::Error::other(error)))
}
