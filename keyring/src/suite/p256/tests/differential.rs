//! A million signatures whose truth is known, by the fast engines; some of them by two libraries
//! as well.
//!
//! `YANMA_DIFFERENTIAL` sets how many, `YANMA_SEED` which. The long run, an hour on one core:
//!
//! ```text
//! YANMA_DIFFERENTIAL=2000000000 cargo test --release -p keyring differential
//! ```

use ::p256::{ProjectivePoint, Scalar, elliptic_curve::ops::Reduce as _};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};

use super::craft::{self, Case, Random, bytes};
use crate::suite::{
    curve::{engine::Engine, layout::Layout},
    p256::{claim::Claim, engines::reference, tables::build, verifier::Verifier},
    sizes::{GROUP_MAX, SIGNATURE_BYTES},
};

/// Of so many claims the portable engine is asked about one, and the libraries.
const PORTABLE_OF: usize = 5;
const LIBRARIES_OF: usize = 400;
/// Claims that are made from one signature.
const VARIANTS: usize = 8;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// An issuer: two tables of its key, so that both are asked.
struct TestIssuer {
    d: Scalar,
    wide: Case,
    narrow: Case,
}

/// Nonces k, k + 1, k + 2 .. and their points, each one addition from the last.
struct Nonces {
    k: Scalar,
    point: ProjectivePoint,
}

impl Nonces {
    fn next(&mut self) -> (Scalar, Scalar) {
        self.k += Scalar::ONE;
        self.point += ProjectivePoint::GENERATOR;
        (self.k, craft::x_mod_n(self.point).expect("no nonce is 0"))
    }
}

fn signers(random: &mut Random) -> Vec<TestIssuer> {
    let signer = |_| {
        let d = random.scalar();
        let blank = |rows| Case {
            key: craft::key(d, rows).unwrap(),
            digest: [0; 32],
            signature: [0; SIGNATURE_BYTES],
            valid: true,
        };
        TestIssuer { d, wide: blank(26), narrow: blank(43) }
    };
    (0..6).map(signer).collect()
}

/// Digests of all sorts: random, few bits, at the ends.
fn digest(random: &mut Random) -> [u8; 32] {
    let mut digest = match random.below(8) {
        0 => [0; 32],
        1 => [0xff; 32],
        2 => bytes(-Scalar::from(random.next() >> 40)),
        _ => return random.bytes(),
    };
    digest[random.below(32)] ^= 1 << random.below(8);
    digest
}

/// A signature and what can be made of it: two valid ones, and six that are not.
fn variants(signers: &[TestIssuer], nonces: &mut Nonces, random: &mut Random) -> [Case; VARIANTS] {
    let signer = &signers[random.below(signers.len())];
    let other = &signers[random.below(signers.len())];
    let digest = digest(random);
    let e = Scalar::reduce(&::p256::FieldBytes::from(digest));
    let (k, r) = nonces.next();
    let s = k.invert_vartime().unwrap() * (e + r * signer.d);
    let with = |base: &Case, r: [u8; 32], s: [u8; 32], digest, valid| Case {
        signature: [r, s].concat().try_into().unwrap(),
        digest,
        valid,
        ..base.clone()
    };
    let flipped = |mut bytes: [u8; 32], random: &mut Random| {
        bytes[random.below(32)] ^= 1 << random.below(8);
        bytes
    };
    let (rb, sb) = (bytes(r), bytes(s));
    let is_same = other.d == signer.d;
    [
        with(&signer.wide, rb, sb, digest, true),
        with(&signer.narrow, rb, bytes(-s), digest, true),
        with(&signer.wide, rb, sb, flipped(digest, random), false),
        with(&signer.wide, flipped(rb, random), sb, digest, false),
        with(&signer.wide, rb, flipped(sb, random), digest, false),
        with(&other.wide, rb, sb, digest, is_same),
        with(&signer.narrow, sb, rb, digest, false),
        with(&signer.narrow, rb, bytes(s + Scalar::ONE), digest, false),
    ]
}

fn aws_lc_rs(case: &Case) -> bool {
    let point = case.key.public_key().to_sec1();
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap();
    let digest =
        aws_lc_rs::digest::Digest::import_less_safe(&case.digest, &aws_lc_rs::digest::SHA256);
    key.verify_digest_sig(&digest.unwrap(), &case.signature).is_ok()
}

fn verifier(engine: Engine) -> Option<Verifier> {
    let verifier = Verifier::new(engine, |mismatch| panic!("{mismatch}")).ok()?;
    verifier.put_base_table(build::base_table(Layout::of_rows(24)).unwrap());
    Some(verifier)
}

#[track_caller]
fn ask(verifier: &Verifier, group: &[Case], seed: u64) {
    let claims: Vec<Claim<'_>> = group.iter().map(Case::claim).collect();
    let mut answers = [false; GROUP_MAX];
    verifier.verify_group(&claims, &mut answers[..group.len()]);
    for (case, answer) in group.iter().zip(answers) {
        assert_eq!(answer, case.valid, "{verifier:?}, YANMA_SEED={seed}: {case:?}");
    }
}

#[test]
fn a_million_signatures() {
    let seed = number("YANMA_SEED", 1);
    let count = usize::try_from(number("YANMA_DIFFERENTIAL", 1_000_000)).unwrap();
    let mut random = Random(seed);
    let signers = signers(&mut random);
    let k = random.scalar();
    let mut nonces = Nonces { k, point: ProjectivePoint::GENERATOR * k };
    let (ifma, portable) = (verifier(Engine::Ifma), verifier(Engine::Portable).unwrap());
    // Without the fast engine the portable one is asked about all of them.
    let portable_of = if ifma.is_some() { PORTABLE_OF } else { 1 };
    let mut asked = 0;
    let mut pending: Vec<Case> = Vec::new();
    while asked < count {
        while pending.len() < GROUP_MAX {
            pending.extend(variants(&signers, &mut nonces, &mut random));
        }
        // Neighbours of one signature are torn apart.
        let at = random.below(pending.len());
        pending.swap(0, at);
        let group: Vec<Case> = pending.drain(..1 + random.below(GROUP_MAX)).collect();
        if let Some(ifma) = &ifma {
            ask(ifma, &group, seed);
        }
        for (case, number) in group.iter().zip(asked..) {
            if number % portable_of == 0 {
                ask(&portable, std::slice::from_ref(case), seed);
            }
            if number % LIBRARIES_OF == 0 {
                let libraries = [reference::judge(&case.claim()), aws_lc_rs(case)];
                assert_eq!(libraries, [case.valid; 2], "YANMA_SEED={seed}: {case:?}");
            }
        }
        asked += group.len();
    }
    println!("{asked} claims, YANMA_SEED={seed}");
}
