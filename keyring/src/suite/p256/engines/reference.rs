//! The engine of last resort and the canary's judge: the `p256` crate.

use ::p256::ecdsa::{Signature, signature::hazmat::PrehashVerifier as _};

use crate::suite::p256::claim::Claim;

/// Whether the claim is true.
pub(crate) fn judge(claim: &Claim<'_>) -> bool {
    let Ok(signature) = Signature::from_slice(claim.signature) else {
        return false;
    };
    let key = claim.key.public_key().as_inner();
    key.verify_prehash(&claim.digest, &signature).is_ok()
}
