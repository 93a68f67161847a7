//! Counts by value with bounded memory.
//!
//! As long as the values fit, each count is exact. When one more comes, the median count is taken
//! from all of them, and those that have nothing left are forgotten: Misra and Gries (1982) with
//! weights, in the form of Anderson et al., "A High-Performance Algorithm for Identifying Frequent
//! Items in Data Streams" (IMC 2017). Space-Saving (Metwally et al., 2005) has the same bound and
//! moves one counter for each value that does not fit. This one passes over all counters, but
//! seldom: at least half of the room is free afterwards.
//!
//! What is taken sums up to the shortfall. A count is never too large, and too small by at most the
//! shortfall. That is at most 2 / room of all that was counted, because each time half of the room
//! loses as much. So a value with a larger share is always held.

use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct HeavyHitters<T> {
    counters: HashMap<Box<str>, Counter<T>>,
    room: usize,
    shortfall: u64,
}

#[derive(Debug, Default)]
struct Counter<T> {
    count: u64,
    kept: T,
}

impl<T: Default> HeavyHitters<T> {
    /// Holds at most `room` values.
    pub(super) fn new(room: usize) -> Self {
        Self { counters: HashMap::new(), room: room.max(2), shortfall: 0 }
    }

    /// Counts `weight` more of a value. Returns what is kept of it: since it is held, so not of
    /// what was forgotten before.
    pub(super) fn add(&mut self, value: &str, weight: u64) -> &mut T {
        if !self.counters.contains_key(value) {
            if self.counters.len() >= self.room {
                self.make_room();
            }
            self.counters.insert(value.into(), Counter::default());
        }
        let counter = self.counters.get_mut(value).expect("it is there, or was put there");
        counter.count += weight;
        &mut counter.kept
    }

    fn make_room(&mut self) {
        let mut counts: Vec<u64> = self.counters.values().map(|counter| counter.count).collect();
        let middle = counts.len() / 2;
        let (_, median, _) = counts.select_nth_unstable(middle);
        let median = *median;
        self.shortfall += median;
        self.counters.retain(|_, counter| {
            counter.count = counter.count.saturating_sub(median);
            counter.count > 0
        });
    }

    pub(super) fn shortfall(&self) -> u64 {
        self.shortfall
    }

    pub(super) fn len(&self) -> usize {
        self.counters.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64, &T)> {
        self.counters.iter().map(|(value, counter)| (&**value, counter.count, &counter.kept))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against exact counts: never too large, never too small by more than it says, and never
        /// more values than there is room for.
        #[test]
        fn counts_keep_their_bound(
            room in 2_usize..20,
            items in proptest::collection::vec((0_u8..60, 1_u64..50), 0..400),
        ) {
            let (mut held, mut exact) = (HeavyHitters::<()>::new(room), BTreeMap::new());
            for (value, weight) in &items {
                held.add(&value.to_string(), *weight);
                *exact.entry(value.to_string()).or_insert(0) += weight;
            }
            let counted: BTreeMap<String, u64> =
                held.iter().map(|(value, count, ())| (value.to_owned(), count)).collect();
            prop_assert!(held.len() <= room);
            for (value, truth) in &exact {
                let count = counted.get(value).copied().unwrap_or(0);
                prop_assert!(count <= *truth && *truth <= count + held.shortfall());
            }
            let total: u64 = exact.values().sum();
            let bound = u128::from(held.shortfall()) * u128::try_from(room).unwrap();
            prop_assert!(bound <= 2 * u128::from(total));
            if exact.len() <= room {
                prop_assert_eq!(held.shortfall(), 0);
            }
        }
    }
}
