//! One issuer, its keyring and its codes.

use keyring::{
    code::{Auth, IssuedAt, KeyId, Kind, Region, Serial, Subject, UnverifiedCode},
    key::{IssuerKey, KeyState, KeyTerms},
    key_set::KeySet,
    mint::{Minter, Spec},
    seal::SealSecret,
    suite::{PublicKey, SigningKey},
};

/// The second in which all codes are issued.
const ISSUED_S: u32 = 1_800_000_000;
const KEY_ID: KeyId = KeyId::new(7001).expect("not 0");

/// A key that codes are made with, and the key set that verifies them.
pub(crate) struct Issuer {
    pub(crate) keys: KeySet,
    minter: Minter,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let seal_key = SealSecret::new([7; SealSecret::BYTES]).derive(KEY_ID);
        let issued_at = IssuedAt::new(ISSUED_S).millis();
        let terms = KeyTerms {
            id: KEY_ID,
            channel: "bench".parse().expect("a channel"),
            state: KeyState::Active,
            not_before: issued_at,
            not_after: issued_at.plus_ms(1),
            environment: "bench".to_owned(),
        };
        let public_key = PublicKey::from(&signing_key());
        let key = IssuerKey::new(terms, public_key, seal_key.clone()).expect("dates in order");
        let keys = KeySet::new(vec![key]).expect("one key");
        Self { keys, minter: Minter::new(KEY_ID, signing_key(), seal_key) }
    }

    /// A sound payment code.
    pub(crate) fn code(&self, serial: u64) -> UnverifiedCode {
        let spec = Spec {
            kind: Kind::Payment,
            issued_at: IssuedAt::new(ISSUED_S),
            region: Region::new(370_100).expect("six digits"),
            auth: Auth::Password,
            subject: Subject::new(42).expect("not 0"),
            epoch: 1,
            relation: 0,
        };
        self.minter.mint(&spec, Serial::new(serial))
    }

    /// The key itself; the codes are issued at the first moment of its time.
    pub(crate) fn key(&self) -> &IssuerKey {
        self.keys.get(KEY_ID).expect("the one key")
    }
}

fn signing_key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).expect("a scalar below the order")
}
