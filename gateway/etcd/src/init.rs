//! `yanma accounts init`: begins a new life of the store.

use std::sync::Arc;

use accounts::{
    change::{Change, Operation},
    entry::Entry,
    store::Failure,
};
use clock::Clock;
use keyring::code::Subject;
use tokio::time::{Instant, sleep};

use crate::{
    changes::{Condition, Writer, head},
    keys,
    limits::{CHANGE_PATIENCE, CHANGE_PAUSE, GROUP_CHANGES, PATIENT_DEADLINE, SURVEY_PATIENCE},
    members::{Members, SurveyError, connected, survey},
    messages::{RequestOp, TxnRequest},
    random_id::RandomId,
    settings::Settings,
};

/// The store has a new life; each node loads it.
#[derive(Clone, Debug)]
pub struct Initiated {
    /// Its id.
    pub life: String,
    /// Entries that were not in the store, or not as high.
    pub merged: usize,
}

/// Why there is no new life, in words for the operator. Call it again: until it ends well no node
/// admits anything.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The members cannot be asked.
    #[error("{0}")]
    Members(String),
    /// A step failed.
    #[error("{0}; nothing is admitted until init ends well: call it again")]
    Step(String),
}

impl From<SurveyError> for InitError {
    fn from(error: SurveyError) -> Self {
        Self::Members(error.to_string())
    }
}

impl From<Failure> for InitError {
    fn from(failure: Failure) -> Self {
        Self::Step(failure.to_string())
    }
}

/// Deletes the life, merges the entries (floors and `since` only rise), and puts a new life last.
/// Not cancel safe: left half-way, no node admits anything until it is called again.
///
/// # Errors
/// The members cannot be asked, or a step failed.
pub async fn init(
    settings: &Settings,
    entries: Vec<(Subject, Entry)>,
    clock: &Clock,
) -> Result<Initiated, InitError> {
    let members = connected(settings).await;
    survey(&members, SURVEY_PATIENCE).await?;
    put(
        &members,
        TxnRequest {
            success: vec![RequestOp::delete(keys::LIFE), head()?],
            ..TxnRequest::default()
        },
    )
    .await?;
    let merged = merge(&members, clock, entries).await?;
    let life = RandomId::generate().map_err(|error| InitError::Step(error.to_string()))?;
    let success = vec![RequestOp::put(keys::LIFE, &life.to_string()), head()?];
    put(&members, TxnRequest { success, ..TxnRequest::default() }).await?;
    Ok(Initiated { life: life.to_string(), merged })
}

async fn merge(
    members: &Arc<Members>,
    clock: &Clock,
    entries: Vec<(Subject, Entry)>,
) -> Result<usize, InitError> {
    let mut merged = 0;
    // Later entries of the same facet come in later groups.
    let changes: Vec<Change> = entries
        .into_iter()
        .map(|(subject, entry)| Change { subject, operation: Operation::Merge(entry) })
        .collect();
    for part in changes.chunks(GROUP_CHANGES) {
        for group in crate::changes::groups(part, clock.now()) {
            let deadline = Instant::now() + PATIENT_DEADLINE;
            let writer = Writer { members, clock, condition: Condition::NoLife, deadline };
            let answers = writer.write(part.get(group).unwrap_or_default()).await?;
            merged += answers.iter().filter(|answer| answer.number.is_some()).count();
        }
    }
    Ok(merged)
}

/// Puts what may be put twice.
async fn put(members: &Arc<Members>, request: TxnRequest) -> Result<(), InitError> {
    let deadline = Instant::now() + PATIENT_DEADLINE;
    let mut turn = 0;
    loop {
        let Some(member) = members.counting_from(turn).and_then(|at| members.member(at)) else {
            return Err(InitError::Step("no member's answers count".to_owned()));
        };
        match member.txn(request.clone(), CHANGE_PATIENCE).await {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                return Err(InitError::Step(error.to_string()));
            }
            Err(_) => sleep(CHANGE_PAUSE).await,
        }
        turn = turn.wrapping_add(1);
    }
}
