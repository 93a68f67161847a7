//! One group: read, plan, write on what was read; at the next member if there is no answer.

use std::sync::Arc;

use accounts::{
    change::{Change, Held},
    store::{Acknowledged, Failure},
};
use clock::Clock;
use tokio::time::{Instant, sleep};

use super::group::{Key, Planned, Read, keys_of, plan};
use crate::{
    keys,
    limits::{CHANGE_PATIENCE, CHANGE_PAUSE},
    members::{CallError, Members},
    messages::{Compare, RangeResponse, RequestOp, TxnRequest},
    random_id::RandomId,
};

/// In which life of the store a group is written.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Condition {
    /// This one.
    Life(RandomId),
    /// None: while `init` merges.
    NoLife,
}

/// Writes groups of changes.
pub(crate) struct Writer<'a> {
    pub(crate) members: &'a Arc<Members>,
    pub(crate) clock: &'a Clock,
    pub(crate) condition: Condition,
    /// Until then a group is tried again.
    pub(crate) deadline: Instant,
}

/// What became of an attempt.
enum Attempt {
    Done(Vec<Acknowledged>),
    /// Something else was written in between.
    Overtaken,
    /// Another life: it cannot be written.
    OtherLife,
}

impl Writer<'_> {
    /// Writes a group, all or none.
    ///
    /// # Errors
    /// As [`Failure`] says; the index is that within the group.
    pub(crate) async fn write(&self, changes: &[Change]) -> Result<Vec<Acknowledged>, Failure> {
        let mut may_hold = false;
        let mut turn = self.members.preferred();
        let mut last = "no member answers".to_owned();
        while Instant::now() < self.deadline {
            match self.attempt(turn, changes, &mut may_hold).await {
                Ok(Attempt::Done(answers)) => {
                    self.members.prefer(turn);
                    return Ok(answers);
                }
                Ok(Attempt::Overtaken) => {
                    "other writers change the same entries".clone_into(&mut last);
                    continue;
                }
                Ok(Attempt::OtherLife) => {
                    let why = "the store begins another life; send the change again in a moment";
                    return Err(unless(may_hold, Failure::Unavailable(why.to_owned())));
                }
                Err(Refusal::Failure(failure)) => return Err(unless(may_hold, failure)),
                Err(Refusal::Call(error)) => {
                    last = error.to_string();
                    if !matches!(error, CallError::Silent(_)) {
                        sleep(CHANGE_PAUSE).await;
                    }
                }
            }
            turn = turn.wrapping_add(1);
        }
        Err(unless(may_hold, Failure::Unavailable(last)))
    }

    /// What may be planned, without writing it.
    ///
    /// # Errors
    /// A change is refused, or no member answers.
    pub(crate) async fn rehearse(&self, changes: &[Change]) -> Result<(), Failure> {
        let mut turn = self.members.preferred();
        let mut last = "no member answers".to_owned();
        while Instant::now() < self.deadline {
            match self.plan(turn, changes).await {
                Ok(_) => return Ok(()),
                Err(Refusal::Failure(failure)) => return Err(failure),
                Err(Refusal::Call(error)) => last = error.to_string(),
            }
            turn = turn.wrapping_add(1);
            sleep(CHANGE_PAUSE).await;
        }
        Err(Failure::Unavailable(last))
    }

    async fn attempt(
        &self,
        turn: usize,
        changes: &[Change],
        may_hold: &mut bool,
    ) -> Result<Attempt, Refusal> {
        let (planned, is_ours) = self.plan(turn, changes).await?;
        if !is_ours {
            return Ok(Attempt::OtherLife);
        }
        if planned.writes.is_empty() {
            return Ok(Attempt::Done(planned.acknowledged(0)));
        }
        let request = self.request(&planned)?;
        let member = self.members.member(turn).ok_or_else(no_member)?;
        // From here on what was sent may hold, whatever the answer is; but for a full store, which
        // refuses before.
        let answer = match member.txn(request, CHANGE_PATIENCE).await {
            Err(CallError::NoSpace(why)) => {
                return Err(Refusal::Failure(Failure::StoreFull(why)));
            }
            Err(error @ CallError::Denied { .. }) => {
                return Err(Refusal::Failure(Failure::Unavailable(error.to_string())));
            }
            Err(error) => {
                *may_hold = true;
                return Err(error.into());
            }
            Ok(answer) => answer,
        };
        let revision = answer.header.as_ref().map_or(0, |header| header.revision);
        if answer.succeeded {
            return Ok(Attempt::Done(planned.acknowledged(revision)));
        }
        let life = answer.ranges().next().unwrap_or_default();
        Ok(if self.is_ours(&life) { Attempt::Overtaken } else { Attempt::OtherLife })
    }

    /// Reads all that the group touches in one transaction, and plans by it.
    async fn plan(&self, turn: usize, changes: &[Change]) -> Result<(Planned, bool), Refusal> {
        let now = self.clock.now();
        let keys = keys_of(changes, now);
        let gets = keys.iter().map(|(subject, facet)| keys::entry(*subject, *facet));
        let mut success = vec![RequestOp::get(keys::LIFE)];
        success.extend(gets.map(|key| RequestOp::get(&key)));
        let request = TxnRequest { success, ..TxnRequest::default() };
        let member = self.members.member(turn).filter(|member| member.counts());
        let answer = match member.ok_or_else(no_member)?.txn(request, CHANGE_PATIENCE).await {
            Err(error @ CallError::Denied { .. }) => {
                return Err(Refusal::Failure(Failure::Unavailable(error.to_string())));
            }
            answer => answer?,
        };
        let mut ranges = answer.ranges();
        let life = ranges.next().unwrap_or_default();
        let read = held(keys, ranges)?;
        let planned = plan(changes, &read, now)
            .map_err(|(index, error)| Refusal::Failure(Failure::Change { index, error }))?;
        Ok((planned, self.is_ours(&life)))
    }

    fn request(&self, planned: &Planned) -> Result<TxnRequest, Refusal> {
        let mut compare = vec![self.condition.compare()];
        compare.extend(planned.compares.iter().cloned());
        let mut success = planned.writes.clone();
        success.push(head()?);
        Ok(TxnRequest { compare, success, failure: vec![RequestOp::get(keys::LIFE)] })
    }

    fn is_ours(&self, life: &RangeResponse) -> bool {
        let found = life.kvs.first().map(|kv| RandomId::from_bytes(&kv.value));
        match self.condition {
            Condition::Life(life) => found == Some(Ok(life)),
            Condition::NoLife => found.is_none(),
        }
    }
}

