//! How often each redemption arrived at the stand-in: more than once would be a double charge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;

/// Redemptions remembered; when one more comes, all are forgotten.
const REDEMPTIONS_MAX: usize = 1 << 20;

/// How often each redemption arrived. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    remembered: AtomicUsize,
    redemptions: DashMap<Box<str>, u64>,
}

impl Arrivals {
    /// All requests that arrived whole, with a redemption or without.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Arrivals of one redemption (`<key id>-<issued at>-<serial>`).
    pub fn of(&self, redemption: &str) -> u64 {
        self.0.redemptions.get(redemption).map_or(0, |count| *count)
    }

    pub(super) fn count_request(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn count(&self, redemption: &str) -> u64 {
        if self.0.remembered.load(Ordering::Relaxed) >= REDEMPTIONS_MAX {
            self.0.redemptions.clear();
            self.0.remembered.store(0, Ordering::Relaxed);
        }
        let mut count = self.0.redemptions.entry(redemption.into()).or_insert_with(|| {
            self.0.remembered.fetch_add(1, Ordering::Relaxed);
            0
        });
        *count += 1;
        *count
    }
}
