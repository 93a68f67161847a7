use keyring::code::{Auth, IssuedAt, KeyId, Kind, Kinds, Region, Serial, Subject};
use keyring::key::{IssuerKey, KeyState, KeyTerms};
use keyring::key_set::KeySet;
use keyring::mint::Spec;
use keyring::seal::SealSecret;
use keyring::suite::{PublicKey, SigningKey};
use keyring::verify::{Rules, TimeRules};

use super::*;

const RULES: Rules = Rules {
    kinds: Kinds::PAYMENT,
    time: TimeRules { skew_ms: 0, display_days: 180 },
    recognise_late: false,
};
const ISSUED: IssuedAt = IssuedAt::new(1_800_000_000);

fn signing_key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

fn key(environment: &str) -> IssuerKey {
    let id = KeyId::new(7001).unwrap();
    let terms = KeyTerms {
        id,
        channel: "wechat".parse().unwrap(),
        state: KeyState::Active,
        not_before: ISSUED.millis(),
        not_after: ISSUED.millis().plus_ms(1000),
        environment: environment.to_owned(),
    };
    let seal_key = SealSecret::new([7; SealSecret::BYTES]).derive(id);
    IssuerKey::new(terms, PublicKey::from(&signing_key(7)), seal_key).unwrap()
}

fn spec() -> Spec {
    Spec {
        kind: Kind::Payment,
        issued_at: ISSUED,
        region: Region::new(370_100).unwrap(),
        auth: Auth::Password,
        subject: Subject::new(42).unwrap(),
        epoch: 1,
        relation: 0,
    }
}

#[test]
fn codes_signed_with_prepared_nonces_are_sound() {
    let key = key(ENVIRONMENT);
    let minter = ThrowAwaySigner::minter(&key, &signing_key(7), &Nonces::new()).unwrap();
    let keys = KeySet::new(vec![key]).unwrap();
    for serial in 0..64 {
        let code = minter.mint(&spec(), Serial::new(serial));
        keys.verify(&code, &RULES, ISSUED.millis()).unwrap();
    }
}

#[test]
fn a_key_of_another_environment_is_refused() {
    for environment in ["production", "sandbox", "test", "Loadtest"] {
        let refused = ThrowAwaySigner::minter(&key(environment), &signing_key(7), &Nonces::new());
        let expected = NotThrowAway::Environment { id: 7001, environment: environment.to_owned() };
        assert_eq!(refused.err(), Some(expected));
    }
}

#[test]
fn a_signing_key_of_another_key_is_refused() {
    let refused = ThrowAwaySigner::minter(&key(ENVIRONMENT), &signing_key(8), &Nonces::new());
    assert_eq!(refused.err(), Some(NotThrowAway::NotTheKey(7001)));
}
