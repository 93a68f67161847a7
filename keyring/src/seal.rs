//! The sealed verification code: who the person is, readable to the back office alone.
//!
//! The cipher is the suite's. Each issuer key has a seal key of its own, which is derived from the
//! platform's secret. The issuer is given that key alone.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    code::{BODY_BYTES, KeyId, RELATION_MAX, Subject},
    suite::{
        Suite,
        seal_cipher::{self, NONCE_BYTES, SealCipher, TAG_BYTES},
    },
};

/// Bytes 0..21 of the body: the clear fields, which the seal authenticates.
const CLEAR_BYTES: usize = 21;
const SEALED_BYTES: usize = 12;
const _: () = assert!(CLEAR_BYTES + SEALED_BYTES + TAG_BYTES == BODY_BYTES);

/// The platform's secret, from which the seal keys of all issuers are derived. 32 bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SealSecret([u8; Self::BYTES]);

/// One issuer's seal key with its cipher. 16 bytes.
#[derive(Clone)]
pub struct SealKey {
    bytes: Zeroizing<[u8; Self::BYTES]>,
    // Both parts wipe themselves when they are dropped.
    cipher: SealCipher,
}

/// What is sealed in a code.
#[derive(Copy, Clone, Eq, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Sealed {
    pub(crate) subject: Subject,
    pub(crate) epoch: u16,
    pub(crate) relation: u8,
}

impl SealSecret {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// A secret that is known already.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// A new secret from the kernel's random numbers.
    pub(crate) fn random() -> Self {
        let mut secret = Self([0; Self::BYTES]);
        getrandom::fill(&mut secret.0).expect("the kernel gives random numbers");
        secret
    }

    /// The seal key of one issuer key of the suite that new keys take.
    pub fn derive(&self, key_id: KeyId) -> SealKey {
        self.derive_for(Suite::default(), key_id)
    }

