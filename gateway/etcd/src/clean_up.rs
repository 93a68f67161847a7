//! Once a day one node deletes what is over. Which one it is, a key of the store decides.

use std::{convert::Infallible, sync::Arc};

use accounts::{
    change::{Change, Operation},
    store::Failure,
};
use keyring::time::UnixMillis;
use tokio::time::{Instant, sleep};

use crate::{
    changes::{Condition, Writer},
    keys::{self, BUCKETS},
    limits::{
        CHANGE_PATIENCE, CLEAN_UP_EVERY, CLEANED_S, GROUP_CHANGES, PATIENT_DEADLINE, RANGE_PATIENCE,
    },
    members::{CallError, Shared, Writable},
    messages::{Compare, RangeRequest, RequestOp, TxnRequest},
    random_id::RandomId,
};

/// Buckets that are read at a time: of 20 million entries, 40,000.
const BUCKETS_AT_A_TIME: usize = 8;

/// Why a clean-up ended early. The next one comes tomorrow.
enum Ended {
    Call,
    Write,
}

impl From<CallError> for Ended {
    fn from(_: CallError) -> Self {
        Self::Call
    }
}

impl From<Failure> for Ended {
    fn from(_: Failure) -> Self {
        Self::Write
    }
}

/// Looks each hour whether a clean-up is due.
pub(crate) async fn daily(shared: &Arc<Shared>) -> Infallible {
    loop {
        sleep(CLEAN_UP_EVERY).await;
        // What is not done is due again tomorrow, and refuses no one who should be admitted.
        let _ = clean_up(shared, shared.clock.now()).await.is_ok();
    }
}

/// Deletes what is over as of `now`, if no node did within 20 hours. How many were deleted.
async fn clean_up(shared: &Shared, now: UnixMillis) -> Result<usize, Ended> {
    let Writable::Life(life) = shared.writable() else { return Ok(0) };
    if !is_due(shared, now).await? {
        return Ok(0);
    }
    let mut deleted = 0;
    let count = u64::try_from(BUCKETS_AT_A_TIME).unwrap_or(1);
    for (first, turn) in (0..BUCKETS).step_by(BUCKETS_AT_A_TIME).zip(0..) {
        let (from, to) = keys::buckets(first, count);
        let Some(at) = shared.members.counting_from(turn) else { return Err(Ended::Call) };
        let Some(member) = shared.members.member(at) else { return Err(Ended::Call) };
        let range = member.range(RangeRequest::span(&from, &to), RANGE_PATIENCE).await?;
        let display_days = shared.settings.display_days;
        // A foreign entry is told by the load.
        let held = range.kvs.iter().filter_map(|kv| keys::parse_entry(kv).ok());
        let over = held.filter(|(_, entry)| entry.is_over(now, display_days));
        let changes: Vec<Change> = over
            .map(|(subject, entry)| {
                let operation = Operation::CleanUp { facet: entry.facet(), display_days };
                Change { subject, operation }
            })
            .collect();
        for group in changes.chunks(GROUP_CHANGES) {
            deleted += delete(shared, life, group).await?;
        }
    }
    Ok(deleted)
}

async fn delete(shared: &Shared, life: RandomId, group: &[Change]) -> Result<usize, Failure> {
    let writer = Writer {
        members: &shared.members,
        clock: &shared.clock,
        condition: Condition::Life(life),
        deadline: Instant::now() + PATIENT_DEADLINE,
    };
    let answers = writer.write(group).await?;
    Ok(answers.iter().filter(|answer| answer.number.is_some()).count())
}

/// Is it due, and are we the node that does it?
async fn is_due(shared: &Shared, now: UnixMillis) -> Result<bool, CallError> {
    let Some(at) = shared.members.counting_from(0) else { return Ok(false) };
    let Some(member) = shared.members.member(at) else { return Ok(false) };
    let range = member.range(RangeRequest::one(keys::CLEANED), CHANGE_PATIENCE).await?;
    let (last, revision) = range.kvs.first().map_or((None, 0), |kv| {
        let second = std::str::from_utf8(&kv.value).ok().and_then(|text| text.parse::<i64>().ok());
        (second, kv.mod_revision)
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
