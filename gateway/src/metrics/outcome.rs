//! The closed lists that label what is counted.

use crate::refusal::Refusal;

/// How a request ended.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Outcome {
    /// Forwarded, and the backend's answer relayed.
    Approved,
    /// Answered by the gateway.
    Refused(Refusal),
}

impl Outcome {
    pub(super) const COUNT: usize = Refusal::ALL.len() + 1;

    pub(super) fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Approved).chain(Refusal::ALL.into_iter().map(Self::Refused))
    }

    pub(super) fn index(self) -> usize {
        match self {
            Self::Approved => 0,
            Self::Refused(refusal) => 1 + refusal.index(),
        }
    }

    /// The value of `Yanma-Outcome` and of the label `outcome`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused(refusal) => refusal.reason(),
        }
    }
}

/// A bound for the sake of which something was refused.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Limit {
    /// `[limits] connections_max`, or a worker's queue of new connections.
    Connections,
    /// `[limits] requests_in_flight_max`.
    RequestsInFlight,
    /// `[limits] header_count_max`.
    Headers,
    /// `[timeouts] header_ms`.
    HeaderTime,
    /// `[limits] body_bytes_max`.
    BodyBytes,
    /// `[[backend]] connections_max`.
    BackendConnections,
    /// A probe path of the replay table that holds only living slots.
    Replay,
    /// The system gave no descriptor for a new connection.
    Accept,
}

impl Limit {
    pub(super) const ALL: [Self; 8] = [
        Self::Connections,
        Self::RequestsInFlight,
        Self::Headers,
        Self::HeaderTime,
        Self::BodyBytes,
        Self::BackendConnections,
        Self::Replay,
        Self::Accept,
    ];

    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|limit| *limit == self).unwrap_or(0)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::RequestsInFlight => "requests_in_flight",
            Self::Headers => "header_count",
            Self::HeaderTime => "header_time",
            Self::BodyBytes => "body_bytes",
            Self::BackendConnections => "backend_connections",
            Self::Replay => "replay",
            Self::Accept => "accept",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        let indexes: Vec<usize> = Outcome::all().map(Outcome::index).collect();
        assert_eq!(indexes, (0..Outcome::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn every_limit_has_a_place_and_a_name_of_its_own() {
        let mut names: Vec<&str> = Limit::ALL.into_iter().map(Limit::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Limit::ALL.len());
        assert!(Limit::ALL.iter().enumerate().all(|(index, limit)| limit.index() == index));
    }
}
