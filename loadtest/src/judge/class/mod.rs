//! The classes of codes that are sent, and what each must get.
//!
//! Everything that is tolerated stands here, in [`Terms`], [`fit`] and [`twins_fit`]: a test that
//! tolerates somewhere else tolerates too much.

mod law;
mod twins;

pub use law::{Fit, fit};
pub use twins::{Meanwhile, twins_fit};

use crate::judge::outage::Trouble;
use crate::judge::outcome::{Answer, Outcome};

/// Makes [`Class`] and its words from one table.
macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What is special about a code or about the way in which it is sent.
        #[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
        pub enum Class { $($(#[$doc])* $name,)* }

        impl Class {
            /// Every class.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As scenarios and reports name it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

classes! {
    /// Genuine, fresh, used once.
    Valid = "valid";
    /// Genuine and fresh, sent twice at the same time on two connections: one of them passes.
    ReplayAtOnce = "replay_at_once";
    /// A code that was approved earlier in this run.
    ReplayLater = "replay_later";
    /// The same with the other signature that ECDSA allows: another text, the same identity.
    ReplayOtherS = "replay_other_s";
    /// Issued two minutes ago.
    Expired = "expired";
    /// Issued a minute in the future.
    Future = "future";
    /// Issued ten minutes in the future.
    FarFuture = "far_future";
    /// A signature of something else.
    Forged = "forged";
    /// Well signed over a seal that does not open.
    SealedWrong = "sealed_wrong";
    /// Names a key that no keyring knows.
    UnknownKey = "unknown_key";
    /// A display code where a payment is due.
    Display = "display";
    /// No code at all: cut short, with letters, or a group above 2^56 - 1.
    Malformed = "malformed";
    /// The payment code of a wallet app.
    Wallet = "wallet";
    /// Genuine and fresh, by a key that is revoked.
    Revoked = "revoked";
}

impl Class {
    /// Whether a code of this class may reach the backend, once.
    pub fn may_arrive(self) -> bool {
        matches!(self, Self::Valid | Self::ReplayAtOnce)
    }

    /// Whether it shows a code that was shown before.
    pub fn is_replay(self) -> bool {
        matches!(self, Self::ReplayLater | Self::ReplayOtherS)
    }

    /// The one outcome that the contract has for it; replays have more, see [`fit`].
    fn outcome(self) -> Outcome {
        match self {
            Self::Valid | Self::ReplayAtOnce => Outcome::Approved,
            Self::ReplayLater | Self::ReplayOtherS => Outcome::CodeUsed,
            Self::Expired => Outcome::CodeExpired,
            Self::Future => Outcome::CodeNotYetValid,
            Self::FarFuture => Outcome::ClockSuspect,
            Self::Forged => Outcome::SignatureInvalid,
            Self::SealedWrong => Outcome::SealInvalid,
            Self::UnknownKey => Outcome::KeyUnknown,
            Self::Display => Outcome::DisplayCodeNotPayable,
            Self::Malformed => Outcome::CodeMalformed,
            Self::Wallet => Outcome::WrongCodeType,
            Self::Revoked => Outcome::KeyRevoked,
        }
    }
}

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

#[cfg(test)]
mod tests;
