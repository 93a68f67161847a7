//! Every constant of the crate: times, sizes, and the largest numbers.

use std::time::Duration;

/// Parts of the map, each with a lock of its own that only a listed person's look takes.
pub(crate) const PARTS: usize = 4_096;
/// Bits of the screen for each person of the capacity.
pub(crate) const SCREEN_BITS: usize = 16;
/// Changes are refused from this part of the capacity on.
pub(crate) const FULL_PERCENT: usize = 85;

/// Blocks of an export of many people: each is found by walking over all before it.
pub(crate) const BLOCKS: usize = 16;
/// People in a block of an export of few.
pub(crate) const BLOCK_PEOPLE: usize = 65_536;

/// Changes that the log keeps. A process that is further behind loads everything.
pub(crate) const LOG_CHANGES: u64 = 65_536;
/// How long a write waits for the other process of an upgrade.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_millis(700);

/// `since` of a member that is bound: so many seconds after now.
pub(crate) const BIND_AHEAD_S: i64 = 10;
/// An entry is deleted when it has had no effect for so many days.
pub(crate) const KEPT_DAYS: i64 = 2;

/// How often the local store's thread looks what another process changed.
pub(crate) const POLL: Duration = Duration::from_millis(50);
/// Entries that a load reads before it puts them into the table, 16 bytes each.
pub(crate) const LOAD_ROWS: usize = 1 << 20;
/// Memory for pages of the local database, in KiB.
pub(crate) const PAGES_KIB: i64 = 65_536;
/// Entries that one step of the local clean-up reads, so that no poll is late.
pub(crate) const CLEAN_UP_ROWS: usize = 2_000;
/// How long the local clean-up waits after an error.
pub(crate) const CLEAN_UP_PAUSE_NS: i64 = 3_600_000_000_000;
/// Who asks for changes that no writer asked for.
pub(crate) const PROGRAM: &str = "yanma";

/// Requests that wait for the store's thread.
pub(crate) const REQUESTS_WAITING: usize = 256;

/// `user_version` of the local store's database.
pub(crate) const DATABASE_FORMAT: i64 = 1;
