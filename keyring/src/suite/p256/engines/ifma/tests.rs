//! Additions in lanes from representations at their bounds, and joins that no input reaches.

use ::p256::elliptic_curve::bigint::U1024 as Big;

use super::*;
use crate::suite::p256::arithmetic::field8::tests::{
    LaneRandom, Limbs, limbs_in_lanes, on_this_cpu, p, put, to_limbs, value,
};

/// k * p / 10.
fn tenths_of_p(k: u64) -> Big {
    p().wrapping_mul(&Big::from(k)).wrapping_div_vartime(&Big::from(10_u64).to_nz().unwrap())
}

/// What an x is below: 2^256 + 2^229.
fn x_bound() -> Big {
    Big::ONE.shl_vartime(256).wrapping_add(&Big::ONE.shl_vartime(229))
}

/// Eight numbers below a bound: the largest, 0, p and its neighbours, and any.
fn below(bound: Big, random: &mut LaneRandom) -> [Limbs; 8] {
    random.below(3).map(|any| {
        let number: Big = match random.next() % 6 {
            0 => bound.wrapping_sub(&Big::ONE),
            1 => Big::ZERO,
            2 => p(),
            3 => p().wrapping_add(&Big::ONE),
            4 => p().wrapping_sub(&Big::ONE),
            _ => value(any),
        };
        to_limbs(number.rem_vartime(&bound.to_nz().unwrap()))
    })
}

lanes! {
    fn sums(random: &mut LaneRandom) -> Xyzz8 {
        Xyzz8 {
            x: put(below(x_bound(), random)),
            y: put(below(tenths_of_p(30), random)).raw(),
            zz: put(below(tenths_of_p(15), random)),
            zzz: put(below(tenths_of_p(15), random)),
        }
    }

    fn assert_bounds(sums: &Xyzz8) {
        let bounds = [
            (limbs_in_lanes(&sums.x), x_bound()),
            (limbs_in_lanes(&sums.y.carried()), tenths_of_p(30)),
            (limbs_in_lanes(&sums.zz), tenths_of_p(15)),
            (limbs_in_lanes(&sums.zzz), tenths_of_p(15)),
        ];
        for (which, (lanes, bound)) in bounds.into_iter().enumerate() {
            for limbs in lanes {
                assert!(value(limbs) < bound, "coordinate {which}: {limbs:x?}");
            }
        }
    }

    /// Debug builds check the limbs on the way: a difference that went below 0 would be seen.
    fn bounds() {
        let mut random = LaneRandom(1);
        for _ in 0..20_000 {
            let before = sums(&mut random);
            let point = Affine8 {
                x: put(below(tenths_of_p(160), &mut random)),
                y: put(below(tenths_of_p(160), &mut random)),
                negative: u8::try_from(random.next() & 0xff).unwrap(),
                present: 0xff,
            };
            assert_bounds(&Xyzz8::from_affine(&point));
            assert_bounds(&Xyzz8::from_affine(&point).plus_first(&point));
            assert_bounds(&before.plus(&point));
            for distance in [1, 2, 4] {
                assert_bounds(&before.joined(0xff, distance).0);
            }
        }
    }

    /// A sum that met the exceptional case is no empty lane: joined with any other, it stays
    /// exceptional, whichever multiple of p its ZZ is. (In our layout only the last join can meet
    /// it, so that no signature gets here.)
    fn exceptional_lanes() {
        let mut random = LaneRandom(2);
        for multiple in [Big::ZERO, p()] {
            for (lane, distance) in [(0, 1), (1, 1), (0, 2), (2, 2), (0, 4), (4, 4)] {
                let mut before = sums(&mut random);
                let mut zz = limbs_in_lanes(&Fe8::one());
                zz[lane] = to_limbs(multiple);
                before.zz = put(zz);
                let (after, present) = before.joined(0xff, distance);
                assert_eq!((present & 1, after.zz.is_multiple_of_p(2) & 1), (1, 1));
                // Alone, a lane that is not there is passed over, whatever it holds.
                let (after, present) = before.joined(!(1 << lane), distance);
                assert_eq!((present & 1, after.zz.is_multiple_of_p(2) & 1), (1, 0));
            }
        }
    }
}

#[test]
fn coordinates_keep_their_bounds() {
    on_this_cpu(bounds);
}

#[test]
fn an_exceptional_lane_is_no_empty_one() {
    on_this_cpu(exceptional_lanes);
}
