//! The data directory: what must outlive the process, and who may touch it.
//!
//! | file | what is in it |
//! |---|---|
//! | `lock` | nothing; it is locked |
//! | `replay` | the replay table: a header and the slots, mapped by all who redeem from it |
//! | `mark` | a time later than any that codes were judged by, kept on disk |
//!
//! A process redeems only while it holds the lock shared. Only who holds it alone makes a table, or
//! another in its place. So there is one table at a time, and whoever joins finds it as the last
//! process left it, killed or not: its pages are the kernel's.
//!
//! What is not the table that is wanted (none, damaged, another version or capacity, of an earlier
//! boot, a copy) is replaced by an empty one behind a fence: codes issued before it was made are
//! refused. A machine that was started anew is treated as one that lost its table: nobody knows
//! which pages were written.

mod limits;
mod lock;
mod mark;
mod watch;

#[cfg(test)]
mod model;
#[cfg(test)]
#[cfg(not(any(feature = "loom", miri)))]
mod tests;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use keyring::code::IssuedAt;
use keyring::time::UnixMillis;
use keyring::verify::SKEW_MS_MAX;

use self::limits::{AHEAD_MS_MAX, LOCK_PATIENCE, PAUSE};
use self::lock::{Lock, is_at};
use self::mark::{MarkFile, Promise};
use crate::{
    Birth, FORSAKEN_MS, Mismatch, Remains, Replay, Store, Unmapped, fence_after, open_file_id,
};
use clock::Clock;
use sys::disk;
use sys::log;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Does a table that is made begin behind a fence?
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Fence {
    /// Codes issued until now, and a skew's time after, are refused as `warming_up`.
    UntilNow,
    /// The keys are younger than this process.
    NotNeeded,
}

/// Why the data directory cannot be used. Every text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system refuses, or another process is in the way.
    #[error("[server] data_dir: {path}: {why}")]
    Unusable {
        /// The directory, or the file in it.
        path: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The clock has fallen back, or had run ahead. A matter of the machine's setting.
    #[error(
        "[server] data_dir: {path}: codes were judged by {mark}, but the clock says {now}, and more \
         than 60 s back it is not believed: if the clock is wrong now, set it and start again; if \
         it was wrong then, remove the data directory, which is safe: codes issued until the next \
         start are refused"
    )]
    Ahead {
        /// The file that holds the later time.
        path: String,
        /// That time.
        mark: UnixMillis,
        /// The time now.
        now: UnixMillis,
    },
}

/// The table is not the data directory's any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path}: {why} while the gateway ran: no code is spent any more (replay_store_unavailable); \
     restart the gateway when the data directory is right"
)]
struct Lost {
    path: String,
    why: String,
}

/// This process's hold on its data directory; [`State::watch`] keeps it to the process's end.
#[derive(Debug)]
pub struct State {
    table: TableFile,
    mark: MarkFile,
}

/// The lock, and the table's file as it was when it was mapped.
#[derive(Debug)]
struct TableFile {
    lock: Lock,
    path: PathBuf,
    id: [u64; 2],
    boot: u128,
}

/// Opens a data directory, making it if it is not there, and maps its table.
///
/// Two processes may hold it at once; both then redeem from one table, and no code twice.
///
/// # Errors
/// [`StateError`]; nothing is kept locked then.
pub fn open(
    settings: Settings,
    fence: Fence,
    clock: &Clock,
) -> Result<(State, Replay), StateError> {
    Wanted { settings, fence, boot: boot_id()? }.open(clock)
}

/// Which table a process wants.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub dir: PathBuf,
    /// Slots of 8 bytes, at least.
    pub capacity: usize,
    /// How far clocks of issuers may be off, in milliseconds; at most [`SKEW_MS_MAX`].
    pub skew_ms: i64,
    /// What remembers the codes.
    pub store: Store,
}

/// What a start wants of its data directory.
#[derive(Debug)]
struct Wanted {
    settings: Settings,
    fence: Fence,
    boot: u128,
}

