//! Every constant of the crate: times, sizes, and the largest numbers.

use std::time::Duration;

/// Parts of the map, each with a lock of its own that only a listed person's look takes.
pub(crate) const PARTS: usize = 4_096;
/// Bits of the screen for each person of the capacity.
pub(crate) const SCREEN_BITS: usize = 16;
/// Changes are refused from this part of the capacity on.
pub(crate) const FULL_PERCENT: usize = 85;

/// Changes that the log keeps. A process that is further behind loads everything.
pub(crate) const LOG_CHANGES: u64 = 65_536;
/// How long a write waits for the other process of an upgrade.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_millis(700);

/// `since` of a member that is bound: so many seconds after now.
pub(crate) const BIND_AHEAD_S: i64 = 10;
/// An entry is deleted when it has had no effect for so many days.
pub(crate) const KEPT_DAYS: i64 = 2;

/// Requests that wait for the store's thread.
pub(crate) const REQUESTS_WAITING: usize = 256;
