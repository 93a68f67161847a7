//! The engine for every CPU: one signature at a time, in plain Rust.

use arrayvec::ArrayVec;

use super::group::Sum;
use crate::suite::{
    curve::{
        digits::ROWS_MAX,
        limbs::{self, U256},
        terms::Addends,
    },
    p256::arithmetic::{
        field::PRIME,
        point::{Affine, Xyzz},
        scalar::ORDER,
    },
};

/// Whether the sum u1 * G + u2 * Q has x = r modulo n. `None` if additions met the one case that
/// they do not cover; then [`judge_completely`] decides.
pub(crate) fn judge(sum: &Sum<'_>) -> Option<bool> {
    // All entries are read before the first is added. Each lies in a cache line of its own, and
    // memory answers many requests at a time.
    let points: ArrayVec<Affine, { 2 * ROWS_MAX }> = points(&addends(sum)).collect();
    let (first, rest) = points.split_first()?;
    let total = rest.iter().fold(Xyzz::from(*first), |total, point| total.plus_blindly(*point));
    (!total.zz.is_zero()).then(|| has_x_mod_n(&total, sum.r))
}

/// The same by additions that cover every case.
pub(crate) fn judge_completely(sum: &Sum<'_>) -> bool {
    let total = points(&addends(sum)).fold(Xyzz::INFINITY, Xyzz::plus);
    !total.zz.is_zero() && has_x_mod_n(&total, sum.r)
}

fn addends<'a>(sum: &Sum<'a>) -> Addends<'a> {
    let mut addends = Addends::new();
    sum.base.share_out(std::slice::from_mut(&mut addends));
    sum.key.share_out(std::slice::from_mut(&mut addends));
    addends
}

fn points(addends: &Addends<'_>) -> impl Iterator<Item = Affine> {
    addends.iter().map(|addend| Affine::of_entry(addend.entry).negated_if(addend.negative))
}

/// x is below p and r below n < p: x = r modulo n means x = r, or x = r + n if that is below p.
fn has_x_mod_n(total: &Xyzz, r: U256) -> bool {
    total.has_x(r) || r_plus_n(r).is_some_and(|r_plus_n| total.has_x(r_plus_n))
}

/// r + n, if it is below p.
pub(crate) fn r_plus_n(r: U256) -> Option<U256> {
    let (sum, carry) = limbs::add(r, ORDER);
    (!carry && limbs::is_below(sum, PRIME)).then_some(sum)
}
