//! Labels with a closed set of values.

use http::StatusCode;

use crate::refusal::Refusal;

/// What became of a request.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Outcome {
    /// It was forwarded, and the backend's answer was relayed, whatever it says.
    Approved,
    /// It was refused.
    Refused(Refusal),
}

impl Outcome {
    pub(super) const COUNT: usize = 1 + Refusal::ALL.len();

    /// Every outcome, in the order of their indices.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Approved).chain(Refusal::ALL.map(Self::Refused))
    }

    /// Dense, from 0.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Approved => 0,
            Self::Refused(refusal) => 1 + refusal.index(),
        }
    }

    /// `approved`, or the refusal's reason: also the value of the header `Yanma-Outcome`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused(refusal) => refusal.reason(),
        }
    }
}

/// Makes an enum of labels from one table, so that none can lack its text.
macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Eq, PartialEq, Debug)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            pub(super) const ALL: [Self; [$($label),*].len()] = [$(Self::$variant),*];

            /// The label's value.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// Dense, from 0.
            #[expect(clippy::as_conversions, reason = "From does not offer an enum's number")]
            pub(super) const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

labels! {
    /// A limit at which something was refused or closed. Its label is the key of the
    /// configuration that raises it.
    Limit {
        /// Client connections over all listeners.
        Connections = "connections_max",
        /// Requests over all workers.
        RequestsInFlight = "requests_in_flight_max",
        /// Bytes of a request's head.
        HeaderBytes = "header_bytes_max",
        /// Header lines of a request.
        HeaderCount = "header_count_max",
        /// Bytes of a request's body.
        BodyBytes = "body_bytes_max",
        /// Bytes of a backend's reply that are held.
        ReplyBytes = "reply_bytes_max",
        /// Connections to one backend.
        BackendConnections = "backend_connections_max",
        /// Time for a request's head.
        HeaderTime = "header_ms",
        /// Time for a request's body.
        BodyTime = "body_ms",
        /// Time without progress of a client that should read its answer.
        WriteTime = "write_ms",
        /// Time for a backend's answer.
        BackendTime = "backend_timeout_ms",
        /// Time for a connection to a backend.
        BackendConnectTime = "backend_connect_ms",
    }
}

labels! {
    /// What a backend answered.
    ResponseClass {
        /// 200 to 299.
        Success = "2xx",
        /// 300 to 399.
        Redirection = "3xx",
        /// 400 to 499.
        ClientError = "4xx",
        /// 500 to 599.
        ServerError = "5xx",
        /// A status that HTTP does not define.
        Other = "other",
        /// No whole answer.
        None = "none",
    }
}

impl ResponseClass {
    /// The class of an answer that arrived whole. An interim one (1xx) is not whole.
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            100..200 => Self::None,
            200..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            500..600 => Self::ServerError,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn outcomes_have_dense_indices_and_distinct_labels() {
        assert!(Outcome::all().map(Outcome::index).eq(0..Outcome::COUNT));
        let labels: BTreeSet<_> = Outcome::all().map(Outcome::as_str).collect();
        assert_eq!(labels.len(), Outcome::COUNT);
        assert!(labels.contains("approved") && labels.contains("outcome_unknown"));
    }

    #[test]
    fn closed_labels_have_dense_indices() {
        assert!(Limit::ALL.map(Limit::index).into_iter().eq(0..Limit::ALL.len()));
        let classes = ResponseClass::ALL.map(ResponseClass::index);
        assert!(classes.into_iter().eq(0..ResponseClass::ALL.len()));
    }

    #[test]
    fn every_status_has_its_class() {
        let cases = [(101, "none"), (200, "2xx"), (299, "2xx"), (304, "3xx"), (499, "4xx")];
        for (status, class) in cases.into_iter().chain([(500, "5xx"), (599, "5xx"), (600, "other")]) {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(ResponseClass::of(status).as_str(), class, "{status}");
        }
    }
}
