//! Every constant time of the crate. The capacities are in `table`, the life of an entry in
//! `entry`.

use std::time::Duration;

/// How long a process may redeem after the begin of a check that found its directory in place. The
/// fence of a new table is later than its start by as much.
pub(crate) const LEASE_MS: i64 = 1_000;
/// If no process checked the table for longer, it was unattended: a fence is raised. Its directory
/// may have been replaced or restored meanwhile.
pub(crate) const UNATTENDED_MS: i64 = 5_000;

/// How often a process checks that its data directory is still in its place.
pub(crate) const CHECK_PERIOD: Duration = Duration::from_millis(CHECK_PERIOD_MS);
const CHECK_PERIOD_MS: u64 = 250;
#[allow(clippy::as_conversions, reason = "`From` cannot be used in constants yet")]
const _: () = assert!(CHECK_PERIOD_MS as i64 * 4 <= LEASE_MS, "three checks may come too late");

/// How long a start waits for a process that holds the lock of the data directory alone.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How long a start pauses when another process is between two steps of its own.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// If the high-water mark is further ahead of the clock, the start fails: one of the two is wrong.
pub(crate) const AHEAD_MS_MAX: i64 = 60_000;
/// How far ahead of the time in use the mark on disk is.
pub(crate) const PROMISE_MS: i64 = 5_000;
/// How much later the next promise must be to be worth a write to the disk.
pub(crate) const PROMISE_STEP_MS: i64 = 1_000;
