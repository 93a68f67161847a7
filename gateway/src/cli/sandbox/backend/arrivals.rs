//! How often each redemption arrived at the stand-in: more than once would be a double charge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;

/// Redemptions remembered; when one more comes, all are forgotten.
const REDEMPTIONS_MAX: usize = 1 << 20;

/// Redemptions that arrived more than once of which the names are kept.
const REPEATED_MAX: usize = 16;

/// How often each redemption arrived. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    remembered: AtomicUsize,
    redemptions: DashMap<Box<str>, u64>,
    repeated: AtomicU64,
    /// The first ones that arrived more than once.
    repeated_names: DashMap<Box<str>, ()>,
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

    /// Redemptions that arrived more than once since the start. Each would be a double charge.
    pub fn repeated(&self) -> u64 {
        self.0.repeated.load(Ordering::Relaxed)
    }

    /// The names of the first 16 of them, sorted.
    pub fn repeated_names(&self) -> Vec<String> {
        let names = self.0.repeated_names.iter().map(|name| name.key().to_string());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
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
        if *count == 2 {
            self.0.repeated.fetch_add(1, Ordering::Relaxed);
            if self.0.repeated_names.len() < REPEATED_MAX {
                self.0.repeated_names.insert(redemption.into(), ());
            }
        }
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_arrival_is_told_once_with_its_name() {
        let arrivals = Arrivals::default();
        for redemption in ["a", "b", "c", "b"] {
            arrivals.count(redemption);
        }
        assert_eq!((arrivals.repeated(), arrivals.repeated_names()), (1, vec!["b".to_owned()]));
        arrivals.count("b");
        assert_eq!((arrivals.of("b"), arrivals.repeated()), (3, 1));
        for number in 0..2 * REPEATED_MAX {
            arrivals.count(&number.to_string());
            arrivals.count(&number.to_string());
        }
        assert_eq!(arrivals.repeated_names().len(), REPEATED_MAX);
    }
}
