//! Inputs that meet each case that fast additions do not cover, and each edge of digits and
//! ranges. Valid ones must be accepted, forged ones refused, and the exceptional ones must be seen
//! to fall back: an engine that does not notice accepts every r.

use ::p256::{
    AffinePoint, ProjectivePoint, Scalar,
    elliptic_curve::{point::DecompressPoint as _, subtle::Choice},
};

use super::{
    craft::{self, Random, bytes, power_of_2, scalar},
    engines::{Engines, Way},
};
use crate::sample::hex;

const NEVER: fn(Way) -> bool = |_| false;
const EVERYWHERE: fn(Way) -> bool = |_| true;
/// Only where a lane, or the portable engine, adds row after row.
const IN_ROWS: fn(Way) -> bool = |way| way != Way::Spread;
/// Only where the halves u1 * G and u2 * Q meet.
const AT_ROOT: fn(Way) -> bool = |way| way == Way::Spread;

/// (generator's rows, key's rows): narrow and wide, even and uneven rows.
const LAYOUTS: [(u32, u32); 4] = [(16, 18), (17, 26), (32, 32), (20, 43)];

/// u1 * G and the key's rows below `row` add up to plus or minus what that row adds: for every
/// row, both signs. An incomplete addition makes ZZ = 0 of it, and then X = r * ZZ for every r.
#[test]
fn sums_that_meet_the_next_entry_or_its_negative() {
    let mut random = Random(2);
    for (base_rows, rows) in LAYOUTS {
        let engines = Engines::new(base_rows);
        for row in 0..usize::try_from(rows).unwrap() {
            // Building wide tables takes longest; two of their rows stand for the others.
            if rows == 18 && row % 8 != 1 {
                continue;
            }
            for sign in [Scalar::ONE, -Scalar::ONE] {
                let u1 = random.scalar();
                let (u2, addends) = with_digit_in(row, rows, &mut random);
                let below: Scalar = addends[..row].iter().sum();
                // u1 + below * d = sign * addend * d.
                let d = u1 * (sign * addends[row] - below).invert().unwrap();
                let key = craft::key(d, rows).unwrap();
                let valid = craft::valid(&key, d, u1, u2);
                // The last row's negative makes infinity, wherever it is added.
                let falls_back = if valid.is_some() { IN_ROWS } else { EVERYWHERE };
                valid.iter().for_each(|valid| engines.assert(valid, falls_back));
                engines.assert(&craft::forged(&key, u1, u2, &mut random), falls_back);
            }
        }
    }
}

/// A scalar that adds something in that row, and all that it adds.
fn with_digit_in(row: usize, rows: u32, random: &mut Random) -> (Scalar, Vec<Scalar>) {
    loop {
        let scalar = random.scalar();
        let addends = craft::addends(scalar, rows);
        if addends[row] != Scalar::ZERO {
            return (scalar, addends);
        }
    }
}

/// u1 * G = u2 * Q is a doubling where the lanes' sums meet, and u1 * G = -u2 * Q is infinity,
/// for which no signature is valid.
#[test]
fn halves_that_are_equal_or_opposite() {
    let mut random = Random(3);
    let engines = Engines::new(20);
    for rows in [32, 43] {
        for _ in 0..4 {
            let (u1, u2) = (random.scalar(), random.scalar());
            let d = u1 * u2.invert().unwrap();
            let key = craft::key(d, rows).unwrap();
            engines.assert(&craft::valid(&key, d, u1, u2).unwrap(), AT_ROOT);
            engines.assert(&craft::forged(&key, u1, u2, &mut random), AT_ROOT);
            let key = craft::key(-d, rows).unwrap();
            assert!(craft::valid(&key, -d, u1, u2).is_none());
            // Row after row, the last entry cancels all before it: ZZ = 0 as well.
            engines.assert(&craft::forged(&key, u1, u2, &mut random), EVERYWHERE);
        }
    }
}