impl Condition {
    pub(crate) fn compare(self) -> Compare {
        match self {
            Self::Life(life) => Compare::value(keys::LIFE, &life.to_string()),
            Self::NoLife => Compare::mod_revision(keys::LIFE, 0),
        }
    }
}

/// What every change puts last: a nonce, whose version counts changes.
pub(crate) fn head() -> Result<RequestOp, Failure> {
    let nonce = RandomId::generate();
    let nonce = nonce.map_err(|_| Failure::Unavailable("no random bytes".to_owned()))?;
    Ok(RequestOp::put(keys::HEAD, &nonce.to_string()))
}

fn held(keys: Vec<Key>, ranges: impl Iterator<Item = RangeResponse>) -> Result<Read, Failure> {
    let mut read = Read::new();
    for (key, range) in keys.into_iter().zip(ranges) {
        if let Some(kv) = range.kvs.first() {
            let (_, entry) =
                keys::parse_entry(kv).map_err(|error| Failure::Unavailable(error.to_string()))?;
            read.insert(key, Held { entry, number: u64::try_from(kv.mod_revision).unwrap_or(0) });
        }
    }
    Ok(read)
}

/// Why an attempt ended.
enum Refusal {
    /// It is final.
    Failure(Failure),
    /// Another member may do it.
    Call(CallError),
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

fn no_member() -> Refusal {
    let why = "its answers do not count, or it does not answer".to_owned();
    Refusal::Call(CallError::Failed { member: "a member".to_owned(), why })
}

/// After an attempt without an answer no failure may say that nothing was changed.
fn unless(may_hold: bool, failure: Failure) -> Failure {
    match failure {
        Failure::NotAcknowledged(_) => failure,
        failure if may_hold => Failure::NotAcknowledged(failure.to_string()),
        failure => failure,
    }
}
