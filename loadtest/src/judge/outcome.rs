//! The words of `Yanma-Outcome` and the status that belongs to each. A test compares them with the
//! contract's file, not with the gateway: the judge has its own copy of the law.

/// Makes [`Outcome`] and its words from one table.
macro_rules! outcomes {
    ($($name:ident = $word:literal $status:literal;)*) => {
        /// A word of `Yanma-Outcome`.
        #[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
        pub enum Outcome {
            /// Forwarded and answered; the status is the backend's.
            Approved,
            $(#[doc = $word] $name,)*
            /// No such header, or a word that the contract does not know.
            Nameless,
        }

        impl Outcome {
            #[cfg(test)]
            const REFUSALS: &[Self] = &[$(Self::$name),*];

            /// Reads the header's value.
            pub fn of(word: &[u8]) -> Self {
                if word == b"approved" {
                    return Self::Approved;
                }
                $(if word == $word.as_bytes() { return Self::$name; })*
                Self::Nameless
            }

            /// The word as it stands in the header.
            pub fn word(self) -> &'static str {
                match self {
                    Self::Approved => "approved",
                    $(Self::$name => $word,)*
                    Self::Nameless => "no outcome",
                }
            }

            /// The only status that a refusal has; `None` where the status is the backend's.
            pub fn status(self) -> Option<u16> {
                match self {
                    $(Self::$name => Some($status),)*
                    Self::Approved | Self::Nameless => None,
                }
            }
        }
    };
}

outcomes! {
    CodeUsed = "code_used" 409;
    CodeMissing = "code_missing" 400;
    CodeMalformed = "code_malformed" 400;
    WrongCodeType = "wrong_code_type" 400;
    DisplayCodeNotPayable = "display_code_not_payable" 403;
    AuthTooWeak = "auth_too_weak" 403;
    CodeNotServed = "code_not_served" 403;
    PaymentCodeNotAccepted = "payment_code_not_accepted" 403;
    FormatNotSupported = "format_not_supported" 400;
    KeyUnknown = "key_unknown" 403;
    SignatureInvalid = "signature_invalid" 403;
    SealInvalid = "seal_invalid" 403;
    KeyRevoked = "key_revoked" 403;
    KeyNotActive = "key_not_active" 403;
    CodeExpired = "code_expired" 403;
    CodeNotYetValid = "code_not_yet_valid" 403;
    ClockSuspect = "clock_suspect" 403;
    RequestInFlight = "request_in_flight" 409;
    IdempotencyMismatch = "idempotency_mismatch" 422;
    AccountFrozen = "account_frozen" 403;
    DeviceUnbound = "device_unbound" 403;
    RegionMissing = "region_missing" 403;
    RegionNotOpen = "region_not_open" 403;
    FamilyMemberRemoved = "family_member_removed" 403;
    AccountNotReady = "account_not_ready" 403;
    RouteNotFound = "route_not_found" 404;
    RequestTooLarge = "request_too_large" 413;
    RequestTimeout = "request_timeout" 408;
    InstitutionNotAllowed = "institution_not_allowed" 403;
    RateLimited = "rate_limited" 429;
    RequestMalformed = "request_malformed" 400;
    HeadersTooLarge = "headers_too_large" 431;
    Overloaded = "overloaded" 503;
    WarmingUp = "warming_up" 503;
    ReplayStoreUnavailable = "replay_store_unavailable" 503;
    ReplayFull = "replay_full" 503;
    AccountStateUnavailable = "account_state_unavailable" 503;
    Maintenance = "maintenance" 503;
    MethodNotAllowed = "method_not_allowed" 405;
    ExpectationFailed = "expectation_failed" 417;
    InternalError = "internal_error" 500;
    BackendUnreachable = "backend_unreachable" 502;
    OutcomeUnknown = "outcome_unknown" 504;
    PassInvalid = "pass_invalid" 403;
    PassExpired = "pass_expired" 403;
    PassUsed = "pass_used" 409;
}

/// The part of an answer that is judged.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What the gateway says of it.
    pub outcome: Outcome,
    /// It is the stored answer to the same request.
    pub is_replayed: bool,
}

impl Answer {
    /// An answer that was not stored.
    pub fn new(status: u16, outcome: Outcome) -> Self {
        Self { status, outcome, is_replayed: false }
    }

    /// Its name in reports. Stored answers are one kind, as in the gateway's metrics.
    pub fn word(self) -> &'static str {
        if self.is_replayed { REPLAYED } else { self.outcome.word() }
    }

    /// Whether the request was forwarded and answered.
    pub fn is_approval(self) -> bool {
        self.outcome == Outcome::Approved && !self.is_replayed
    }
}

/// The word for stored answers.
pub const REPLAYED: &str = "replayed";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Contract {
        refusal: Vec<Row>,
    }

    #[derive(serde::Deserialize)]
    struct Row {
        reason: String,
        status: u16,
    }

    #[test]
    fn the_judge_knows_the_contracts_words_and_their_status() {
        let text = include_str!("../../../gateway/contract/refusals.toml");
        let contract: Contract = toml::from_str(text).unwrap();
        let expected: BTreeMap<&str, Option<u16>> =
            contract.refusal.iter().map(|row| (row.reason.as_str(), Some(row.status))).collect();
        let known: BTreeMap<&str, Option<u16>> =
            Outcome::REFUSALS.iter().map(|outcome| (outcome.word(), outcome.status())).collect();
        assert_eq!(known, expected);
    }

    #[test]
    fn words_are_read_back() {
        for outcome in [Outcome::Approved, Outcome::CodeUsed, Outcome::OutcomeUnknown] {
            assert_eq!(Outcome::of(outcome.word().as_bytes()), outcome);
        }
        assert_eq!(Outcome::of(b"code_use"), Outcome::Nameless);
        assert_eq!(Outcome::of(b""), Outcome::Nameless);
    }
}
