//! The question that engines answer.

use super::key::VerifyingKey;
use crate::suite::sizes::SIGNATURE_BYTES;

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