    /// The seal key of one issuer key of that suite.
    pub fn derive_for(&self, suite: Suite, key_id: KeyId) -> SealKey {
        let mut bytes = Zeroizing::new([0; SealKey::BYTES]);
        seal_cipher::derive_key(suite, &self.0, key_id.get().to_be_bytes(), &mut bytes);
        SealKey::new(suite, bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl SealKey {
    /// Length in bytes.
    pub const BYTES: usize = seal_cipher::KEY_BYTES;

    /// A key that is known already: what an issuer was given.
    pub fn new(suite: Suite, bytes: Zeroizing<[u8; Self::BYTES]>) -> Self {
        let cipher = SealCipher::new(suite, &bytes);
        Self { bytes, cipher }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.bytes
    }

    /// Writes ciphertext and tag behind the clear fields of `body`.
    pub(crate) fn seal(&self, body: &mut [u8; BODY_BYTES], content: Sealed) {
        let nonce = nonce(body);
        let (clear, sealed) = body.split_at_mut(CLEAR_BYTES);
        let (text, tag) = sealed.split_at_mut(SEALED_BYTES);
        text.copy_from_slice(&content.to_bytes());
        tag.copy_from_slice(&self.cipher.encrypt(nonce, clear, text));
    }

    /// What is sealed in `body`; `None` if the tag is wrong or the content is not allowed.
    pub(crate) fn open(&self, body: &[u8; BODY_BYTES]) -> Option<Sealed> {
        let (clear, sealed) = body.split_first_chunk::<CLEAR_BYTES>()?;
        let (text, tag) = sealed.split_first_chunk::<SEALED_BYTES>()?;
        let tag: &[u8; TAG_BYTES] = tag.try_into().ok()?;
        let mut text = *text;
        let opens = self.cipher.decrypt(nonce(body), clear, &mut text, tag);
        opens.then(|| Sealed::from_bytes(text)).flatten()
    }
}

impl Sealed {
    fn to_bytes(self) -> [u8; SEALED_BYTES] {
        let [s7, s6, s5, s4, s3, s2, s1, s0] = self.subject.get().to_be_bytes();
        let [e1, e0] = self.epoch.to_be_bytes();
        [s7, s6, s5, s4, s3, s2, s1, s0, e1, e0, self.relation, 0]
    }

    fn from_bytes(bytes: [u8; SEALED_BYTES]) -> Option<Self> {
        let [subject @ .., e1, e0, relation @ 0..=RELATION_MAX, 0] = bytes else {
            return None;
        };
        let subject = Subject::new(u64::from_be_bytes(subject))?;
        Some(Self { subject, epoch: u16::from_be_bytes([e1, e0]), relation })
    }
}

/// Byte 0 of the body (kind), then its bytes 5..17 (issued at, serial).
fn nonce(body: &[u8; BODY_BYTES]) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    let bytes = body.iter().take(1).chain(body.iter().take(17).skip(5));
    nonce.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    nonce
}

impl fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealSecret(..)")
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::{self, VECTOR_BODY, hex};

    /// A body whose seal holds these twelve bytes, allowed or not.
    fn sealed_around(content: [u8; SEALED_BYTES]) -> [u8; BODY_BYTES] {
        let mut body = VECTOR_BODY.map(|byte| byte ^ 0x5a);
        let nonce = nonce(&body);
        let (clear, sealed) = body.split_at_mut(CLEAR_BYTES);
        let (text, tag) = sealed.split_at_mut(SEALED_BYTES);
        text.copy_from_slice(&content);
        tag.copy_from_slice(&sample::seal_key().cipher.encrypt(nonce, clear, text));
        body
    }

    #[test]
    fn vector_key_is_derived() {
        let key = sample::seal_secret().derive(sample::KEY_ID);
        assert_eq!(key.as_bytes(), &hex("7be1eaff82ad21430c74c52aece656df"));
        let other = sample::seal_secret().derive(KeyId::new(7002).unwrap());
        assert_ne!(other.as_bytes(), key.as_bytes());
    }

    #[test]
    fn vector_opens_and_closes() {
        let content = Sealed { subject: Subject::new(42).unwrap(), epoch: 1, relation: 0 };
        assert_eq!(sample::seal_key().open(&VECTOR_BODY), Some(content));
        let mut body = VECTOR_BODY;
        body[CLEAR_BYTES..].fill(0);
        sample::seal_key().seal(&mut body, content);
        assert_eq!(body, VECTOR_BODY);
    }

    #[test]
    fn every_bit_is_authenticated() {
        for bit in 0..BODY_BYTES * 8 {
            let mut body = VECTOR_BODY;
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sample::seal_key().open(&body), None, "bit {bit}");
        }
    }

    #[test]
    fn another_issuers_key_does_not_open() {
        let other = sample::seal_secret().derive(KeyId::new(7002).unwrap());
        assert_eq!(other.open(&VECTOR_BODY), None);
    }

    #[test]
    fn forbidden_content_does_not_open() {
        let open = |content| sample::seal_key().open(&sealed_around(content));
        let relation = |relation| open([0, 0, 0, 0, 0, 0, 0, 42, 0, 1, relation, 0]);
        for allowed in 0..=5 {
            assert_eq!(relation(allowed).unwrap().relation, allowed);
        }
        for forbidden in 6..=255 {
            assert_eq!(relation(forbidden), None, "relation {forbidden}");
        }
        for last in 1..=255 {
            assert_eq!(open([0, 0, 0, 0, 0, 0, 0, 42, 0, 1, 0, last]), None, "last {last}");
        }
        assert_eq!(open([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]), None, "subject 0");
        assert!(open([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]).is_some());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", sample::seal_secret()), "SealSecret(..)");
        assert_eq!(format!("{:?}", sample::seal_key()), "SealKey(..)");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(subject in 1u64.., epoch: u16, relation in 0..=RELATION_MAX) {
            let content = Sealed { subject: Subject::new(subject).unwrap(), epoch, relation };
            let mut body = VECTOR_BODY;
            sample::seal_key().seal(&mut body, content);
            prop_assert_eq!(sample::seal_key().open(&body), Some(content));
        }
    }
}
