//! ECDSA on P-256 (FIPS 186-5), for keys that are known: see README.md beside this file for how it works.
//!
//! Everything above asks a [`Verifier`] one question, of one signature or of several at once.
//! Behind it, in the order of a signature's way:
//!
//! | file | what is there |
//! |---|---|
//! | `verifier` | which engine answers; when it falls back, is checked, and steps down |
//! | `group` | bytes to numbers, u1 and u2, one inversion for all |
//! | `digits` | a scalar as signed digits, each of which picks an entry of a table |
//! | `ifma`, `portable`, `reference` | the engines: they add the entries up |
//! | `point`, `field`, `field8`, `scalar`, `inverse`, `limbs` | arithmetic |
//! | `plan`, `tables`, `build`, `comb` | how wide tables are, which are built, how, and what they hold |
//! | `canary` | some answers are asked of the reference too |

pub use ::p256::ecdsa::SigningKey;
use ::p256::ecdsa::{Signature, signature::hazmat::PrehashSigner};
use zeroize::Zeroizing;

mod arithmetic;
mod engines;
pub(crate) mod key;
mod tables;
pub(crate) mod verifier;

use self::key::VerifyingKey;

/// Signatures that are verified together at most: what one pass of eight lanes holds.
pub const GROUP_MAX: usize = 8;

/// Bytes of a signature: r, then s, 32 bytes each, big-endian.
pub const SIGNATURE_BYTES: usize = 64;

/// One question: did this key sign this digest?
#[derive(Copy, Clone, Debug)]
pub struct Claim<'a> {
    /// Who is said to have signed.
    pub key: &'a VerifyingKey,
    /// SHA-256 of what is said to be signed.
    pub digest: [u8; 32],
    /// r, then s, 32 bytes each, big-endian; anything outside 1..n-1 is refused.
    pub signature: &'a [u8; SIGNATURE_BYTES],
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

#[cfg(test)]
mod tests;
