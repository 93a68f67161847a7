//! What is known of a code's one transaction.

use std::sync::Arc;

use keyring::{pass::RedemptionId, time::UnixMillis};

use super::{
    facts::{Facts, Progress, Told},
    fingerprint::Fingerprint,
    key::IdempotencyKey,
    response::StoredResponse,
};

/// Who asks: the institution that its client certificate names. Never the address: institutions
/// share one, and one institution has many.
///
/// The gateway does not speak TLS yet, so there is only [`Caller::UNNAMED`].
#[derive(Clone, Debug, Default, Eq, PartialEq, Hash)]
pub(crate) struct Caller(Option<Arc<str>>);

impl Caller {
    /// Without a client certificate.
    pub(crate) const UNNAMED: Self = Self(None);

    /// The institution of this name.
    pub(super) fn of(name: &str) -> Self {
        Self(Some(name.into()))
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Whether the share of one caller is this one's bound.
    pub(super) fn is_named(&self) -> bool {
        self.0.is_some()
    }
}

/// One request, as far as it can be told from another with the same code.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: RedemptionId,
    pub(crate) caller: Caller,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) fingerprint: Fingerprint,
}

/// What a request finds that is not the first of its code.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Lookup {
    /// The same request, and this was its answer.
    Finished(StoredResponse),
    /// The same request is still running.
    Running,
    /// The same key was used with other content.
    Mismatch,
    /// Another transaction has this code.
    Other,
}

/// The record of a code: the request that was first, and how far it is.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) caller: Caller,
    key: Option<IdempotencyKey>,
    fingerprint: Fingerprint,
    pub(super) state: State,
    /// For a person who asks what became of it.
    pub(super) facts: Option<Box<Facts>>,
}

#[derive(Debug)]
pub(super) enum State {
    Running,
    Finished { answer: StoredResponse, until: UnixMillis },
}

impl Entry {
    pub(super) fn running(request: &Request) -> Self {
        let Request { caller, key, fingerprint, id: _ } = request;
        let (caller, key) = (caller.clone(), key.clone());
        Self { caller, key, fingerprint: *fingerprint, state: State::Running, facts: None }
    }

    /// What `request` finds here.
    pub(super) fn look_up(&self, request: &Request, now: UnixMillis) -> Lookup {
        if !self.is_alive(now) || self.caller != request.caller || self.key != request.key {
            return Lookup::Other;
        }
        match &self.state {
            _ if self.fingerprint == request.fingerprint => self.own(),
            // Without a key the fingerprint is the key, so this is another one.
            _ if self.key.is_none() => Lookup::Other,
            _ => Lookup::Mismatch,
        }
    }

    fn own(&self) -> Lookup {
        match &self.state {
            State::Running => Lookup::Running,
            State::Finished { answer, .. } => Lookup::Finished(answer.clone()),
        }
    }

    /// What a person hears who asks, whatever the request is. An answer that cannot be read counts as
    /// unknown.
    pub(super) fn tell(&self) -> Told {
        let progress = match &self.state {
            State::Running => Progress::Running,
            State::Finished { answer, .. } => answer.progress().unwrap_or(Progress::Unknown),
        };
        Told { progress, facts: self.facts.as_deref().cloned() }
    }

    /// Bytes of memory of what it says beside its answer.
    pub(super) fn facts_bytes(&self) -> usize {
        self.facts.as_deref().map_or(0, Facts::bytes)
    }

    pub(super) fn is_alive(&self, now: UnixMillis) -> bool {
        match self.state {
            State::Running => true,
            State::Finished { until, .. } => now < until,
        }
    }
}
