//! The canary asks the reference about some answers of the fast engines. Nothing else would show a
//! false accept.

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::suite::{
    curve::engine::Engine,
    p256::{claim::Claim, key::PublicKey},
    sizes::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES},
};

/// One accept in so many is asked again. An answer takes 160 µs, so this adds 10 ns to each.
const ACCEPTS_PER_RECHECK_LOG2: u32 = 14;

/// An answer that the reference did not confirm. Every field is public data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mismatch {
    /// Who gave the answer.
    pub engine: Engine,
    /// Whether it was yes.
    pub accepted: bool,
    /// The key, as an uncompressed SEC 1 point.
    pub key: [u8; PUBLIC_KEY_BYTES],
    /// SHA-256 of what is said to be signed.
    pub digest: [u8; 32],
    /// r, then s.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = if self.accepted { "accepted" } else { "refused" };
        write!(f, "engine {} {said} what p256 did not: key ", self.engine)?;
        let Self { key, digest, signature, .. } = self;
        let parts: [(&str, &[u8]); 3] =
            [("", key), (", digest ", digest), (", signature ", signature)];
        for (name, bytes) in parts {
            f.write_str(name)?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        Ok(())
    }
}

/// Picks the answers that are asked again.
#[derive(Debug)]
pub(crate) struct Canary {
    /// Unknown outside, so that a forger cannot avoid being picked.
    secret: [u64; 2],
    /// An accept is picked if its number has so many leading zeros.
    accept_zeros: u32,
    rejects_left: AtomicU32,
}

impl Canary {
    pub(crate) fn new() -> Self {
        let secret = || getrandom::u64().expect("the kernel gives random numbers");
        Self {
            secret: [secret(), secret() | 1],
            accept_zeros: ACCEPTS_PER_RECHECK_LOG2,
            rejects_left: AtomicU32::new(0),
        }
    }

    /// Asks every accept again.
    #[cfg(test)]
    pub(crate) fn of_all() -> Self {
        Self { accept_zeros: 0, ..Self::new() }
    }

    /// So many rejects may be asked again from now on.
    pub(crate) fn allow_rejects(&self, count: u32) {
        self.rejects_left.store(count, Relaxed);
    }

    /// Picks accepts by a number that only this process knows, so that workers share no state.
    /// Picks rejects as long as the allowance lasts: a flood of forgeries must not buy slow answers.
    pub(crate) fn picks(&self, claim: &Claim<'_>, accepted: bool) -> bool {
        if !accepted {
            let take = |left: u32| left.checked_sub(1);
            return self.rejects_left.fetch_update(Relaxed, Relaxed, take).is_ok();
        }
        let word = claim.digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let [add, multiply] = self.secret;
        (word ^ add).wrapping_mul(multiply).leading_zeros() >= self.accept_zeros
    }
}

impl Mismatch {
    /// The engine that goes on.
    pub fn next_engine(&self) -> Engine {
        self.engine.below()
    }

    pub(crate) fn new(engine: Engine, accepted: bool, claim: &Claim<'_>) -> Self {
        let key: &PublicKey = claim.key.public_key();
        let (digest, signature) = (claim.digest, *claim.signature);
        Self { engine, accepted, key: key.to_sec1(), digest, signature }
    }
}
