//! A refusal on its way to the client, with all that is told and counted of it.

use keyring::{key::Channel, verify::Rejected};

use super::{Limit, Refusal};

/// A refusal on its way to the client.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    /// For developers; only where it helps no forger.
    pub(crate) detail: Option<&'static str>,
    /// Of the key that the code claims to be signed with, whether or not it is.
    pub(crate) channel: Option<Channel>,
    /// The limit for the sake of which the request is refused. It is counted with the refusal.
    pub(crate) limit: Option<Limit>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, detail: None, channel: None, limit: None }
    }
}

impl Refused {
    /// `request_malformed`, with what is wrong.
    pub(crate) fn malformed(detail: &'static str) -> Self {
        Self::from(Refusal::RequestMalformed).with_detail(detail)
    }

    /// For the sake of a limit.
    pub(crate) fn for_limit(refusal: Refusal, limit: Limit) -> Self {
        Self { limit: Some(limit), ..refusal.into() }
    }

    /// A code that is not genuine, or not of this kind or time.
    pub(crate) fn rejected(rejected: &Rejected) -> Self {
        let refusal = Refusal::of_rejection(rejected.rejection);
        Self { channel: rejected.channel, ..refusal.into() }
    }

    /// The same, with a sentence for developers.
    pub(crate) fn with_detail(self, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..self }
    }
}
