//! The calls of a client: each has a route of its own.

/// What a client asks for.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Call {
    /// A code pays at once.
    #[default]
    Redeem,
    /// A code is spent, and the answer has a pass for it. A visit begins.
    Exchange,
    /// A pass is opened.
    PassCheck,
    /// A pass pays.
    Pass,
}

impl Call {
    /// The calls of a visit.
    pub const OF_A_VISIT: [Self; 3] = [Self::Exchange, Self::PassCheck, Self::Pass];

    /// The path of its route.
    pub fn path(self) -> &'static str {
        match self {
            Self::Redeem => "/pay",
            Self::Exchange => "/scan",
            Self::PassCheck => "/query",
            Self::Pass => "/settle",
        }
    }

    /// The word for it in the configuration of a gateway.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Redeem => "redeem",
            Self::Exchange => "exchange",
            Self::PassCheck => "pass_check",
            Self::Pass => "pass",
        }
    }

    /// Whether it shows a pass. The others show a code.
    pub fn shows_pass(self) -> bool {
        matches!(self, Self::PassCheck | Self::Pass)
    }

    /// Whether what it shows is spent by it.
    pub fn spends(self) -> bool {
        self != Self::PassCheck
    }
}
