//! Making codes: the issuer's side, the sandbox, load and tests.

use crate::{
    code::{
        Auth, CODE_BYTES, Claims, IssuedAt, KeyId, Kind, RELATION_MAX, Region, SIGNED_PREFIX,
        Serial, Subject, UnverifiedCode,
    },
    key::{IssuerKey, KeyState},
    seal::{SealKey, Sealed},
    suite::{PublicKey, SigningKey},
};

pub use crate::suite::Signer;

/// Makes codes with one issuer key. A [`SigningKey`] signs with the deterministic nonce of RFC 6979:
/// the same spec and serial give the same code.
pub struct Minter<S = SigningKey> {
    key_id: KeyId,
    signer: S,
    seal_key: SealKey,
}

/// What a code shall say.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Spec {
    /// Display or payment.
    pub kind: Kind,
    /// The second of issue, which starts the code's life.
    pub issued_at: IssuedAt,
    /// 参保地, the place of insurance.
    pub region: Region,
    /// How the holder proved presence.
    pub auth: Auth,
    /// The holder's voucher number.
    pub subject: Subject,
    /// How often the voucher was activated on a new device.
    pub epoch: u16,
    /// 0 = the holder, 1..=5 = that family member.
    pub relation: u8,
}

/// One thing that is wrong with an otherwise perfect code.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Spoil {
    /// A well-formed signature of something else: `signature_invalid`.
    Signature,
    /// A good signature over a seal that does not open: `seal_invalid`.
    Seal,
    /// Key id 0, which no keyring knows: `key_unknown`.
    Key,
}

/// Why a keyring's key does not make codes.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MintError {
    /// The signing key is another key's.
    #[error("the signing key is not the private half of key {0} in the keyring")]
    NotTheKey(KeyId),
    /// No new codes are made in this state.
    #[error("key {0} is {1}; codes are made with announced or active keys only")]
    State(KeyId, KeyState),
}

impl Minter {
    /// Makes codes that a keyring's key verifies.
    ///
    /// # Errors
    /// [`MintError`] if `signing_key` is not that key's, or if the key is retiring or revoked.
    pub fn for_key(key: &IssuerKey, signing_key: SigningKey) -> Result<Self, MintError> {
        match key.state() {
            KeyState::Announced | KeyState::Active => {}
            state @ (KeyState::Retiring | KeyState::Revoked) => {
                return Err(MintError::State(key.id(), state));
            }
        }
        if PublicKey::from(&signing_key) != *key.public_key() {
            return Err(MintError::NotTheKey(key.id()));
        }
        Ok(Self::new(key.id(), signing_key, key.seal_key().clone()))
    }
}

impl<S: Signer> Minter<S> {
    /// Joins what an issuer holds: its key id, its signing key and its seal key.
    pub fn new(key_id: KeyId, signer: S, seal_key: SealKey) -> Self {
        Self { key_id, signer, seal_key }
    }

    /// The same for a keyring's key, whatever its state: the caller answers for the signer being
    /// that key's.
    pub fn with_signer(key: &IssuerKey, signer: S) -> Self {
        Self::new(key.id(), signer, key.seal_key().clone())
    }

    /// A sound code. One (kind, issued at, serial) must never be used for two specs.
    ///
    /// # Panics
    /// If the spec's relation is above [`RELATION_MAX`].
    pub fn mint(&self, spec: &Spec, serial: Serial) -> UnverifiedCode {
        self.make(spec, serial, None)
    }

    /// A code with one fault, to see it refused.
    ///
    /// # Panics
    /// If the spec's relation is above [`RELATION_MAX`].
    pub fn mint_spoiled(&self, spec: &Spec, serial: Serial, spoil: Spoil) -> UnverifiedCode {
        self.make(spec, serial, Some(spoil))
    }

    fn make(&self, spec: &Spec, serial: Serial, spoil: Option<Spoil>) -> UnverifiedCode {
        let Spec { kind, issued_at, region, auth, subject, epoch, relation } = *spec;
        assert!(relation <= RELATION_MAX, "relation {relation}; allowed: 0..={RELATION_MAX}");
        let key_id = if spoil == Some(Spoil::Key) { None } else { Some(self.key_id) };
        let claims = Claims { kind, key_id, issued_at, serial, region, auth };

        let mut body = claims.to_body();
        self.seal_key.seal(&mut body, Sealed { subject, epoch, relation });
        if spoil == Some(Spoil::Seal) {
            flip_last_bit(&mut body);
        }
        let mut signed = body;
        if spoil == Some(Spoil::Signature) {
            flip_last_bit(&mut signed);
        }
        let signature = self.signer.sign(&self.signer.digest([SIGNED_PREFIX, &signed]));

        let mut code = [0; CODE_BYTES];
        code.iter_mut().zip(body.into_iter().chain(signature)).for_each(|(to, byte)| *to = byte);
        UnverifiedCode::from_bytes(code).expect("a spec holds only what the format allows")
    }
}

fn flip_last_bit(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}

/// 64 random bits from the kernel.
///
/// # Panics
/// If the kernel gives no random numbers.
pub fn random_serial() -> Serial {
    Serial::new(getrandom::u64().expect("the kernel gives random numbers"))
}

#[cfg(test)]
mod tests;
