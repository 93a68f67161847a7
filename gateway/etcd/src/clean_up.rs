//! Once a day one node deletes what is over. Which one it is, a key of the store decides.

use std::{convert::Infallible, sync::Arc};

use accounts::{
    change::{Change, Operation},
    entry::Entry,
    store::Failure,
};
use clock::Clock;
use keyring::{code::Subject, time::UnixMillis};
use tokio::time::{Instant, sleep};

use crate::{
    changes::{Condition, Writer},
    keys::{self, BUCKETS},
    limits::{
        CHANGE_PATIENCE, CLEAN_UP_EVERY, CLEANED_S, GROUP_CHANGES, PATIENT_DEADLINE,
        RANGE_PATIENCE, SURVEY_PATIENCE,
    },
    members::{CallError, Member, Members, Shared, Writable, connected, survey},
    messages::{Compare, RangeRequest, RequestOp, TxnRequest},
    random_id::RandomId,
    settings::Settings,
};

/// Buckets that are read at a time: of 20 million entries, 40,000.
const BUCKETS_AT_A_TIME: usize = 8;

/// Why a clean-up ended early, in words for the operator. The next one comes tomorrow.
#[derive(Debug, thiserror::Error)]
#[error("{0}; the clean-up is tried again tomorrow")]
pub struct CleanUpError(String);

impl From<CallError> for CleanUpError {
    fn from(error: CallError) -> Self {
        Self(error.to_string())
    }
}

impl From<Failure> for CleanUpError {
    fn from(failure: Failure) -> Self {
        Self(failure.to_string())
    }
}

/// Looks each hour whether a clean-up is due.
pub(crate) async fn daily(shared: &Arc<Shared>) -> Infallible {
    loop {
        sleep(CLEAN_UP_EVERY).await;
        let Writable::Life(life) = shared.writable() else { continue };
        let display_days = shared.settings.display_days;
        let cleaning =
            CleanUp { members: &shared.members, clock: &shared.clock, life, display_days };
        // What is not done is due again tomorrow. It only takes room.
        let _ = cleaning.run().await.is_ok();
    }
}

/// Deletes what is over, if no node did within 20 hours; each keeper does so daily. How many
/// entries were deleted. Cancel safe.
///
/// # Errors
/// The members cannot be asked, or the store has no life.
pub async fn clean_up(settings: &Settings, clock: &Clock) -> Result<usize, CleanUpError> {
    let members = connected(settings).await;
    let shown = survey(&members, SURVEY_PATIENCE).await;
    let shown = shown.map_err(|error| CleanUpError(error.to_string()))?;
    let life = shown.life.ok_or_else(|| CleanUpError("the store has no life".to_owned()))?;
    let display_days = settings.display_days;
    CleanUp { members: &members, clock, life, display_days }.run().await
}

struct CleanUp<'a> {
    members: &'a Arc<Members>,
    clock: &'a Clock,
    life: RandomId,
    display_days: u32,
}

impl CleanUp<'_> {
    async fn run(&self) -> Result<usize, CleanUpError> {
        let now = self.clock.now();
        if !self.is_due(now).await? {
            return Ok(0);
        }
        let mut deleted = 0;
        let count = u64::try_from(BUCKETS_AT_A_TIME).unwrap_or(1);
        for (first, turn) in (0..BUCKETS).step_by(BUCKETS_AT_A_TIME).zip(0..) {
            let (from, to) = keys::buckets(first, count);
            let span = RangeRequest::span(&from, &to);
            let range = self.member(turn)?.range(span, RANGE_PATIENCE).await?;
            // A foreign entry is told by the load.
            let held = range.kvs.iter().filter_map(|kv| keys::parse_entry(kv).ok());
            let over = held.filter(|(_, entry)| entry.is_over(now, self.display_days));
            let changes: Vec<Change> = over.map(|(who, entry)| self.change(who, entry)).collect();
            for group in changes.chunks(GROUP_CHANGES) {
                deleted += self.delete(group).await?;
            }
        }
        Ok(deleted)
    }

    fn change(&self, subject: Subject, entry: Entry) -> Change {
        let (facet, display_days) = (entry.facet(), self.display_days);
        Change { subject, operation: Operation::CleanUp { facet, display_days } }
    }

    fn member(&self, turn: usize) -> Result<&Member, CleanUpError> {
        let member = self.members.counting_from(turn).and_then(|at| self.members.member(at));
        member.ok_or_else(|| CleanUpError("no member's answers count".to_owned()))
    }

    async fn delete(&self, group: &[Change]) -> Result<usize, Failure> {
        let writer = Writer {
            members: self.members,
            clock: self.clock,
            condition: Condition::Life(self.life),
            deadline: Instant::now() + PATIENT_DEADLINE,
        };
        let answers = writer.write(group).await?;
        Ok(answers.iter().filter(|answer| answer.number.is_some()).count())
    }

    /// Is it due, and are we the node that does it?
    async fn is_due(&self, now: UnixMillis) -> Result<bool, CleanUpError> {
        let member = self.member(0)?;
        let range = member.range(RangeRequest::one(keys::CLEANED), CHANGE_PATIENCE).await?;
        let (last, revision) = range.kvs.first().map_or((None, 0), |kv| {
            let text = std::str::from_utf8(&kv.value).ok();
            (text.and_then(|text| text.parse::<i64>().ok()), kv.mod_revision)
        });
        if last.is_some_and(|last| (0..CLEANED_S).contains(&(now.seconds() - last))) {
            return Ok(false);
        }
        let request = TxnRequest {
            compare: vec![Compare::mod_revision(keys::CLEANED, revision)],
            success: vec![RequestOp::put(keys::CLEANED, &now.seconds().to_string())],
            failure: Vec::new(),
        };
        Ok(member.txn(request, CHANGE_PATIENCE).await?.succeeded)
    }
}
