//! Private keys, and what is made with them.

pub use ::p256::ecdsa::SigningKey;
use ::p256::ecdsa::{Signature, signature::hazmat::PrehashSigner};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::suite::sizes::SIGNATURE_BYTES;

/// SHA-256 of a message, which is given in two parts.
#[inline]
pub(crate) fn digest([first, rest]: [&[u8]; 2]) -> [u8; 32] {
    Sha256::new().chain_update(first).chain_update(rest).finalize().into()
}

/// Signs a digest with the deterministic nonce of RFC 6979.
pub(crate) fn sign(key: &SigningKey, digest: &[u8; 32]) -> [u8; SIGNATURE_BYTES] {
    let signature: Signature = key.sign_prehash(digest).expect("a digest has the right length");
    signature.to_bytes().into()
}

/// A new key from the kernel's random numbers.
pub(crate) fn random_key() -> SigningKey {
    let mut scalar = Zeroizing::new([0; 32]);
    loop {
        getrandom::fill(scalar.as_mut_slice()).expect("the kernel gives random numbers");
        // Of 2^32 scalars about one is not below the order of the curve.
        if let Ok(key) = SigningKey::from_slice(scalar.as_slice()) {
            return key;
        }
    }
}

/// (r, n - s), which verifies exactly when (r, s) does. `None` if r or s is out of range.
pub(crate) fn other_signature(signature: &[u8; SIGNATURE_BYTES]) -> Option<[u8; SIGNATURE_BYTES]> {
    let (r, s) = Signature::from_slice(signature).ok()?.split_scalars();
    let other = Signature::from_scalars(r, -s).ok()?;
    Some(other.to_bytes().into())
}