impl Wanted {
    fn open(&self, clock: &Clock) -> Result<(State, Replay), StateError> {
        disk::make_private_dir(&self.settings.dir)
            .map_err(|error| unusable(&self.settings.dir, &error))?;
        let mark_path = self.settings.dir.join("mark");
        let mut mark = MarkFile::open(mark_path.clone()).map_err(|e| unusable(&mark_path, &e))?;
        let promise = mark.read().map_err(|error| unusable(&mark_path, &error))?;
        if let Some(Promise { until, .. }) = promise {
            not_ahead(&mark_path, until, clock.now())?;
        }
        let (table, replay) = self.table(promise, clock)?;
        self.join(&replay, clock)?;
        mark.keep_ahead(&replay, clock).map_err(|error| unusable(&mark_path, &error))?;
        sync_directory(&self.settings.dir)?;
        Ok((State { table, mark }, replay))
    }

    /// The table that is there, or a new one, with the lock shared.
    fn table(
        &self,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<(TableFile, Replay), StateError> {
        let path = self.settings.dir.join("lock");
        let rounds = LOCK_PATIENCE.as_millis() / PAUSE.as_millis();
        let mut stands = Mismatch::Missing;
        for _ in 0..rounds {
            let lock = Lock::open(path.clone()).map_err(|error| unusable(&path, &error))?;
            if !lock.share(LOCK_PATIENCE).map_err(|error| unusable(&path, &error))? {
                return Err(held_alone(&path));
            }
            match self.map()? {
                Found::Table(replay, id) => {
                    let path = self.table_path();
                    let table = TableFile { lock, path, id, boot: self.boot };
                    // Locked and mapped in two steps: the directory may be another by now.
                    if table.is_in_place().map_err(|error| unusable(&self.settings.dir, &error))? {
                        return Ok((table, replay));
                    }
                }
                Found::Other(why, _) => {
                    stands = why;
                    if self.replace(&lock, promise, clock)? {
                        continue;
                    }
                }
            }
            // No event tells that a shared lock is free again but taking it alone, which would
            // wait for as long as another gateway runs.
            std::thread::park_timeout(PAUSE);
        }
        Err(StateError::Unusable {
            path: self.table_path().display().to_string(),
            why: format!(
                "a gateway that runs or drains with this directory is in the way of a new table of \
                 {} slots ({stands}): wait for its end, or give this gateway a directory of its own",
                self.settings.capacity
            ),
        })
    }

    /// Makes a table in place of what is there; false if others use that, or the directory went.
    fn replace(
        &self,
        lock: &Lock,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<bool, StateError> {
        let failed = |error: io::Error| unusable(&self.settings.dir.join("lock"), &error);
        if !lock.take_alone().map_err(failed)? || !lock.is_in_place().map_err(failed)? {
            return Ok(false);
        }
        // Alone now; but another may have been here since the last look.
        if let Found::Other(why, remains) = self.map()? {
            self.make(why, remains, promise, clock)?;
        }
        Ok(true)
    }

    /// Written aside, whole on disk, then put in its place in one step.
    fn make(
        &self,
        why: Mismatch,
        remains: Option<Remains>,
        promise: Option<Promise>,
        clock: &Clock,
    ) -> Result<(), StateError> {
        let now = clock.now();
        let (path, aside) = (self.table_path(), self.settings.dir.join("replay.new"));
        let past = Past::of(why, remains, promise, self.settings.skew_ms);
        let mark = past.mark.map_or(now, |mark| mark.max(now));
        not_ahead(&path, mark, now)?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| unusable(&path, &error.into()))?;
        // Registers know what was spent by way of the last table, if it was one in front of them.
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
                mark,
            };
            crate::create(&file, self.settings.capacity, &birth)
        })();
        if let Err(error) = made {
            // What is left of it would only take the room that is missing.
            let _ = fs::remove_file(&aside);
            return Err(failed(error));
        }
        fs::rename(&aside, &path).map_err(|error| unusable(&path, &error))?;
        sync_directory(&self.settings.dir)?;
        if why != Mismatch::Missing {
            log::info(format_args!("{}: a new table, because {why}", path.display()));
        }
        Ok(())
    }

    /// Takes up a table that is there: its mark must make sense, and if nobody kept it, it gets a
    /// fence; one in front of registers needs none, as they know what was spent.
    fn join(&self, replay: &Replay, clock: &Clock) -> Result<(), StateError> {
        let (mark, reading) = (replay.mark(), clock.reading());
        not_ahead(&self.table_path(), mark, reading.now)?;
        replay.raise_skew(self.settings.skew_ms);
        let is_stale = reading.now.ms_since(mark) > FORSAKEN_MS;
        let is_forsaken = replay.begin_watch(reading) || is_stale;
        if is_forsaken && self.fence == Fence::UntilNow && self.settings.store == Store::Local {
            replay.raise_fence(fence_after(mark.max(reading.now), replay.skew_ms()));
        }
        Ok(())
    }

    fn map(&self) -> Result<Found, StateError> {
        let path = self.table_path();
        let failed = |error: io::Error| unusable(&path, &error);
        let file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Found::Other(Mismatch::Missing, None));
            }
            file => file.map_err(failed)?,
        };
        match crate::map(&file, self.settings.capacity, self.settings.store, self.boot) {
            Ok(replay) => Ok(Found::Table(replay, open_file_id(&file).map_err(failed)?)),
            Err(Unmapped::Other(why, remains)) => Ok(Found::Other(why, remains)),
            Err(Unmapped::Failed(error)) => Err(failed(error)),
        }
    }

    fn table_path(&self) -> PathBuf {
        self.settings.dir.join("replay")
    }
}

