//! How wide tables are: additions against memory.

use super::layout::{Layout, bytes_of};

/// Rows that the generator's table has at least and at most; fewer rows are wider ones.
const BASE_ROWS: std::ops::RangeInclusive<u32> = 16..=32;
/// The same for a key's table.
const KEY_ROWS: std::ops::RangeInclusive<u32> = 18..=43;

/// What tables a memory budget buys for a number of keys.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    pub(crate) base: Layout,
    pub(crate) key: Layout,
    keys: usize,
    keys_served: usize,
}

impl Plan {
    /// The plan with the fewest additions for `keys` keys within `budget_bytes`. Of equal plans, the
    /// one that takes less memory. If even the narrowest tables do not fit, as many keys get one as
    /// fit, and none if the generator's does not.
    pub fn new(budget_bytes: u64, keys: usize) -> Self {
        let fits = |base: u32, key: u32| {
            let plan = Self::of(base, key, keys, keys);
            (plan.bytes() <= budget_bytes).then_some(plan)
        };
        let all = BASE_ROWS.flat_map(|base| KEY_ROWS.map(move |key| (base, key)));
        let best = all
            .filter_map(|(base, key)| fits(base, key))
            .min_by_key(|plan| (plan.additions(), plan.bytes()));
        best.unwrap_or_else(|| Self::narrowest(budget_bytes, keys))
    }

    fn narrowest(budget_bytes: u64, keys: usize) -> Self {
        let plan = Self::of(*BASE_ROWS.end(), *KEY_ROWS.end(), keys, keys);
        let left = budget_bytes.saturating_sub(plan.base_bytes());
        let fit = usize::try_from(left / plan.key_bytes()).unwrap_or(usize::MAX);
        Self { keys_served: fit.min(keys), ..plan }
    }

    fn of(base: u32, key: u32, keys: usize, keys_served: usize) -> Self {
        Self { base: Layout::of_rows(base), key: Layout::of_rows(key), keys, keys_served }
    }

    /// Table entries that are added up for one signature.
    pub fn additions(&self) -> u32 {
        self.base.rows() + self.key.rows()
    }

    /// Keys that get a table: all, if the budget allows.
    pub fn keys_served(&self) -> usize {
        self.keys_served
    }

    /// Keys that were asked for.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// The generator's table, in bytes; it serves all keys.
    pub fn base_bytes(&self) -> u64 {
        bytes_of(self.base)
    }

    /// One key's table, in bytes.
    pub fn key_bytes(&self) -> u64 {
        bytes_of(self.key)
    }

    /// All tables together, in bytes; none if no key gets one.
    pub fn bytes(&self) -> u64 {
        let served = u64::try_from(self.keys_served).unwrap_or(u64::MAX);
        if served == 0 {
            return 0;
        }
        self.base_bytes().saturating_add(self.key_bytes().saturating_mul(served))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_default_budget_fits_a_hundred_keys() {
        let plan = Plan::new(128 * MIB, 100);
        assert_eq!(plan.keys_served(), 100);
        assert!(plan.bytes() <= 128 * MIB, "{plan:?}");
        assert!(plan.additions() <= 42, "{plan:?}");
    }

    #[test]
    fn fewer_keys_get_wider_tables_and_all_keys_one() {
        let mut before = 0;
        for keys in [0, 1, 2, 8, 20, 50, 100, 200, 500] {
            let plan = Plan::new(128 * MIB, keys);
            assert!(plan.additions() >= before, "{keys} keys: {plan:?}");
            assert!(plan.bytes() <= 128 * MIB && plan.keys_served() == keys, "{keys}: {plan:?}");
            before = plan.additions();
        }
    }

    #[test]
    fn a_budget_for_some_keys_serves_some() {
        let narrow = Plan::new(0, 10);
        assert_eq!((narrow.keys_served(), narrow.bytes()), (0, 0));
        let two = narrow.base_bytes() + 2 * narrow.key_bytes();
        for (budget, served) in [(two - 1, 1), (two, 2), (two + 1, 2)] {
            let plan = Plan::new(budget, 10);
            assert_eq!((plan.keys_served(), plan.keys()), (served, 10));
            assert!(plan.bytes() <= budget);
        }
    }
}
