//! Inputs that meet each case that fast additions do not cover. Valid ones must be accepted,
//! forged ones refused, and the exceptional ones must be seen to fall back: an engine that does
//! not notice accepts every r.

use ::p256::{ProjectivePoint, Scalar};

use super::{
    craft::{self, Case, Key, Random},
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

/// Eight at once, each exceptional in a row of its own, every other one forged: what one lane
/// finds must not change another lane's answer.
#[test]
fn a_group_of_nothing_but_exceptions() {
    let mut random = Random(9);
    let engines = Engines::new(26);
    let group: Vec<Case> = (0..8)
        .map(|place| {
            let (u1, row) = (random.scalar(), 1 + 4 * place);
            let (u2, addends) = with_digit_in(row, 40, &mut random);
            let below: Scalar = addends[..row].iter().sum();
            let d = u1 * (addends[row] - below).invert().unwrap();
            let key = craft::key(d, 40).unwrap();
            match place % 2 {
                0 => craft::valid(&key, d, u1, u2).unwrap(),
                _ => craft::forged(&key, u1, u2, &mut random),
            }
        })
        .collect();
    for size in 1..=group.len() {
        let count = |way| if IN_ROWS(way) { size } else { 0 };
        engines.assert_group(&group[..size], count);
    }
}

/// How a verifier might share rows of 8 bits out among eight lanes, with rows of both terms in
/// each: then lanes, and sums of lanes, can meet.
const MIXED: [fn(usize) -> usize; 2] = [|row| row / 4, |row| row % 8];

/// Keys for which two sums are equal inside such a lane, or where lanes are joined. A
/// verifier that takes ZZ = 0 for "nothing here" accepts the r that is left without them
/// (`models/lane_sum_forgeries.py`). Our lanes hold rows of one term each and do not meet there.
#[test]
fn lanes_that_meet_where_others_would_mix_rows() {
    let mut random = Random(10);
    let engines = Engines::new(32);
    for lane_of in MIXED {
        for (one, other) in [(vec![2], vec![3]), (vec![0, 1], vec![2, 3]), (vec![1], vec![])] {
            let (u1, u2) = (random.scalar(), random.scalar());
            let lanes = mixed_lanes(u1, u2, lane_of);
            let (one_sum, other_sum) = match other[..] {
                // Inside the lane: what three rows add up to against what the next adds.
                [] => (total(&lanes[1][..3]), lanes[1][3]),
                _ => (total_of(&lanes, &one), total_of(&lanes, &other)),
            };
            // a + b * d = a' + b' * d.
            let d = (one_sum.0 - other_sum.0) * (other_sum.1 - one_sum.1).invert().unwrap();
            let rest: Vec<usize> =
                (0..8).filter(|lane| !one.contains(lane) && !other.contains(lane)).collect();
            let (a, b) = total_of(&lanes, &rest);
            let r = craft::x_mod_n(ProjectivePoint::GENERATOR * (a + b * d)).unwrap();
            let key = Key::new(d, 32);
            let foresight = engines.foresight(&key, (u1, u2));
            for case in
                [craft::with_r(&key.key, u1, u2, r), craft::valid(&key.key, d, u1, u2).unwrap()]
            {
                assert_eq!(case.valid, case.signature[..32] != craft::bytes(r));
                engines.assert(&case, |way| foresight.says(way));
            }
        }
    }
}

/// A number a + b * d for a private key d that is still to be chosen.
type Linear = (Scalar, Scalar);

fn mixed_lanes(u1: Scalar, u2: Scalar, lane_of: fn(usize) -> usize) -> Vec<Vec<Linear>> {
    let mut lanes = vec![Vec::new(); 8];
    let rows = craft::addends(u1, 32).into_iter().zip(craft::addends(u2, 32));
    for (row, (base, key)) in rows.enumerate() {
        lanes[lane_of(row)].extend([(base, Scalar::ZERO), (Scalar::ZERO, key)]);
    }
    lanes
}

fn total(linears: &[Linear]) -> Linear {
    linears.iter().fold((Scalar::ZERO, Scalar::ZERO), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn total_of(lanes: &[Vec<Linear>], which: &[usize]) -> Linear {
    total(&which.iter().flat_map(|lane| lanes[*lane].clone()).collect::<Vec<_>>())
}
