//! What the page shows of this node, read once: requests, what is kept, what runs.

pub(super) mod node;
pub(super) mod state;
pub(super) mod traffic;

use super::{key_uses::KeyUses, ring::Ring, sums::Sums};
use crate::worker::Shared;

/// Where all of it is read.
pub(super) struct Source<'a> {
    pub(super) shared: &'a Shared,
    pub(super) ring: &'a Ring,
    /// The sums of this moment: newer than the last tick.
    pub(super) now: &'a Sums,
    pub(super) key_uses: &'a KeyUses,
    pub(super) host: &'a str,
    pub(super) started_ms: i64,
}

/// Three digits, which is what a person reads; whole from 100 on.
fn rounded(value: f64) -> f64 {
    let places = match value.abs() {
        0.0..10.0 => 100.0,
        10.0..100.0 => 10.0,
        _ => 1.0,
    };
    // A little less than nothing is 0 to a person, not -0.
    (value * places).round() / places + 0.0
}

/// A part of a whole in percent, cut after the second digit: only a whole is 100.
fn percent(part: u64, whole: u64) -> Option<f64> {
    let hundredths = (u128::from(part) * 10_000).checked_div(u128::from(whole))?;
    let hundredths = u32::try_from(hundredths).unwrap_or(u32::MAX);
    Some(f64::from(hundredths) / 100.0)
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).expect("usize has at most 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_for_a_person() {
        assert_eq!([0.123, 9.999, 12.34, 1_203.6].map(rounded), [0.12, 10.0, 12.3, 1_204.0]);
        assert!(rounded(-0.000_1).is_sign_positive());
        assert_eq!(percent(99_999, 100_000), Some(99.99), "only a whole is 100");
        assert_eq!((percent(3, 3), percent(0, 0)), (Some(100.0), None));
        assert_eq!(percent(u64::MAX, u64::MAX), Some(100.0));
    }
}
