//! Codes by the key that they name.

use super::{cells::WorkerId, instruments::Counters};
use crate::refusal::labels::labels;

labels! {
    /// What an issuer's key says of a code that names it.
    pub enum KeyVerdict {
        /// Signature and seal are good, be the code in its time or late.
        Genuine = "genuine",
        /// The signature is good, the seal is not: the issuer seals wrongly, or its signing key is
        /// in other hands.
        SealInvalid = "seal_invalid",
        /// The key did not sign it.
        SignatureInvalid = "signature_invalid",
    }
}

/// What is counted for one key. It goes on when the key leaves the keyring and comes again.
#[derive(Debug)]
pub struct KeyMetrics(Counters);

impl KeyMetrics {
    pub(super) fn new(workers: usize) -> Self {
        Self(Counters::new(workers, KeyVerdict::ALL.len()))
    }

    /// Counts a code that names this key.
    pub(crate) fn codes(&self, worker: WorkerId, verdict: KeyVerdict) {
        self.0.inc(worker, verdict.index());
    }

    pub(super) fn total(&self, verdict: KeyVerdict) -> u64 {
        self.0.total(verdict.index())
    }
}
