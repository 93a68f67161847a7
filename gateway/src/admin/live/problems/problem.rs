//! The closed list of problems, and how soon a person must act.

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::admin::live) enum Problem {
    NotReady { condition: &'static str, otherwise: &'static str },
    VerifierWrong,
    SealInvalid { codes: u64 },
    RecordLoses { decisions: u64 },
    RecordWaits { percent: f64 },
    NoMajority { claims: u64 },
    BackendDown { backend: String },
    GatewayFaults { requests: u64, percent: f64 },
    OutcomeUnknown { requests: u64, percent: f64 },
    AccountsSetBack,
    AccountsStale { seconds: Option<f64> },
    AccountsFill { percent: f64 },
    RegisterDown { register: String },
    RegisterAbstains { register: String, reason: &'static str },
    ReplayFills { percent: f64 },
    PassesFill { percent: f64 },
    ReloadFailed,
    KeyExpires { key_id: String, days: i64 },
    EndpointDown { backend: String, endpoint: String },
    Maintenance { backend: String },
    VerifierSlow,
    ClockStepped { steps: u64 },
    LimitHit { limit: &'static str, times: u64 },
    Observes { route: String },
    LogDropped { lines: u64 },
}

/// How soon a person must act.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(in crate::admin::live) enum Urgency {
    Now,
    Soon,
}

impl Urgency {
    pub(in crate::admin::live) const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Soon => "soon",
        }
    }
}

impl Problem {
    /// The name in `/live.json`.
    pub(in crate::admin::live) const fn kind(&self) -> &'static str {
        match self {
            Self::NotReady { .. } => "not_ready",
            Self::VerifierWrong => "verifier_wrong",
            Self::SealInvalid { .. } => "seal_invalid",
            Self::RecordLoses { .. } => "record_loses",
            Self::RecordWaits { .. } => "record_waits",
            Self::NoMajority { .. } => "no_majority",
            Self::BackendDown { .. } => "backend_down",
            Self::GatewayFaults { .. } => "gateway_faults",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::AccountsSetBack => "accounts_set_back",
            Self::AccountsStale { .. } => "accounts_stale",
            Self::AccountsFill { .. } => "accounts_fill",
            Self::RegisterDown { .. } => "register_down",
            Self::RegisterAbstains { .. } => "register_abstains",
            Self::ReplayFills { .. } => "replay_fills",
            Self::PassesFill { .. } => "passes_fill",
            Self::ReloadFailed => "reload_failed",
            Self::KeyExpires { .. } => "key_expires",
            Self::EndpointDown { .. } => "endpoint_down",
            Self::Maintenance { .. } => "maintenance",
            Self::VerifierSlow => "verifier_slow",
            Self::ClockStepped { .. } => "clock_stepped",
            Self::LimitHit { .. } => "limit_hit",
            Self::Observes { .. } => "observes",
            Self::LogDropped { .. } => "log_dropped",
        }
    }

    pub(in crate::admin::live) fn urgency(&self) -> Urgency {
        match self {
            Self::NotReady { .. }
            | Self::VerifierWrong
            | Self::SealInvalid { .. }
            | Self::RecordLoses { .. }
            | Self::RecordWaits { .. }
            | Self::NoMajority { .. }
            | Self::BackendDown { .. }
            | Self::AccountsSetBack => Urgency::Now,
            // The alerts' thresholds: 14.4 times the objective, and one of a thousand.
            Self::GatewayFaults { percent, .. } if *percent > 0.72 => Urgency::Now,
            Self::OutcomeUnknown { percent, .. } if *percent > 0.1 => Urgency::Now,
            _ => Urgency::Soon,
        }
    }
}
