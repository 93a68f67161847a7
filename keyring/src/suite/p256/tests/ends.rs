//! r and s at the ends of their ranges, and x at the ends of the field, where r may be x - n.

use ::p256::{
    AffinePoint, ProjectivePoint, Scalar,
    elliptic_curve::{point::DecompressPoint as _, subtle::Choice},
};

use super::{
    craft::{self, Case, Random, bytes, scalar},
    engines::{Engines, Way},
    number,
};
use crate::sample::hex;

const NEVER: fn(Way) -> bool = |_| false;

/// p.
const PRIME: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
/// p - n: r + n is below p if r is below this.
const PRIME_LESS_ORDER: &str = "000000000000000000000000000000004319055358e8617b0c46353d039cdaae";

/// n + k < p is the x of a point: its r is k, and X = r * ZZ alone refuses it.
#[test]
fn x_above_n_is_r_plus_n() {
    let mut random = Random(6);
    let engines = Engines::new(24);
    let mut found = 0;
    for r in 1..20_u64 {
        let Some(point) = point_with_x(&bytes_of_n_plus(r)) else { continue };
        found += 1;
        let r = Scalar::from(r);
        let (u1, u2) = (random.scalar(), random.scalar());
        // Q = (R - u1 * G) / u2.
        let q = (point - ProjectivePoint::GENERATOR * u1) * u2.invert().unwrap();
        let key = craft::key_at(q, 32).unwrap();
        let case = craft::with_r(&key, u1, u2, r);
        assert!(case.valid);
        engines.assert(&case, NEVER);
        let other = craft::with_r(&key, u1, u2, r + Scalar::ONE);
        assert!(!other.valid);
        engines.assert(&other, NEVER);
    }
    assert!(found > 4, "about half of all x are on the curve");
}

/// r below p - n whose point has x = r: the first comparison is right, the second is not asked.
#[test]
fn x_far_below_n_is_r() {
    let mut random = Random(7);
    let engines = Engines::new(24);
    let points = (1..20_u64).filter_map(|r| Some((r, point_with_x(&bytes(Scalar::from(r)))?)));
    for (r, point) in points.take(4) {
        let (u1, u2) = (random.scalar(), random.scalar());
        let q = (point - ProjectivePoint::GENERATOR * u1) * u2.invert().unwrap();
        let case = craft::with_r(&craft::key_at(q, 32).unwrap(), u1, u2, Scalar::from(r));
        assert!(case.valid);
        engines.assert(&case, NEVER);
    }
}

fn point_with_x(x: &[u8; 32]) -> Option<ProjectivePoint> {
    let point = AffinePoint::decompress(&(*x).into(), Choice::from(0));
    Option::<AffinePoint>::from(point).map(ProjectivePoint::from)
}

fn bytes_of_n_plus(number: u64) -> [u8; 32] {
    let last = bytes(-Scalar::ONE);
    let mut sum: [u8; 32] = last;
    let mut carry = number + 1;
    for byte in sum.iter_mut().rev() {
        carry += u64::from(*byte);
        *byte = u8::try_from(carry & 0xff).unwrap();
        carry >>= 8;
    }
    sum
}

/// Each of r and s in 0, n - 1, n, n + 1, p and 2^256 - 1, beside seven good ones.
#[test]
fn r_and_s_at_the_ends_of_their_range() {
    let mut random = Random(8);
    let engines = Engines::new(24);
    let d = random.scalar();
    let key = craft::key(d, 32).unwrap();
    let good = craft::valid(&key, d, random.scalar(), random.scalar()).unwrap();
    let ends = [
        [0; 32],
        bytes(-Scalar::ONE),
        hex(super::ORDER),
        bytes_of_n_plus(1),
        hex(PRIME),
        [0xff; 32],
        *good.signature.first_chunk().unwrap(),
    ];
    for r in ends {
        for s in ends {
            let mut case = good.clone();
            case.signature = [r, s].concat().try_into().unwrap();
            case.valid = crate::suite::p256::engines::reference::judge(&case.claim());
            engines.assert_answers(&case);
        }
    }
}

/// Cases with R = `point`, whose logarithm is unknown: Q = (R - u1 * G) / u2.
fn with_point(point: ProjectivePoint, r: Scalar, random: &mut Random) -> Case {
    let (u1, u2) = (random.scalar(), random.scalar());
    let q = (point - ProjectivePoint::GENERATOR * u1) * u2.invert().unwrap();
    craft::with_r(&craft::key_at(q, 43).unwrap(), u1, u2, r)
}

/// The x that are nearest to n and to p from below: n - k is its own r, p - k has r = p - k - n.
#[test]
fn x_just_below_n_and_just_below_p() {
    let mut random = Random(10);
    let engines = Engines::new(24);
    let room = scalar(PRIME_LESS_ORDER);
    for (end, r_of_end) in [(super::ORDER, Scalar::ZERO), (PRIME, room)] {
        let points = (1..20).filter_map(|k| Some((k, point_with_x(&less(hex(end), k))?)));
        for (k, point) in points.take(3) {
            let r = r_of_end - Scalar::from(u64::from(k));
            for (r, is_valid) in [(r, true), (r - Scalar::ONE, false), (r + Scalar::ONE, false)] {
                // One above n - 1 is 0, which `r_and_s_at_the_ends_of_their_range` has.
                if r == Scalar::ZERO {
                    continue;
                }
                let case = with_point(point, r, &mut random);
                assert_eq!(case.valid, is_valid);
                engines.assert(&case, NEVER);
            }
        }
    }
}

/// r + n = p + k is no x, though it is one modulo p. A verifier that compares modulo p, without
/// checking that r + n is below p, accepts r = p - n + k for x = k.
#[test]
fn r_plus_n_from_p_upwards_is_no_x() {
    let mut random = Random(11);
    let engines = Engines::new(24);
    let room = scalar(PRIME_LESS_ORDER);
    let points = (0..12).filter_map(|k| Some((k, point_with_x(&number(k))?)));
    let points: Vec<_> = points.collect();
    assert_eq!(points[0].0, 0, "x = 0 is on the curve");
    for (k, point) in points {
        let case = with_point(point, room + Scalar::from(u64::from(k)), &mut random);
        assert!(!case.valid);
        engines.assert(&case, NEVER);
    }
}

/// x = 0 is no r, and no r + n. In a group where one r has a second candidate, the others must not
/// get 0 as theirs.
#[test]
fn x_0_is_refused_beside_an_r_with_two_candidates() {
    let mut random = Random(12);
    let engines = Engines::new(24);
    let zero = point_with_x(&number(0)).unwrap();
    let (r, above) =
        (1..20).find_map(|r| Some((Scalar::from(r), point_with_x(&bytes_of_n_plus(r))?))).unwrap();
    let with_two = with_point(above, r, &mut random);
    let with_none = with_point(zero, random.scalar(), &mut random);
    assert!(with_two.valid && !with_none.valid);
    for size in 2..=8 {
        for place in 0..size {
            let mut group = vec![with_none.clone(); size];
            group[place] = with_two.clone();
            engines.assert_group(&group, |_| 0);
        }
    }
}

fn less(mut number: [u8; 32], small: u8) -> [u8; 32] {
    let last = number.last_mut().unwrap();
    *last = last.checked_sub(small).unwrap();
    number
}
