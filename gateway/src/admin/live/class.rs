//! Whose fault an outcome is, as far as the page tells them apart.

use crate::{metrics::Outcome, refusal::Refusal};

/// Each outcome is in exactly one class.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// It was forwarded and answered, or got a stored answer again.
    Served,
    /// The code, the holder, the caller or a rule of this operator.
    Refused,
    /// The backend cannot be reached, or is in maintenance.
    Backend,
    /// It was forwarded, and no answer tells what became of it.
    Unknown,
    /// This node. The objective counts these.
    Gateway,
}

impl Class {
    pub(super) const ALL: [Self; 5] =
        [Self::Served, Self::Refused, Self::Backend, Self::Unknown, Self::Gateway];

    /// The name in `/live.json`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Refused => "refused",
            Self::Backend => "backend",
            Self::Unknown => "unknown",
            Self::Gateway => "gateway",
        }
    }

    pub(super) const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Approved | Outcome::Replayed | Outcome::Observed(_) => Self::Served,
            Outcome::Refused(refusal) => Self::of_refusal(refusal),
        }
    }

    /// The gateway's own are those that the alert `YanmaGatewayFaults` counts.
    pub(super) const fn of_refusal(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Overloaded
            | Refusal::ReplayFull
            | Refusal::ReplayStoreUnavailable
            | Refusal::WarmingUp
            | Refusal::InternalError => Self::Gateway,
            Refusal::OutcomeUnknown => Self::Unknown,
            Refusal::BackendUnreachable | Refusal::Maintenance => Self::Backend,
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_own_faults_are_those_of_the_objective() {
        let own = Refusal::ALL.into_iter().filter(|r| Class::of_refusal(*r) == Class::Gateway);
        let mut names: Vec<&str> = own.map(Refusal::reason).collect();
        names.sort_unstable();
        let expected = [
            "internal_error",
            "overloaded",
            "replay_full",
            "replay_store_unavailable",
            "warming_up",
        ];
        assert_eq!(names, expected);
        assert!(Outcome::all().all(|outcome| Class::ALL.contains(&Class::of(outcome))));
    }
}
