//! Project Wycheproof's vectors for ECDSA on P-256 with SHA-256, in both encodings, by every
//! engine, in every lane of groups of every size.

use std::collections::HashMap;

use ::p256::ecdsa::Signature;
use ::wycheproof::{
    TestResult,
    ecdsa::{
        TestName::{self, EcdsaSecp256r1Sha256P1363 as P1363},
        TestSet,
    },
};
use sha2::{Digest as _, Sha256};

use super::{craft::Case, engines::Engines};
use crate::suite::{
    curve::layout::Layout,
    p256::{
        key::{PublicKey, VerifyingKey},
        tables::build,
    },
};

/// Rows of the generator's table and of each key's.
type AllRows = (u32, u32);
/// Building wide tables takes longer than all that is done with them.
const NARROW: AllRows = (32, 43);
const WIDE: AllRows = (17, 24);

/// What became of a set's vectors.
#[derive(Debug, Eq, PartialEq)]
struct Counts {
    /// Answered by every engine.
    ran: usize,
    /// Of those.
    valid: usize,
    /// Not r and s of 32 bytes each, in whatever encoding.
    unreadable: usize,
}

/// Runs the vectors whose signature `decode` understands, of each `step`th key; it may only fail
/// on invalid ones.
fn run(
    name: TestName,
    (base_rows, rows): AllRows,
    step: usize,
    decode: impl Fn(&[u8]) -> Option<[u8; 64]>,
) -> Counts {
    let (engines, mut keys) = (Engines::new(base_rows), HashMap::new());
    let mut counts = Counts { ran: 0, valid: 0, unreadable: 0 };
    let set = TestSet::load(name).expect("the vectors are in the crate");
    for group in set.test_groups.into_iter().step_by(step) {
        let point = group.key.key.to_vec();
        let key = keys.entry(point.clone()).or_insert_with(|| key_of(&point, rows));
        for test in group.tests {
            assert_ne!(test.result, TestResult::Acceptable, "{name:?} {}", test.tc_id);
            let is_valid = test.result == TestResult::Valid;
            let Some(signature) = decode(&test.sig) else {
                assert!(!is_valid, "{name:?} {}: a valid one that cannot be read", test.tc_id);
                counts.unreadable += 1;
                continue;
            };
            let digest = Sha256::digest(&*test.msg).into();
            engines.assert_answers(&Case { key: key.clone(), digest, signature, valid: is_valid });
            counts.ran += 1;
            counts.valid += usize::from(is_valid);
        }
    }
    counts
}

fn key_of(point: &[u8], rows: u32) -> VerifyingKey {
    let public_key = PublicKey::from_sec1(point).expect("the vectors' keys are sound");
    let key = VerifyingKey::from(public_key);
    let table = build::key_table(&public_key, Layout::of_rows(rows)).expect("memory");
    key.table().put(Some(table));
    key
}

#[test]
fn signatures_of_fixed_size() {
    let counts = run(P1363, NARROW, 1, |bytes| bytes.try_into().ok());
    assert_eq!(counts, Counts { ran: 241, valid: 173, unreadable: 21 });
}

/// Other digits of the same scalars: some of the keys, with tables as they are on a small node.
#[test]
fn signatures_of_fixed_size_with_wide_tables() {
    let counts = run(P1363, WIDE, 4, |bytes| bytes.try_into().ok());
    assert!(counts.ran > 30 && counts.valid > 20, "{counts:?}");
}

/// What is wrong with the encoding is the decoder's business and does not get here; numbers that
/// are out of range do.
#[test]
fn signatures_in_der() {
    let counts = run(TestName::EcdsaSecp256r1Sha256, NARROW, 1, |bytes| {
        let signature = decoded(bytes);
        // All that the `p256` crate can read is read, and as the same numbers.
        if let Ok(theirs) = Signature::from_der(bytes) {
            assert_eq!(signature, Some(theirs.to_bytes().into()));
        }
        signature
    });
    assert_eq!(counts, Counts { ran: 249, valid: 174, unreadable: 235 });
}

fn decoded(bytes: &[u8]) -> Option<[u8; 64]> {
    let numbers = bytes.strip_prefix(&[0x30])?;
    let (len, numbers) = numbers.split_first()?;
    let (r, rest) = integer(numbers)?;
    let (s, rest) = integer(rest)?;
    let is_whole = usize::from(*len) == numbers.len() && rest.is_empty();
    is_whole.then(|| [r, s].concat().try_into().expect("64 bytes"))
}

/// A DER INTEGER in 0..2^256, and what follows it.
fn integer(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (len, rest) = bytes.strip_prefix(&[0x02])?.split_first()?;
    let (mut digits, rest) = rest.split_at_checked(usize::from(*len))?;
    match digits {
        [0x80..=0xff, ..] | [] => return None,
        [0, second, ..] if *second < 0x80 => return None,
        [0, _, ..] => digits = &digits[1..],
        _ => {}
    }
    let mut number = [0; 32];
    number.get_mut(32_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    Some((number, rest))
}
