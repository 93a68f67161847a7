//! What makes signatures.

use super::{
    p256::signing::{self, SigningKey},
    sizes::SIGNATURE_BYTES,
};

/// Signs with one key: in this process, in an HSM, or as a load tool does.
pub trait Signer {
    /// The digest of a message, which is given in two parts: SHA-256, as the suite ES256 takes it.
    /// A signer of another suite overrides this.
    fn digest(&self, message: [&[u8]; 2]) -> [u8; 32] {
        signing::digest(message)
    }

    /// The signature over that digest: r, then s, 32 bytes each, big-endian.
    fn sign(&self, digest: &[u8; 32]) -> [u8; SIGNATURE_BYTES];
}

impl Signer for SigningKey {
    fn sign(&self, digest: &[u8; 32]) -> [u8; SIGNATURE_BYTES] {
        signing::sign(self, digest)
    }
}
