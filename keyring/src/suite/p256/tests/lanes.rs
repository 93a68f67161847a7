//! Groups: every pattern of valid and invalid lanes, keys with tables of all widths and keys
//! without one, every size.

use super::craft::{self, Case, Random};
use crate::suite::{
    curve::engine::Engine,
    p256::{
        claim::Claim,
        key::{PublicKey, VerifyingKey},
        signing::{random_key, sign},
        verifier::Verifier,
    },
    sizes::GROUP_MAX,
};

/// Valid cases of keys of their own, their tables of different widths.
fn members_with_tables(count: usize) -> Vec<Case> {
    let mut random = Random(20);
    let member = |place: usize| {
        let d = random.scalar();
        let key = craft::key(d, [43, 30, 26, 40, 35][place % 5]).unwrap();
        craft::valid(&key, d, random.scalar(), random.scalar()).unwrap()
    };
    (0..count).map(member).collect()
}

/// The same, but each third key has no table.
fn members(count: usize) -> Vec<Case> {
    let mut members = members_with_tables(count);
    for member in members.iter_mut().skip(2).step_by(3) {
        member.key = VerifyingKey::from(*member.key.public_key());
    }
    members
}

fn verifiers() -> Vec<Verifier> {
    let engines = Engine::ALL.into_iter().filter(|engine| engine.is_available());
    let built = engines.map(|engine| {
        let verifier = Verifier::new(engine, |mismatch| panic!("{mismatch}")).unwrap();
        verifier.build_tables(&[&PublicKey::from(&random_key()).into()], 1 << 20).unwrap();
        verifier
    });
    built.collect()
}

/// Spoils a case in the way of its number.
fn spoiled(case: &Case, way: usize) -> Case {
    let mut case = case.clone();
    match way % 5 {
        0 => case.digest[31] ^= 1,
        1 => case.signature[31] ^= 1,
        2 => case.signature[63] ^= 1,
        // s = 0 must not spoil the other inverses; r = 0 is refused before anything.
        3 => case.signature[32..].fill(0),
        _ => case.signature[..32].fill(0),
    }
    case.valid = false;
    case
}

#[track_caller]
fn assert_answers(verifier: &Verifier, group: &[Case]) {
    let claims: Vec<Claim<'_>> = group.iter().map(Case::claim).collect();
    let mut answers = vec![false; group.len()];
    verifier.verify_group(&claims, &mut answers);
    let expected: Vec<bool> = group.iter().map(|case| case.valid).collect();
    assert_eq!(answers, expected, "{verifier:?}");
}

/// Once with all lanes full, for what is spoiled in the first three ways is added up like all the
/// rest, and once with gaps: keys without a table, and numbers out of range.
#[test]
fn every_pattern_of_valid_and_invalid_lanes() {
    let groups = [(members_with_tables(GROUP_MAX), 3), (members(GROUP_MAX), 5)];
    for verifier in verifiers().iter().filter(|one| one.engine() != Engine::Reference) {
        for (members, ways) in &groups {
            for pattern in 0..256_usize {
                let group: Vec<Case> = (0..GROUP_MAX)
                    .map(|lane| match (pattern >> lane) & 1 {
                        1 => members[lane].clone(),
                        _ => spoiled(&members[lane], (pattern + lane) % ways),
                    })
                    .collect();
                assert_answers(verifier, &group);
            }
        }
    }
}

#[test]
fn groups_of_every_size() {
    let members = members(20);
    for verifier in &verifiers() {
        for size in 0..=20 {
            assert_answers(verifier, &members[..size]);
            for bad in 0..size {
                let mut group = members[..size].to_vec();
                group[bad] = spoiled(&group[bad], bad);
                assert_answers(verifier, &group[..(bad + 4).min(size)]);
            }
        }
    }
}

/// The signature of one key is not another key's, also where both stand side by side.
#[test]
fn lanes_are_not_mixed_up() {
    let signers: [_; GROUP_MAX] = std::array::from_fn(|_| random_key());
    let keys = signers.each_ref().map(|key| VerifyingKey::from(PublicKey::from(key)));
    let digests: [[u8; 32]; GROUP_MAX] = std::array::from_fn(|i| [u8::try_from(i).unwrap(); 32]);
    let signatures: [_; GROUP_MAX] = std::array::from_fn(|i| sign(&signers[i], &digests[i]));
    for verifier in &verifiers() {
        verifier.build_tables(&keys.each_ref(), 2 << 20).unwrap();
        for shift in 0..GROUP_MAX {
            let claims: [Claim<'_>; GROUP_MAX] = std::array::from_fn(|i| Claim {
                key: &keys[(i + shift) % GROUP_MAX],
                digest: digests[i],
                signature: &signatures[i],
            });
            let mut answers = [false; GROUP_MAX];
            verifier.verify_group(&claims, &mut answers);
            assert_eq!(answers, [shift == 0; GROUP_MAX], "{verifier:?}");
        }
    }
}
