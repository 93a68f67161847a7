//! The cipher of a suite's seal, and the derivation of its keys.

use aes::Aes128;
use ccm::{
    Ccm,
    aead::{AeadInOut as _, KeyInit as _},
    consts::{U8, U13},
};
use hkdf::Hkdf;
use sha2::Sha256;

use super::algorithm::Suite;

pub(crate) const KEY_BYTES: usize = 16;
pub(crate) const NONCE_BYTES: usize = 13;
pub(crate) const TAG_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
const ES256_INFO: &[u8] = b"yanma seal v1";

/// A cipher with its key schedule made: that is about a tenth of what opening costs. It wipes
/// itself when it is dropped.
#[derive(Clone)]
pub(crate) enum SealCipher {
    /// AES-128-CCM (NIST SP 800-38C).
    Es256(Ccm<Aes128, U8, U13>),
}

impl SealCipher {
    pub(crate) fn new(suite: Suite, key: &[u8; KEY_BYTES]) -> Self {
        match suite {
            Suite::Es256 => Self::Es256(Ccm::new(key.into())),
        }
    }

    /// Encrypts `text` in place and returns the tag, which authenticates `clear` too.
    pub(crate) fn encrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        clear: &[u8],
        text: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        match self {
            Self::Es256(cipher) => {
                let tag = cipher.encrypt_inout_detached(&nonce.into(), clear, text.into());
                tag.expect("a seal's text is far below CCM's bound").into()
            }
        }
    }

    /// Decrypts `text` in place. False if the tag is wrong; the text is of no use then.
    #[inline]
    pub(crate) fn decrypt(
        &self,
        nonce: [u8; NONCE_BYTES],
        clear: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> bool {
        match self {
            Self::Es256(cipher) => {
                cipher.decrypt_inout_detached(&nonce.into(), clear, text.into(), tag.into()).is_ok()
            }
        }
    }
}

/// Derives the seal key of a key id (RFC 5869): no salt, the suite's text and the id in the info.
pub(crate) fn derive_key(
    suite: Suite,
    secret: &[u8; SECRET_BYTES],
    key_id: [u8; 4],
    key: &mut [u8; KEY_BYTES],
) {
    match suite {
        Suite::Es256 => Hkdf::<Sha256>::new(None, secret)
            .expand_multi_info(&[ES256_INFO, &key_id], key)
            .expect("HKDF-SHA-256 gives up to 8,160 bytes"),
    }
}
