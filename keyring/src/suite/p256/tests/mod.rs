mod arithmetic;
mod craft;
mod differential;
mod directed;
mod edges;
mod ends;
mod engines;
mod foresight;
mod lanes;
mod wycheproof;

use std::sync::OnceLock;

use ::p256::{
    ProjectivePoint, Scalar,
    elliptic_curve::{ops::Reduce as _, point::AffineCoordinates as _},
};
use proptest::prelude::*;

use super::signing::sign;
use crate::{
    sample::{self, hex},
    suite::{
        Claim, Engine, GROUP_MAX, PublicKey, Verifier, VerifyingKey, other_signature, random_key,
    },
};

/// The order of the curve (SEC 2, 2.4.2).
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

fn order() -> [u8; 32] {
    hex(ORDER)
}

/// The order and a small number.
fn order_plus(number: u8) -> [u8; 32] {
    let mut sum = order();
    let last = sum.last_mut().unwrap();
    *last = last.checked_add(number).unwrap();
    sum
}

fn number(number: u8) -> [u8; 32] {
    std::array::from_fn(|i| if i == 31 { number } else { 0 })
}

fn joined(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    [r, s].concat().try_into().unwrap()
}

/// A verifier for each engine that this CPU has, the sample key, and its table.
fn verifiers() -> &'static (Vec<Verifier>, VerifyingKey) {
    static VERIFIERS: OnceLock<(Vec<Verifier>, VerifyingKey)> = OnceLock::new();
    VERIFIERS.get_or_init(|| {
        let key = VerifyingKey::from(PublicKey::from(&sample::signing_key()));
        let engines = Engine::ALL.into_iter().filter(|engine| engine.is_available());
        let verifiers = engines.map(|engine| {
            let verifier = Verifier::new(engine, |mismatch| panic!("{mismatch}")).unwrap();
            verifier.build_tables(&[&key], 1 << 20).unwrap();
            verifier
        });
        (verifiers.collect(), key.clone())
    })
}

/// What all engines say.
fn verifies(digest: [u8; 32], signature: &[u8; 64]) -> bool {
    let (verifiers, key) = verifiers();
    let claim = Claim { key, digest, signature };
    let answers: Vec<_> = verifiers.iter().map(|one| (one.engine(), one.verify(&claim))).collect();
    let [(_, first), ..] = answers[..] else { panic!("no engine") };
    assert!(answers.iter().all(|(_, answer)| *answer == first), "{answers:?} of {claim:?}");
    first
}

/// A digest for which the sample key's signature has this s, and that signature's r:
/// e = s*k - r*d, so s can be chosen freely.
fn digest_and_r_for(s: Scalar) -> ([u8; 32], [u8; 32]) {
    let d = **sample::signing_key().as_nonzero_scalar();
    let k = Scalar::from(0x1234_5678_9abc_def1_u64);
    let r = Scalar::reduce(&(ProjectivePoint::GENERATOR * k).to_affine().x());
    ((s * k - r * d).to_bytes().into(), r.to_bytes().into())
}

#[test]
fn sample_of_rfc6979_verifies() {
    let digest: [u8; 32] = hex("af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf");
    let signature = joined(
        hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"),
        hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"),
    );
    assert!(verifies(digest, &signature));
    assert_eq!(sign(&sample::signing_key(), &digest), signature);
}

#[test]
fn r_and_s_are_in_1_to_n_minus_1() {
    let digest = [1; 32];
    let good = sign(&sample::signing_key(), &digest);
    let (r, s) = (good.first_chunk().unwrap(), good.last_chunk().unwrap());
    assert!(verifies(digest, &joined(*r, *s)));
    for outside in [number(0), order(), order_plus(1), [0xff; 32]] {
        assert!(!verifies(digest, &joined(outside, *s)), "r {outside:x?}");
        assert!(!verifies(digest, &joined(*r, outside)), "s {outside:x?}");
        assert_eq!(other_signature(&joined(outside, *s)), None);
        assert_eq!(other_signature(&joined(*r, outside)), None);
    }
}

/// A verifier that reduces s modulo n before it checks the range accepts n + 1 for 1.
#[test]
fn the_least_and_the_greatest_s_verify_and_their_doubles_do_not() {
    let (digest, r) = digest_and_r_for(Scalar::ONE);
    assert!(verifies(digest, &joined(r, number(1))));
    assert!(!verifies(digest, &joined(r, order_plus(1))));
    let (digest, r) = digest_and_r_for(-Scalar::ONE);
    let greatest: [u8; 32] = (-Scalar::ONE).to_bytes().into();
    assert!(verifies(digest, &joined(r, greatest)));
}

#[test]
fn high_s_is_as_good_as_low_s() {
    let digest = [2; 32];
    let one = sign(&sample::signing_key(), &digest);
    let other = other_signature(&one).unwrap();
    assert_ne!(one, other);
    assert_eq!(one.first_chunk::<32>(), other.first_chunk::<32>());
    assert!(verifies(digest, &one) && verifies(digest, &other));
    assert_eq!(other_signature(&other), Some(one));
}

#[test]
fn keys_are_points_on_the_curve() {
    let key = PublicKey::from(&sample::signing_key());
    let mut point = key.to_sec1();
    assert_eq!(PublicKey::from_sec1(&point), Some(key));
    assert_eq!(PublicKey::from_sec1(&[0]), None, "infinity");
    point[64] ^= 1;
    assert_eq!(PublicKey::from_sec1(&point), None, "off the curve");
    let prime = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    point[1..33].copy_from_slice(&hex::<32>(prime));
    assert_eq!(PublicKey::from_sec1(&point), None, "x = p");
}

#[test]
fn random_keys_differ() {
    assert_ne!(PublicKey::from(&random_key()), PublicKey::from(&random_key()));
}

#[test]
#[should_panic(expected = "one answer for each claim")]
fn a_group_has_an_answer_for_each_claim() {
    Verifier::reference().verify_group(&[], &mut [false]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_group_is_answered_like_its_claims(
        claims in proptest::collection::vec((any::<[u8; 32]>(), any::<bool>()), 0..=GROUP_MAX),
    ) {
        let (verifiers, key) = verifiers();
        let signatures: Vec<_> = claims.iter().map(|(digest, good)| {
            let mut signature = sign(&sample::signing_key(), digest);
            signature[63] ^= u8::from(!good);
            signature
        }).collect();
        let group: Vec<_> = claims.iter().zip(&signatures).map(|((digest, _), signature)| {
            Claim { key, digest: *digest, signature }
        }).collect();
        let expected: Vec<_> = claims.iter().map(|(_, good)| *good).collect();
        for verifier in verifiers {
            let mut answers = vec![false; group.len()];
            verifier.verify_group(&group, &mut answers);
            prop_assert_eq!(&answers, &expected, "{:?}", verifier);
        }
    }
}
