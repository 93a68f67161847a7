//! What an answer depends on: what the scenario does, and what is known of the request.

use crate::judge::class::Class;
use crate::judge::outage::Trouble;
use crate::judge::outcome::Answer;

/// What a scenario does to the gateway, so that answers beside the contract's first choice are no
/// fault of the gateway's.
#[derive(Copy, Clone, Debug, Default)]
pub struct Terms {
    /// The gateway's `codes.skew_ms`.
    pub skew_ms: i64,
    /// The backend answers some requests with 500, which is relayed.
    pub backend_errs: bool,
    /// The backend resets, halves or withholds some answers: the outcome is honestly unknown.
    pub backend_breaks: bool,
    /// How long a gateway waits for the backend: one that was stopped for longer knows no outcome.
    pub backend_timeout_ms: u64,
    /// More is asked than the gateway can do, as a sweep does: it may say so.
    pub may_overload: bool,
    /// The gateways ask registers.
    pub has_registers: bool,
    /// The replay table is small on purpose, with so many slots: it may be full.
    pub small_table: Option<u64>,
}

/// A request as far as its answer depends on it.
#[derive(Copy, Clone, Debug)]
pub struct Asked {
    /// The code's class.
    pub class: Class,
    /// The second of issue, Unix time.
    pub issued_at_s: i64,
    /// When it was sent, Unix time.
    pub sent_ms: i64,
    /// When it was answered, Unix time.
    pub answered_ms: i64,
    /// Its key is being revoked, or was since it was sent.
    pub key_is_leaving: bool,
    /// What became of the request that showed the code first, if this is not it.
    pub first: Option<First>,
    /// A copy has the bytes of the first request, so it is the same request sent again.
    pub is_same: bool,
    /// Another request with this code was under way when it was sent.
    pub is_beside_another: bool,
    /// What was wrong with the gateway meanwhile.
    pub trouble: Trouble,
    /// Codes that had reached the backend when it was answered.
    pub arrived: u64,
}

/// What became of the request that showed a code first.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum First {
    /// It was answered so, and has arrived.
    Answered(Answer),
    /// Its answer was lost: whether it arrived, nobody was told.
    Lost,
    /// It was refused because registers could not be asked; some of them may hold it as used.
    InDoubt,
}

impl First {
    /// Whether its outcome was never told. Registers may hold its claim then, with the note that says
    /// that it runs: the node that made the claim may not have been able to take it back.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Lost | Self::InDoubt)
    }
}
