//! Labels with a closed set of values.

use std::io;

use http::StatusCode;
use rustix::io::Errno;

use crate::refusal::{Refusal, labels::labels};

/// What became of a request.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Outcome {
    /// It was forwarded, and the backend's answer was relayed, whatever it says.
    Approved,
    /// It was the same as one before, and got that one's answer again, whatever it says.
    Replayed,
    /// It would have been refused for this, but its route only observes: it was forwarded.
    Observed(Refusal),
    /// It was refused.
    Refused(Refusal),
}

/// The outcome of a request that was forwarded against what was found.
pub(crate) const OBSERVED: &str = "observed";

impl Outcome {
    pub(crate) const COUNT: usize = 3 + Refusal::ALL.len();

    /// Every outcome, in the order of their indices. Of those observed one stands for all.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let forwarded = [Self::Approved, Self::Replayed, Self::Observed(Refusal::CodeUsed)];
        forwarded.into_iter().chain(Refusal::ALL.map(Self::Refused))
    }

    /// Dense, from 0.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Approved => 0,
            Self::Replayed => 1,
            Self::Observed(_) => 2,
            Self::Refused(refusal) => 3 + refusal.index(),
        }
    }

    /// `approved`, `observed`, or the refusal's reason: also the value of the header `Yanma-Outcome`. A stored
    /// answer has the header of the first request; it is counted as `replayed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Replayed => "replayed",
            Self::Observed(_) => OBSERVED,
            Self::Refused(refusal) => refusal.reason(),
        }
    }

    /// The number of a refusal, also of one that was only observed.
    pub(crate) fn error_code(self) -> Option<&'static str> {
        match self {
            Self::Approved | Self::Replayed => None,
            Self::Observed(refusal) | Self::Refused(refusal) => Some(refusal.error_code()),
        }
    }
}

labels! {
    /// What became of a request with an opaque code or a foreign token.
    pub enum OpaqueOutcome {
        /// Reserved and forwarded, unverified.
        Reserved = "reserved",
        /// Forwarded by a route that reserves nothing.
        Checked = "checked",
        /// The same request again, with the same answer.
        Replayed = "replayed",
        /// The code is reserved already.
        Used = "used",
        /// Refused for another reason.
        Refused = "refused",
        /// A token that is not ours went on in place of a pass.
        Foreign = "foreign",
    }
}

labels! {
    /// Why bytes of a client were taken for no request at all.
    pub enum Rejection {
        /// They are no HTTP/1 that the engine takes, or a line or chunk of it is framed otherwise
        /// than RFC 9112 says.
        Syntax = "syntax",
        /// A head or its target is too long.
        HeadTooLarge = "head_too_large",
        /// They begin a TLS handshake.
        Tls = "tls",
        /// An HTTP/2 connection broke the protocol.
        H2 = "h2",
    }
}

labels! {
    /// Why a connection could not be accepted.
    pub enum AcceptError {
        /// No file descriptor is left, in the process or on the machine.
        Descriptors = "file_descriptors",
        /// The kernel has no memory for it.
        Memory = "memory",
        /// Its client or the network ended it first.
        Aborted = "aborted",
        /// Anything else: the log says what.
        Other = "other",
    }
}

impl AcceptError {
    /// The reason behind an error of accept(2), or of watching a new socket.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::MFILE | Errno::NFILE) => Self::Descriptors,
            Some(Errno::NOMEM | Errno::NOBUFS | Errno::NOSPC) => Self::Memory,
            // What was wrong with the new socket already: accept(2), "Error handling".
            Some(
                Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::NETDOWN
                | Errno::PROTO
                | Errno::NOPROTOOPT
                | Errno::HOSTDOWN
                | Errno::NONET
                | Errno::HOSTUNREACH
                | Errno::OPNOTSUPP
                | Errno::NETUNREACH,
            ) => Self::Aborted,
            _ => Self::Other,
        }
    }
}

labels! {
    /// What a backend answered.
    pub(super) enum ResponseClass {
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
    /// The class of an answer's status; no status: there was no whole answer. An interim answer
    /// (1xx) that a backend ends with, such as 101, is none either.
    pub(super) fn of(status: Option<StatusCode>) -> Self {
        match status.map_or(0, |status| status.as_u16()) {
            0..200 => Self::None,
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
    use crate::refusal::Limit;

    #[test]
    fn outcomes_have_dense_indices_and_distinct_labels() {
        assert!(Outcome::all().map(Outcome::index).eq(0..Outcome::COUNT));
        let labels: BTreeSet<_> = Outcome::all().map(Outcome::name).collect();
        assert_eq!(labels.len(), Outcome::COUNT);
        assert!(labels.contains("approved") && labels.contains("outcome_unknown"));
    }

    #[test]
    fn closed_labels_have_dense_indices() {
        assert!(Limit::ALL.map(Limit::index).into_iter().eq(0..Limit::ALL.len()));
        let whys = Rejection::ALL.map(Rejection::index);
        assert!(whys.into_iter().eq(0..Rejection::ALL.len()));
        let whys = AcceptError::ALL.map(AcceptError::index);
        assert!(whys.into_iter().eq(0..AcceptError::ALL.len()));
        let classes = ResponseClass::ALL.map(ResponseClass::index);
        assert!(classes.into_iter().eq(0..ResponseClass::ALL.len()));
    }

    #[test]
    fn an_error_of_accept_has_its_reason() {
        let why = |errno| AcceptError::of(&io::Error::from(errno)).name();
        assert_eq!([Errno::MFILE, Errno::NFILE].map(why), ["file_descriptors"; 2]);
        assert_eq!([Errno::NOMEM, Errno::NOBUFS].map(why), ["memory"; 2]);
        assert_eq!([Errno::CONNABORTED, Errno::PROTO].map(why), ["aborted"; 2]);
        assert_eq!(why(Errno::PERM), "other");
        assert_eq!(AcceptError::of(&io::Error::other("x")), AcceptError::Other);
    }

    #[test]
    fn every_status_has_its_class() {
        let cases = [(101, "none"), (200, "2xx"), (299, "2xx"), (304, "3xx"), (499, "4xx")];
        for (status, class) in cases.into_iter().chain([(500, "5xx"), (599, "5xx"), (600, "other")])
        {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(ResponseClass::of(Some(status)).name(), class, "{status}");
        }
    }
}
