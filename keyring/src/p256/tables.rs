//! Which tables are built, and how wide.

use std::io;

use super::{
    VerifyingKey, build,
    comb::{Layout, TableSlot},
    plan::Plan,
    point::Affine,
};

/// Builds what is missing; see [`super::Verifier::build_tables`].
pub(super) fn build(
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
        base.put(Some(build::table(Affine::generator(), plan.base)?));
        built += 1;
    }
    for (key, layout) in served.iter().zip(layouts(&plan, served, budget_bytes)) {
        if key.table().layout() != Some(layout) {
            let point = Affine::from_sec1(&key.public_key().to_sec1());
            key.table().put(Some(build::table(point, layout)?));
            built += 1;
        }
    }
    Ok(built)
}

/// The layout that each key's table shall have: the one it has, the plan's if it has none, and
/// where that is too much memory, the plan's for the widest, until it is not. The plan itself is
/// within the budget, so this ends within it.
fn layouts(plan: &Plan, keys: &[&VerifyingKey], budget_bytes: u64) -> Vec<Layout> {
    let mut layouts: Vec<Layout> =
        keys.iter().map(|key| key.table().layout().unwrap_or(plan.key)).collect();
    let mut bytes = plan.base_bytes() + layouts.iter().map(Layout::bytes).sum::<u64>();
    while bytes > budget_bytes {
        let Some(widest) = layouts.iter_mut().max_by_key(|layout| layout.bytes()) else { break };
        if widest.bytes() <= plan.key_bytes() {
            break;
        }
        bytes -= widest.bytes() - plan.key_bytes();
        *widest = plan.key;
    }
    layouts
}
