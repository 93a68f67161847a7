//! The classes of codes that the tool sends.

use crate::judge::call::Call;
use crate::judge::outcome::Outcome;

/// Makes [`Class`] and its words from one table.
macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What is special about a code or about the way in which it is sent.
        #[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
        pub enum Class { $($(#[$doc])* $name,)* }

        impl Class {
            /// Every class.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in scenarios and reports.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

classes! {
    /// Genuine, fresh, used once.
    Valid = "valid";
    /// Genuine and fresh, sent twice at the same time on two connections. One of the two passes.
    ReplayAtOnce = "replay_at_once";
    /// A code that was approved earlier in this run.
    ReplayLater = "replay_later";
    /// The same with the other signature that ECDSA allows. The text differs and the identity is
    /// the same.
    ReplayOtherS = "replay_other_s";
    /// Issued two minutes ago.
    Expired = "expired";
    /// Issued a minute in the future.
    Future = "future";
    /// Issued ten minutes in the future.
    FarFuture = "far_future";
    /// A signature of something else.
    Forged = "forged";
    /// A valid signature over a seal that does not open.
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
    /// Genuine and fresh, exchanged for a pass. It begins a visit.
    Exchange = "exchange";
    /// The exchange of a visit, sent again.
    ExchangeAgain = "exchange_again";
    /// A pass that is opened, spent or not.
    PassCheck = "pass_check";
    /// A pass that pays, for the first time.
    Pass = "pass";
    /// A pass that was sent to pay before.
    PassAgain = "pass_again";
    /// Genuine and fresh, of a person whose account is changed while the load runs.
    Account = "account";
    /// Such a code, after it was refused as frozen. A refusal does not spend it.
    AccountAgain = "account_again";
}

impl Class {
    /// Whether a code of this class may reach the backend, once.
    pub fn may_arrive(self) -> bool {
        matches!(
            self,
            Self::Valid
                | Self::ReplayAtOnce
                | Self::Exchange
                | Self::Pass
                | Self::Account
                | Self::AccountAgain
        )
    }

    /// Whether its code or pass was sent before, to be spent.
    pub fn is_replay(self) -> bool {
        let is_again = matches!(self, Self::ExchangeAgain | Self::PassAgain);
        is_again || matches!(self, Self::ReplayLater | Self::ReplayOtherS)
    }

    /// What it asks for.
    pub fn call(self) -> Call {
        match self {
            Self::Exchange | Self::ExchangeAgain => Call::Exchange,
            Self::PassCheck => Call::PassCheck,
            Self::Pass | Self::PassAgain => Call::Pass,
            _ => Call::Redeem,
        }
    }

    /// Whether it is a call of a visit.
    pub fn is_of_visit(self) -> bool {
        self.call() != Call::Redeem
    }

    /// Whether a scenario's mix may name it. The later calls of a visit come by themselves, and so
    /// do codes that are tried again.
    pub fn is_of_mix(self) -> bool {
        self == Self::Exchange || !self.is_of_visit() && self != Self::AccountAgain
    }

    /// Whether a genuine request of it comes as far as the look at its person's account.
    pub fn is_looked_up(self) -> bool {
        self.may_arrive() || self.is_replay() || self == Self::PassCheck
    }

    /// The outcome of what is shown after its life.
    pub(super) fn over(self) -> Outcome {
        if self.call().shows_pass() { Outcome::PassExpired } else { Outcome::CodeExpired }
    }

    /// The outcome that the contract has for it. Replays may get others too, see
    /// [`law`](crate::judge::law).
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Valid | Self::ReplayAtOnce => Outcome::Approved,
            Self::Exchange | Self::PassCheck | Self::Pass => Outcome::Approved,
            Self::Account | Self::AccountAgain => Outcome::Approved,
            Self::ReplayLater | Self::ReplayOtherS | Self::ExchangeAgain => Outcome::CodeUsed,
            Self::PassAgain => Outcome::PassUsed,
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
