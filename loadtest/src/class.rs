//! The classes of codes that are sent, and what each must get.
//!
//! Everything that is tolerated stands here, in [`Terms`] and [`fit`]: a test that tolerates
//! somewhere else tolerates too much.

use crate::outcome::{Answer, Outcome};

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
    /// More is asked than the gateway can do, as a sweep does: it may say so.
    pub may_overload: bool,
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
    /// It is from before a gateway's death, and what the dead gateway knew is gone.
    pub is_fenced_off: bool,
    /// It was sent before and the answer was lost: whether it arrived, nobody was told.
    pub was_lost: bool,
}

/// How an answer fits.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Fit {
    /// What the class must get.
    Expected,
    /// Not that, but what the scenario's own faults explain.
    Tolerated,
    /// A promise was broken.
    Wrong,
}

const LIFE_MS: i64 = 60_000;
/// Two processes read the clock at two moments.
const MARGIN_MS: i64 = 250;

/// Compares an answer with what its class must get.
pub fn fit(asked: &Asked, answer: Answer, terms: &Terms) -> Fit {
    if answer.outcome.status().is_some_and(|status| status != answer.status) {
        return Fit::Wrong;
    }
    if is_expected(asked, answer, terms) {
        Fit::Expected
    } else if is_tolerated(asked, answer, terms) {
        Fit::Tolerated
    } else {
        Fit::Wrong
    }
}

fn is_expected(asked: &Asked, answer: Answer, terms: &Terms) -> bool {
    let over_at_ms = asked.issued_at_s * 1_000 + LIFE_MS + terms.skew_ms;
    match (asked.class, answer.outcome) {
        (Class::Valid | Class::ReplayAtOnce, Outcome::Approved) => is_relayed(answer, terms),
        (Class::ReplayAtOnce, Outcome::CodeUsed) => true,
        (Class::ReplayLater | Class::ReplayOtherS, Outcome::CodeUsed) => {
            asked.sent_ms < over_at_ms + MARGIN_MS
        }
        (Class::ReplayLater | Class::ReplayOtherS, Outcome::CodeExpired) => {
            asked.answered_ms > over_at_ms - MARGIN_MS
        }
        (class, outcome) => outcome == class.outcome() && outcome != Outcome::Approved,
    }
}

/// Whether the backend may have answered so.
fn is_relayed(answer: Answer, terms: &Terms) -> bool {
    answer.status == 200 || (terms.backend_errs && answer.status == 500)
}

fn is_tolerated(asked: &Asked, answer: Answer, terms: &Terms) -> bool {
    let is_replay = matches!(asked.class, Class::ReplayLater | Class::ReplayOtherS);
    match answer.outcome {
        // The first sending may never have come so far; if it did, the ledger knows.
        Outcome::Approved => is_replay && asked.was_lost && is_relayed(answer, terms),
        // Only what was forwarded can have an unknown outcome. How many may, the judge counts.
        Outcome::OutcomeUnknown => terms.backend_breaks && asked.class.may_arrive(),
        // After a restart no replay can be told from a first use, so neither may pass.
        Outcome::WarmingUp => asked.is_fenced_off && (is_replay || asked.class.may_arrive()),
        Outcome::KeyRevoked => asked.key_is_leaving,
        Outcome::Overloaded => terms.may_overload,
        _ => false,
    }
}

/// Whether the answers to one code that was sent twice at once fit together: one passed and the
/// other is used. `None` stands for an answer that was lost; whoever tolerates that says so elsewhere.
pub fn twins_fit(answers: [Option<Answer>; 2]) -> bool {
    let outcome = |answer: Option<Answer>| answer.map(|answer| answer.outcome);
    match answers.map(outcome) {
        [Some(Outcome::Approved), other] | [other, Some(Outcome::Approved)] => {
            other != Some(Outcome::Approved)
        }
        // Nobody but its twin can have used it.
        [Some(Outcome::CodeUsed), other] | [other, Some(Outcome::CodeUsed)] => {
            matches!(other, None | Some(Outcome::OutcomeUnknown))
        }
        // Whoever does not know has forwarded it.
        [one, other] => one != Some(Outcome::OutcomeUnknown) || one != other,
    }
}

#[cfg(test)]
mod tests;