/// Scalars at the edges of digits, windows and ranges, for a table of that many rows.
fn edges(rows: u32) -> Vec<Scalar> {
    let half = -Scalar::from(2_u64).invert().unwrap();
    let mut edges = vec![
        Scalar::ONE,
        Scalar::from(2_u64),
        Scalar::from(3_u64),
        half,
        half + Scalar::ONE,
        Scalar::from(0x7f80_u64) * power_of_2(240),
        Scalar::from(0x7fff_8000_u64) * power_of_2(224),
        // Odd digits would meet P = Q inside G's own rows (widths 8 and 16).
        scalar("fe000000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf"),
        scalar("fffe0000ffffffff00000000000000004319055258e8617b0c46353d039cdaaf"),
    ];
    let widths: Vec<u32> = craft::widths(rows);
    let mut all_at_the_edge = Scalar::ZERO;
    let mut alternating = Scalar::ZERO;
    let mut offset = 0;
    for (row, width) in widths.iter().enumerate() {
        let edge = power_of_2(offset + width - 1);
        all_at_the_edge += edge;
        alternating += if row % 2 == 0 { edge } else { -(edge - power_of_2(offset)) };
        if row % 6 == 0 || row + 1 == widths.len() {
            // The half-open end of this digit, and its neighbours.
            edges.extend([edge, edge + power_of_2(offset), edge - power_of_2(offset)]);
        }
        offset += width;
    }
    // The highest digit alone would put this above (n - 1) / 2; then it is read as its negative.
    edges.extend([all_at_the_edge, alternating, power_of_2(255), power_of_2(254)]);
    let top = *widths.last().unwrap();
    edges.extend([power_of_2(top), power_of_2(128), power_of_2(64) - Scalar::ONE]);
    let negatives: Vec<Scalar> = edges.iter().map(|edge| -edge).collect();
    edges.extend(negatives);
    edges
}

/// u1 and u2 at the edges, with keys that are small, opposite to small, or powers of 2 like the
/// tables' own rows: sums meet everywhere, and engines fall back where they do.
#[test]
fn scalars_at_the_edges_with_keys_at_the_edges() {
    let mut random = Random(4);
    for (base_rows, rows) in [(16, 40), (32, 32)] {
        let engines = Engines::new(base_rows);
        let edges = edges(rows);
        let mut keys = vec![Scalar::ONE, Scalar::from(2_u64), Scalar::from(3_u64)];
        keys.extend([8, 16, 32, 240].map(power_of_2));
        keys.extend(keys.clone().iter().map(|key| -key));
        keys.push(random.scalar());
        for d in keys {
            let key = craft::key(d, rows).unwrap();
            for _ in 0..60 {
                let u1 = match random.below(edges.len() + 1) {
                    0 => Scalar::ZERO,
                    at => edges[at - 1],
                };
                let u2 = edges[random.below(edges.len())];
                let cases =
                    [craft::valid(&key, d, u1, u2), Some(craft::forged(&key, u1, u2, &mut random))];
                for case in cases.into_iter().flatten() {
                    engines.assert_answers(&case);
                }
            }
        }
    }
}

/// A digest of 0, and of n, which is 0 too: nothing is added for the generator.
#[test]
fn a_digest_of_0_modulo_n() {
    let mut random = Random(5);
    let engines = Engines::new(24);
    let (d, u2) = (random.scalar(), random.scalar());
    let key = craft::key(d, 32).unwrap();
    let mut case = craft::valid(&key, d, Scalar::ZERO, u2).unwrap();
    assert_eq!(case.digest, [0; 32]);
    engines.assert(&case, NEVER);
    case.digest = hex(super::ORDER);
    engines.assert(&case, NEVER);
    engines.assert(&craft::forged(&key, Scalar::ZERO, u2, &mut random), NEVER);
}

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
        hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"),
        [0xff; 32],
        *good.signature.first_chunk().unwrap(),
    ];
    for r in ends {
        for s in ends {
            let mut case = good.clone();
            case.signature = [r, s].concat().try_into().unwrap();
            case.valid = super::super::reference::judge(&case.claim());
            engines.assert_answers(&case);
        }
    }
}
