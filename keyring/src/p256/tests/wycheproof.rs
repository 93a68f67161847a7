//! Project Wycheproof's vectors for ECDSA on P-256 with SHA-256, in both encodings, by every
//! engine, in every lane of groups of every size.

use std::collections::HashMap;

use ::wycheproof::{
    TestResult,
    ecdsa::{TestName, TestSet},
};
use sha2::{Digest as _, Sha256};

use super::{
    super::{PublicKey, VerifyingKey, build, comb::Layout},
    craft::Case,
    engines::Engines,
};

/// Keys with a table each: building it takes longer than all that is done with it.
#[derive(Default)]
struct Keys(HashMap<Vec<u8>, VerifyingKey>);

impl Keys {
    fn get(&mut self, point: &[u8]) -> VerifyingKey {
        let build = || {
            let public_key = PublicKey::from_sec1(point).expect("the vectors' keys are sound");
            let key = VerifyingKey::from(public_key);
            let table = build::key_table(&public_key, Layout::of_rows(43));
            key.table().put(Some(table.expect("memory")));
            key
        };
        self.0.entry(point.to_vec()).or_insert_with(build).clone()
    }
}

/// Runs the vectors whose signature `decode` understands; it may only fail on invalid ones.
/// Returns how many ran and how many of them were valid.
fn run(name: TestName, decode: impl Fn(&[u8]) -> Option<[u8; 64]>) -> (usize, usize) {
    let (engines, mut keys) = (Engines::new(32), Keys::default());
    let (mut ran, mut valid) = (0, 0);
    let set = TestSet::load(name).expect("the vectors are in the crate");
    for group in set.test_groups {
        let key = keys.get(&group.key.key);
        for test in group.tests {
            assert_ne!(test.result, TestResult::Acceptable, "{name:?} {}", test.tc_id);
            let is_valid = test.result == TestResult::Valid;
            let Some(signature) = decode(&test.sig) else {
                assert!(!is_valid, "{name:?} {}: a valid one that cannot be read", test.tc_id);
                continue;
            };
            let digest = Sha256::digest(&*test.msg).into();
            let case = Case { key: key.clone(), digest, signature, valid: is_valid };
            engines.assert_answers(&case);
            (ran, valid) = (ran + 1, valid + usize::from(is_valid));
        }
    }
    (ran, valid)
}

#[test]
fn signatures_of_fixed_size() {
    let (ran, valid) = run(TestName::EcdsaSecp256r1Sha256P1363, |bytes| bytes.try_into().ok());
    assert!(ran > 200 && valid > 100, "{ran} ran, {valid} valid");
}

/// What is wrong with the encoding is the decoder's business and does not get here; numbers that
/// are out of range do.
#[test]
fn signatures_in_der() {
    let (ran, valid) = run(TestName::EcdsaSecp256r1Sha256, |bytes| {
        let numbers = bytes.strip_prefix(&[0x30])?;
        let (len, numbers) = numbers.split_first()?;
        let (r, rest) = integer(numbers)?;
        let (s, rest) = integer(rest)?;
        let is_whole = usize::from(*len) == numbers.len() && rest.is_empty();
        is_whole.then(|| [r, s].concat().try_into().expect("64 bytes"))
    });
    assert!(ran > 240 && valid > 150, "{ran} ran, {valid} valid");
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
