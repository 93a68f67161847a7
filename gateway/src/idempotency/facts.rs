//! What is told of a redemption to a person who asks what became of it. It is kept with the entry, and
//! goes with it.

use std::{hash::RandomState, sync::Arc};

use dashmap::{DashMap, Entry};
use http::StatusCode;
use keyring::{pass::RedemptionId, time::UnixMillis};
use record::MessageNames;

use super::messages::key;
use crate::request_id::RequestId;

/// Parts of the index with a lock each, so that two workers seldom meet.
const PARTS: usize = 256;

/// What an entry says of its request, where the configuration has `[status]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Facts {
    /// The request that was first.
    pub(crate) request_id: RequestId,
    /// When it was about to spend its code or pass.
    pub(crate) at: UnixMillis,
    /// What its message calls itself, on routes that read it.
    pub(crate) names: Option<Arc<MessageNames>>,
}

/// How far a request is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    Running,
    /// With the status of its answer.
    Answered(StatusCode),
    /// No answer came, and it may have been carried out.
    Unknown,
}

/// What an entry tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Told {
    pub(crate) progress: Progress,
    /// `None`: the configuration had no `[status]` then.
    pub(crate) facts: Option<Facts>,
}

impl Facts {
    /// Bytes of memory, with its place in the index.
    pub(super) fn bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        let names = self.names.as_deref().map_or(0, |names| {
            let texts = [&names.infno, &names.msgid, &names.institution, &names.omsgid];
            let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
            size_of::<MessageNames>() + COUNTS + texts
        });
        let place = self.message().map_or(0, |message| {
            let slot = size_of::<(Box<str>, Vec<RedemptionId>)>() + 1;
            message.len() + (slot * 16).div_ceil(7) + IDS_AT_ONCE * size_of::<RedemptionId>()
        });
        size_of::<Self>() + names + place
    }

    fn message(&self) -> Option<Box<str>> {
        let names = self.names.as_deref()?;
        key(names, names.msgid.as_deref())
    }
}

/// Places that a list makes for its first id.
const IDS_AT_ONCE: usize = 4;

/// Finds redemptions by institution and message. A message may have had several: each later one is
/// of another code or pass.
#[derive(Debug)]
pub(super) struct ByMessage(DashMap<Box<str>, Vec<RedemptionId>>);

impl Default for ByMessage {
    fn default() -> Self {
        Self(DashMap::with_hasher_and_shard_amount(RandomState::new(), PARTS))
    }
}

impl ByMessage {
    pub(super) fn insert(&self, facts: &Facts, id: RedemptionId) {
        if let Some(message) = facts.message() {
            self.0.entry(message).or_default().push(id);
        }
    }

    pub(super) fn remove(&self, facts: &Facts, id: &RedemptionId) {
        let Some(message) = facts.message() else { return };
        if let Entry::Occupied(mut found) = self.0.entry(message) {
            found.get_mut().retain(|one| one != id);
            if found.get().is_empty() {
                found.remove();
            }
        }
    }

    /// The latest first.
    pub(super) fn find(&self, institution: Option<&str>, msgid: &str) -> Vec<RedemptionId> {
        let institution = institution.map(Into::into);
        let names = MessageNames { institution, ..MessageNames::default() };
        let found = key(&names, Some(msgid)).and_then(|message| self.0.get(&message));
        found.map_or_else(Vec::new, |ids| ids.iter().rev().copied().collect())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
