use std::cell::RefCell;

use super::*;
use crate::suite::{
    p256::{
        key::PublicKey,
        signing::{SigningKey, random_key, sign},
        tables::build,
    },
    sizes::SIGNATURE_BYTES,
};

const DIGEST: [u8; 32] = [7; 32];

thread_local! {
    static REPORTS: RefCell<Vec<Mismatch>> = const { RefCell::new(Vec::new()) };
}

fn report(mismatch: &Mismatch) {
    REPORTS.with_borrow_mut(|reports| reports.push(mismatch.clone()));
}

fn reports() -> Vec<Mismatch> {
    REPORTS.with_borrow(Clone::clone)
}

fn fast_engines() -> impl Iterator<Item = Engine> {
    [Engine::Ifma, Engine::Portable].into_iter().filter(|engine| engine.is_available())
}

/// A key whose table is another key's: the engine then accepts what the other signed.
struct Swindle {
    verifier: Verifier,
    key: VerifyingKey,
    honest: [u8; SIGNATURE_BYTES],
    forged: [u8; SIGNATURE_BYTES],
}

impl Swindle {
    fn new(engine: Engine, canary: Canary) -> Self {
        let (signer, other): (SigningKey, SigningKey) = (random_key(), random_key());
        let key = VerifyingKey::from(PublicKey::from(&signer));
        let verifier = Verifier { canary, ..Verifier::new(engine, report).unwrap() };
        verifier.build_tables(&[&key], 1 << 20).unwrap();
        let layout = key.table().layout().unwrap();
        let wrong = build::key_table(&PublicKey::from(&other), layout).unwrap();
        key.table().put(Some(wrong));
        Self { verifier, key, honest: sign(&signer, &DIGEST), forged: sign(&other, &DIGEST) }
    }

    fn says(&self, signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.verifier.verify(&Claim { key: &self.key, digest: DIGEST, signature })
    }
}

/// An engine that accepts a forgery is caught by the canary: refused, reported, stepped down.
#[test]
fn a_false_accept_is_refused_and_ends_the_engine() {
    for engine in fast_engines() {
        let swindle = Swindle::new(engine, Canary::of_all());
        assert!(!swindle.says(&swindle.forged), "the reference's answer counts");
        assert_eq!(swindle.verifier.mismatches(), 1);
        assert_eq!(swindle.verifier.engine(), engine.below());
        let last = reports().pop().unwrap();
        assert_eq!((last.engine, last.accepted, last.digest), (engine, true, DIGEST));
        assert_eq!(last.signature, swindle.forged);
        assert_eq!(last.key, swindle.key.public_key().to_sec1());
    }
}

#[test]
fn a_false_reject_is_accepted_and_ends_the_engine() {
    for engine in fast_engines() {
        let swindle = Swindle::new(engine, Canary::new());
        assert!(!swindle.says(&swindle.honest), "no reject is asked again unless allowed");
        assert_eq!(swindle.verifier.mismatches(), 0);
        swindle.verifier.allow_rechecks(1);
        assert!(swindle.says(&swindle.honest), "the reference's answer counts");
        assert_eq!(swindle.verifier.mismatches(), 1);
        assert!(!reports().pop().unwrap().accepted);
    }
}

/// ifma, then portable, then the reference, each step reported once; the counts go on.
#[test]
fn engines_step_down_to_the_reference_and_never_up() {
    let swindle = Swindle::new(Engine::best(), Canary::of_all());
    let steps = fast_engines().count();
    for step in 1..=steps {
        assert!(!swindle.says(&swindle.forged));
        assert_eq!(swindle.verifier.mismatches(), u64::try_from(step).unwrap());
    }
    assert_eq!(swindle.verifier.engine(), Engine::Reference);
    assert_eq!(reports().len(), steps);
    assert!(!swindle.says(&swindle.forged) && swindle.says(&swindle.honest));
    assert_eq!(reports().len(), steps, "the reference answers now");
}

#[test]
fn a_report_names_what_reproduces_it() {
    let swindle = Swindle::new(Engine::Portable, Canary::of_all());
    assert!(!swindle.says(&swindle.forged));
    let text = reports().pop().unwrap().to_string();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for part in [&swindle.key.public_key().to_sec1()[..], &DIGEST, &swindle.forged] {
        assert!(text.contains(&hex(part)), "{text}");
    }
    assert!(text.starts_with("engine portable accepted what p256 did not"), "{text}");
}

/// The share is 1 in 2^14, whatever the secret; no more than so many rejects.
#[test]
fn the_canary_asks_for_its_share() {
    let key = VerifyingKey::from(PublicKey::from(&random_key()));
    let canary = Canary::new();
    let picked = |number: u32, accepted| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_le_bytes());
        digest[4..8].copy_from_slice(&number.wrapping_mul(0x85eb_ca6b).to_le_bytes());
        canary.picks(&Claim { key: &key, digest, signature: &[0; 64] }, accepted)
    };
    let accepts = (0..1 << 20).filter(|number| picked(*number, true)).count();
    assert!((16..=256).contains(&accepts), "64 expected, {accepts} picked");
    assert!(!picked(0, false));
    canary.allow_rejects(3);
    assert_eq!((0..10).filter(|number| picked(*number, false)).count(), 3);
}

#[test]
fn signatures_are_verified_before_there_are_tables() {
    for engine in fast_engines() {
        let verifier = Verifier::new(engine, report).unwrap();
        let signers = [random_key(), random_key()];
        let keys = signers.each_ref().map(|key| VerifyingKey::from(PublicKey::from(key)));
        let signatures = signers.each_ref().map(|key| sign(key, &DIGEST));
        let claim = |key, signature| Claim { key: &keys[key], digest: DIGEST, signature };
        let claims = [
            claim(0, &signatures[0]),
            claim(1, &signatures[1]),
            claim(0, &signatures[1]),
            claim(1, &[0xff; 64]),
        ];
        let answers = || {
            let mut answers = [false; 4];
            verifier.verify_group(&claims, &mut answers);
            answers
        };
        assert_eq!(answers(), [true, true, false, false]);
        // The second key is still without, so the first one's lane stands alone.
        verifier.build_tables(&[&keys[0]], 1 << 20).unwrap();
        assert!(keys[0].has_table() && !keys[1].has_table());
        assert_eq!(answers(), [true, true, false, false]);
        verifier.build_tables(&[&keys[0], &keys[1]], 1 << 20).unwrap();
        assert_eq!(answers(), [true, true, false, false]);
    }
}

#[test]
fn the_reference_builds_no_tables() {
    let key = VerifyingKey::from(PublicKey::from(&random_key()));
    assert_eq!(Verifier::reference().build_tables(&[&key], 1 << 20).unwrap(), 0);
    assert!(!key.has_table());
}

#[test]
fn engines_have_names_and_no_others() {
    for engine in Engine::ALL {
        assert_eq!(engine.name().parse(), Ok(engine));
    }
    let error = "fast".parse::<Engine>().unwrap_err().to_string();
    assert_eq!(error, "\"fast\" is no engine; allowed: ifma, portable, reference");
}
