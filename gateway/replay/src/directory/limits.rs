//! Every constant bound of the data directory.

use std::time::Duration;

/// How often a process checks that its data directory is still in its place. Four checks may be
/// late before nothing is redeemed (`replay::LEASE_MS`).
pub(super) const LOOK_MS: u64 = 250;
/// How long a start waits for a process that holds the lock alone.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// How long a start pauses when another process is between two steps of its own.
pub(super) const PAUSE: Duration = Duration::from_millis(20);
/// A mark further ahead of the clock than this stops the start: one of the two is wrong.
pub(super) const AHEAD_MS_MAX: i64 = 60_000;
/// How far ahead of the time that is used the mark on disk is.
pub(super) const PROMISE_MS: i64 = 5_000;
/// How much later the next promise must be to be worth a write to the disk.
pub(super) const PROMISE_STEP_MS: i64 = 1_000;
