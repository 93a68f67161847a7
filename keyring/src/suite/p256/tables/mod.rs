//! Which tables are built, and how wide.

pub(crate) mod build;

use std::io;

use super::key::VerifyingKey;
use crate::suite::curve::{
    layout::{Layout, bytes_of},
    plan::Plan,
    table::TableSlot,
};

/// Builds what is missing; see [`Verifier::build_tables`](crate::suite::Verifier::build_tables).
pub(crate) fn build_missing(
    base: &TableSlot,
    keys: &[&VerifyingKey],
    budget_bytes: u64,
) -> io::Result<usize> {
    let plan = Plan::new(budget_bytes, keys.len());
    let (served, others) = keys.split_at(plan.keys_served());
    others.iter().for_each(|key| key.table().put(None));
    if served.is_empty() {
        base.put(None);
        return Ok(0);
    }
    let mut built = 0;
    if base.layout() != Some(plan.base) {
        base.put(Some(build::base_table(plan.base)?));
        built += 1;
    }
    for (key, layout) in served.iter().zip(layouts(&plan, served, budget_bytes)) {
        if key.table().layout() != Some(layout) {
            key.table().put(Some(build::key_table(key.public_key(), layout)?));
            built += 1;
        }
    }
    Ok(built)
}

/// The layout that each key's table shall have: the one it has, or the plan's if it has none. While
/// that takes too much memory, the widest table gets the plan's layout. The plan itself is within
/// the budget, so this ends within it.
fn layouts(plan: &Plan, keys: &[&VerifyingKey], budget_bytes: u64) -> Vec<Layout> {
    let mut layouts: Vec<Layout> =
        keys.iter().map(|key| key.table().layout().unwrap_or(plan.key)).collect();
    let mut bytes = plan.base_bytes() + layouts.iter().map(|layout| bytes_of(*layout)).sum::<u64>();
    while bytes > budget_bytes {
        let Some(widest) = layouts.iter_mut().max_by_key(|layout| layout.bytes()) else { break };
        if bytes_of(*widest) <= plan.key_bytes() {
            break;
        }
        bytes -= bytes_of(*widest) - plan.key_bytes();
        *widest = plan.key;
    }
    layouts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::p256::{key::PublicKey, signing::random_key};

    fn keys(count: usize) -> Vec<VerifyingKey> {
        (0..count).map(|_| PublicKey::from(&random_key()).into()).collect()
    }

    fn built(base: &TableSlot, keys: &[VerifyingKey], budget: u64) -> usize {
        build_missing(base, &keys.iter().collect::<Vec<_>>(), budget).unwrap()
    }

    fn rows(keys: &[VerifyingKey]) -> Vec<Option<u32>> {
        keys.iter().map(|key| key.table().layout().map(|layout| layout.rows())).collect()
    }

    fn bytes(base: &TableSlot, keys: &[VerifyingKey]) -> u64 {
        base.bytes() + keys.iter().map(VerifyingKey::table_bytes).sum::<u64>()
    }

    #[test]
    fn a_table_is_built_once() {
        let (base, keys) = (TableSlot::default(), keys(2));
        assert_eq!(built(&base, &keys, 1 << 20), 3);
        assert_eq!(built(&base, &keys, 1 << 20), 0);
        base.put(None);
        assert_eq!(built(&base, &keys, 1 << 20), 1);
    }

    #[test]
    fn a_new_key_gets_a_table_and_the_others_keep_theirs_within_the_budget() {
        let (base, mut keys) = (TableSlot::default(), keys(3));
        let budget = Plan::new(1 << 20, 4).bytes();
        built(&base, &keys[..2], budget);
        let before = rows(&keys[..2]);
        built(&base, &keys, budget);
        // Two wide tables and one more are too much: as many of the wide ones went as had to.
        assert!(bytes(&base, &keys) <= budget, "{:?}", rows(&keys));
        assert!(rows(&keys).iter().all(Option::is_some));
        keys.rotate_left(1);
        assert!(rows(&keys).iter().any(|rows| !before.contains(rows)));
    }

    #[test]
    fn wide_tables_stay_where_there_is_room() {
        let (base, keys) = (TableSlot::default(), keys(3));
        built(&base, &keys[..1], 1 << 20);
        let (wide, roomy) = (rows(&keys[..1]), 16 << 20);
        base.put(None);
        built(&base, &keys, roomy);
        assert_eq!(rows(&keys[..1]), wide, "not the plan's, and kept");
        assert_eq!(rows(&keys[1..2]), rows(&keys[2..]));
    }

    #[test]
    fn a_budget_that_shrinks_takes_tables_away() {
        let (base, keys) = (TableSlot::default(), keys(3));
        built(&base, &keys, 4 << 20);
        let narrow = Plan::new(0, 3);
        built(&base, &keys, narrow.base_bytes() + 2 * narrow.key_bytes());
        assert_eq!(rows(&keys), [Some(43), Some(43), None]);
        built(&base, &keys, 0);
        assert_eq!((rows(&keys), base.bytes()), (vec![None; 3], 0));
    }

    #[test]
    fn a_table_whose_memory_changed_is_dropped() {
        let (base, keys) = (TableSlot::default(), keys(1));
        built(&base, &keys, 1 << 20);
        assert!(!keys[0].drop_table_if_unsound() && keys[0].has_table());
        let layout = keys[0].table().layout().unwrap();
        let table = build::key_table(keys[0].public_key(), layout).unwrap();
        keys[0].table().put(Some(table.spoiled()));
        assert!(keys[0].drop_table_if_unsound() && !keys[0].has_table());
        assert!(!keys[0].drop_table_if_unsound(), "there is none");
    }

    #[test]
    fn a_table_goes_with_its_key() {
        let (base, mut keys) = (TableSlot::default(), keys(1));
        built(&base, &keys, 1 << 20);
        let table = std::sync::Arc::downgrade(keys[0].table().load().as_ref().unwrap());
        let copy = keys[0].clone();
        keys.clear();
        assert!(copy.has_table() && table.upgrade().is_some());
        drop(copy);
        assert!(table.upgrade().is_none());
    }
}
