//! ECDSA on P-256 (FIPS 186-5): the seam behind which signatures are verified.
//!
//! Everything above asks one question, of one signature ([`verify`]) or of several at once
//! ([`verify_group`]), and both give the same answers. Today the `p256` crate answers.

use std::fmt;

pub use ::p256::ecdsa::SigningKey;
use ::p256::ecdsa::{
    Signature, VerifyingKey,
    signature::hazmat::{PrehashSigner, PrehashVerifier},
};

use zeroize::Zeroizing;

/// Signatures that are verified together at most: what one pass of eight lanes holds.
pub const GROUP_MAX: usize = 8;

/// Bytes of a signature: r, then s, 32 bytes each, big-endian.
pub const SIGNATURE_BYTES: usize = 64;
/// Length of an uncompressed point (SEC 1, 2.3.3): 4, x, y.
pub const PUBLIC_KEY_BYTES: usize = 65;

/// A point on the curve, not infinity: a key that signatures can be verified with.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct PublicKey(VerifyingKey);

/// One question: did this key sign this digest?
#[derive(Copy, Clone, Debug)]
pub struct Claim<'a> {
    /// Who is said to have signed.
    pub key: &'a PublicKey,
    /// SHA-256 of what is said to be signed.
    pub digest: [u8; 32],
    /// r, then s, 32 bytes each, big-endian; anything outside 1..n-1 is refused.
    pub signature: &'a [u8; SIGNATURE_BYTES],
}

/// Whether the claim is true. High s is as good as low s.
pub fn verify(claim: &Claim<'_>) -> bool {
    let Ok(signature) = Signature::from_slice(claim.signature) else {
        return false;
    };
    claim.key.0.verify_prehash(&claim.digest, &signature).is_ok()
}

/// Whether each claim is true; the answers stand in the order of the claims.
///
/// # Panics
/// Unless there are as many places for answers as claims.
pub fn verify_group(claims: &[Claim<'_>], answers: &mut [bool]) {
    assert_eq!(claims.len(), answers.len(), "one answer for each claim");
    for (claim, answer) in claims.iter().zip(answers) {
        *answer = verify(claim);
    }
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

impl PublicKey {
    /// Reads a point in SEC 1 form; `None` unless it is on the curve and not infinity.
    pub fn from_sec1(bytes: &[u8]) -> Option<Self> {
        VerifyingKey::from_sec1_bytes(bytes).ok().map(Self)
    }

    /// The uncompressed point: 4, x, y.
    pub fn to_sec1(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let point = self.0.to_sec1_point(false);
        point.as_bytes().try_into().expect("an uncompressed point of P-256 has 65 bytes")
    }

    pub(crate) fn as_inner(&self) -> &VerifyingKey {
        &self.0
    }
}

impl From<VerifyingKey> for PublicKey {
    fn from(key: VerifyingKey) -> Self {
        Self(key)
    }
}

impl From<&SigningKey> for PublicKey {
    fn from(key: &SigningKey) -> Self {
        Self(*key.verifying_key())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, point @ ..] = self.to_sec1();
        let x = point.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        write!(f, "PublicKey(x = {x}..)")
    }
}

#[cfg(test)]
mod tests;
