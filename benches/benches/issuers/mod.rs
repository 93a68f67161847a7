//! Issuers' keys with tables, and messages that they signed.

use keyring::suite::{
    Claim, Engine, PublicKey, SIGNATURE_BYTES, SigningKey, Verifier, VerifyingKey,
};
use p256::ecdsa::{Signature, signature::Signer as _};
use sha2::{Digest as _, Sha256};

/// As long as what a code signs: prefix and body.
const MESSAGE_BYTES: usize = 55;

/// Many keys. Each turn verifies a message of one of them.
pub(crate) struct Issuers {
    verifier: Verifier,
    keys: Vec<VerifyingKey>,
    signed: Vec<Signed>,
}

struct Signed {
    key: usize,
    message: [u8; MESSAGE_BYTES],
    signature: [u8; SIGNATURE_BYTES],
}

#[expect(clippy::indexing_slicing, reason = "a bench; the indexes are modulo the lengths")]
impl Issuers {
    pub(crate) fn new(keys: usize, messages: usize, engine: Engine, budget_bytes: u64) -> Self {
        let verifier =
            Verifier::new(engine, |mismatch| panic!("{mismatch}")).expect("the engine runs here");
        let signers: Vec<SigningKey> = (0..keys).map(signing_key).collect();
        let keys: Vec<VerifyingKey> = (0..keys).map(verifying_key).collect();
        let all: Vec<&VerifyingKey> = keys.iter().collect();
        verifier.build_tables(&all, budget_bytes).expect("memory for the tables");
        assert!(keys.iter().all(VerifyingKey::has_table), "the budget is for all keys");
        let signed = (0..messages).map(|number| Signed::new(&signers, number));
        Self { signed: signed.collect(), verifier, keys }
    }

    /// Verifies the next `N` messages, hashing included.
    pub(crate) fn verify<const N: usize>(&self, turn: usize) {
        let claims: [Claim<'_>; N] = std::array::from_fn(|i| {
            let signed = &self.signed[(turn + i) % self.signed.len()];
            Claim {
                key: &self.keys[signed.key],
                digest: Sha256::digest(signed.message).into(),
                signature: &signed.signature,
            }
        });
        let mut answers = [false; N];
        self.verifier.verify_group(&claims, &mut answers);
        assert_eq!(answers, [true; N], "the benchmarked signatures are good");
    }
}

impl Signed {
    #[expect(clippy::indexing_slicing, reason = "a bench; the index is modulo the length")]
    fn new(signers: &[SigningKey], number: usize) -> Self {
        // Eight neighbours have eight keys. The processor cannot guess which ones.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let key = if signers.len() > 8 { spread % signers.len() } else { number % signers.len() };
        let message = message(number);
        let signature: Signature = signers[key].sign(&message);
        Self { key, message, signature: signature.to_bytes().into() }
    }
}

pub(crate) fn message(number: usize) -> [u8; MESSAGE_BYTES] {
    let mut message = [0x5a; MESSAGE_BYTES];
    message[..8].copy_from_slice(&number.to_le_bytes());
    message
}

pub(crate) fn signing_key(number: usize) -> SigningKey {
    let scalar = Sha256::digest(number.to_le_bytes());
    SigningKey::from_slice(&scalar).expect("a scalar below the order")
}

pub(crate) fn verifying_key(number: usize) -> VerifyingKey {
    PublicKey::from(&signing_key(number)).into()
}
