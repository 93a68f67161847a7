//! What is known of the tables that were in a data directory before.

use keyring::code::IssuedAt;
use keyring::time::UnixMillis;
use keyring::verify::SKEW_MS_MAX;

use super::high_water::Promise;
use crate::header::{Mismatch, Remains};

/// What is known of the tables before a new one.
pub(super) struct Past {
    /// The latest time by which codes may have been judged.
    pub(super) high_water_mark: Option<UnixMillis>,
    /// The largest skew with which codes may have been accepted.
    pub(super) skew_ms: i64,
    pub(super) fence: Option<IssuedAt>,
}

impl Past {
    /// From what is left of the last table and from the file `mark`; `skew_ms` is this process's.
    pub(super) fn of(
        why: Mismatch,
        remains: Option<Remains>,
        promise: Option<Promise>,
        skew_ms: i64,
    ) -> Self {
        let promised = promise.map(|promise| promise.until);
        // While the pages of the table are whole, its own mark is exact. The promise is up to 5 s
        // later.
        let is_exact = matches!(why, Mismatch::Capacity { .. } | Mismatch::Store);
        let left = remains.map(|remains| remains.high_water_mark);
        let high_water_mark = if is_exact { left } else { left.max(promised) };
        let known =
            [remains.map(|remains| remains.skew_ms), promise.map(|promise| promise.skew_ms)];
        let earlier = known.into_iter().flatten().max();
        // If there was a table, and its skew is not known, it may have been the largest.
        let unknown = if why == Mismatch::Missing { skew_ms } else { SKEW_MS_MAX };
        let skew_ms = earlier.unwrap_or(unknown).max(skew_ms).min(SKEW_MS_MAX);
        Self { high_water_mark, skew_ms, fence: remains.and_then(|remains| remains.fence) }
    }
}