/// What is in the table's place.
enum Found {
    /// The table that is wanted, and its file's number.
    Table(Replay, [u64; 2]),
    /// Something else, and what it says of the past.
    Other(Mismatch, Option<Remains>),
}

impl TableFile {
    /// Do the directory's paths still lead to the files that are locked and mapped?
    fn is_in_place(&self) -> io::Result<bool> {
        Ok(self.lock.is_in_place()? && is_at(&self.path, self.id)?)
    }
}

/// What is known of the tables before a new one.
struct Past {
    mark: Option<UnixMillis>,
    /// The largest skew that codes may have been accepted with.
    skew_ms: i64,
    fence: Option<IssuedAt>,
}

impl Past {
    fn of(why: Mismatch, remains: Option<Remains>, promise: Option<Promise>, skew_ms: i64) -> Self {
        let promised = promise.map(|promise| promise.until);
        // The table's own mark is exact, as long as its pages are; the promise is up to 5 s later.
        let is_exact = matches!(why, Mismatch::Capacity { .. } | Mismatch::Store);
        let left = remains.map(|remains| remains.mark);
        let mark = if is_exact { left } else { left.max(promised) };
        let known =
            [remains.map(|remains| remains.skew_ms), promise.map(|promise| promise.skew_ms)];
        let earlier = known.into_iter().flatten().max();
        // There was a table, and nothing says what skew it was used with.
        let unknown = if why == Mismatch::Missing { skew_ms } else { SKEW_MS_MAX };
        let skew_ms = earlier.unwrap_or(unknown).max(skew_ms).min(SKEW_MS_MAX);
        Self { mark, skew_ms, fence: remains.and_then(|remains| remains.fence) }
    }
}

fn sync_directory(dir: &Path) -> Result<(), StateError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| unusable(dir, &error))
}

/// The kernel's name for the time since the machine was started.
fn boot_id() -> Result<u128, StateError> {
    let path = Path::new(BOOT_ID);
    let text = fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16)
        .map_err(|error| unusable(path, &io::Error::other(error)))
}

fn not_ahead(path: &Path, mark: UnixMillis, now: UnixMillis) -> Result<(), StateError> {
    if mark.ms_since(now) <= AHEAD_MS_MAX {
        return Ok(());
    }
    Err(StateError::Ahead { path: path.display().to_string(), mark, now })
}

fn unusable(path: &Path, error: &io::Error) -> StateError {
    let why = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            "it is on a read-only mount, and spent codes must be kept: give the gateway a directory \
             that it can write"
                .to_owned()
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "it, or what it lies in, is not a directory".to_owned()
        }
        io::ErrorKind::PermissionDenied => "this user may not write it".to_owned(),
        _ if disk::is_full(error) => format!("no room: {error}"),
        _ => error.to_string(),
    };
    StateError::Unusable { path: path.display().to_string(), why }
}

fn no_room(path: &Path, capacity: usize, error: &io::Error) -> StateError {
    if !disk::is_full(error) {
        return unusable(path, error);
    }
    StateError::Unusable {
        path: path.display().to_string(),
        why: format!(
            "no room for a table of {capacity} slots, {} bytes ({error}): free so much, or lower \
             [replay] capacity",
            crate::file_bytes(capacity)
        ),
    }
}

fn held_alone(path: &Path) -> StateError {
    StateError::Unusable {
        path: path.display().to_string(),
        why: format!(
            "another process has held it alone for {} s: a gateway of an older version that runs or \
             drains with this directory, or something strange; wait for its end, or give this \
             gateway a directory of its own",
            LOCK_PATIENCE.as_secs()
        ),
    }
}
