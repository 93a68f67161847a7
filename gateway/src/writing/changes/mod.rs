//! `POST /accounts/changes`: reads a request, asks the store, records what came of it.

mod wire;

use accounts::{
    change::Change,
    store::{Acknowledged, Failure, Names},
};
use bytes::Bytes;
use http::{Response, StatusCode};
use keyring::time::UnixMillis;
use record::{AccountChange, AccountChanges, AccountEvent};
use serde::Serialize;

use self::wire::Asked;
use super::{
    answer::{Body, Problem, json},
    caller::Caller,
    desk::Desk,
};
use crate::metrics::ChangeResult;

#[derive(Serialize)]
struct Answer {
    acknowledged_at: String,
    /// From then on no node begins to send a request against it.
    honoured_from: String,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    subject: String,
    /// What a lift names.
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze: Option<String>,
    /// False: all was so already.
    changed: bool,
}

/// Makes the changes of a request, all or none where the store is this node's.
///
/// # Errors
/// Why nothing was changed, or `not_acknowledged`.
pub(super) async fn make(
    desk: &Desk,
    caller: &Caller<'_>,
    body: &Bytes,
) -> Result<Response<Body>, Problem> {
    let now = desk.clock().now();
    let wire::Request { request, changes } = wire::read(body, now)?;
    for asked in &changes {
        caller.check_may(asked.right)?;
    }
    let freezes = changes.iter().filter(|asked| asked.operation_name == "freeze").count();
    desk.count(caller.writer(), (changes.len(), freezes))?;
    let place = desk.reserve_record()?;
    let writer = caller.writer().name.clone();
    let names = Names { writer: writer.clone(), request: request.clone() };
    let wanted: Vec<Change> = changes.iter().map(|asked| asked.change).collect();
    let done = desk.store().change(wanted, names).await;
    let at = desk.clock().now();
    for (i, asked) in changes.iter().enumerate() {
        let result = done.as_ref().map(|done| done.get(i));
        desk.count_result(asked.operation_name, result_of(result), 1);
    }
    let is_acknowledged = done.is_ok();
    if is_acknowledged || matches!(done, Err(Failure::NotAcknowledged(_))) {
        let facts = done.as_deref().unwrap_or_default();
        let lines = changes.iter().enumerate().map(|(i, asked)| line(asked, facts.get(i)));
        let changes = lines.collect();
        let changes = AccountChanges { at, writer, request, is_acknowledged, changes };
        place.record(AccountEvent::Changes(changes));
    }
    Ok(answer(&changes, &done?, at, desk.stale_ms()))
}

fn result_of(done: Result<Option<&Acknowledged>, &Failure>) -> ChangeResult {
    match done {
        Ok(Some(Acknowledged { number: Some(_), .. })) => ChangeResult::Changed,
        Ok(_) => ChangeResult::Unchanged,
        Err(failure) => failed(failure),
    }
}

/// What is counted for each change of a request that failed.
pub(super) fn failed(failure: &Failure) -> ChangeResult {
    match failure {
        Failure::Change { .. } | Failure::NearlyFull { .. } | Failure::StoreFull(_) => {
            ChangeResult::Refused
        }
        Failure::Unavailable(_) => ChangeResult::Unavailable,
        Failure::NotAcknowledged(_) => ChangeResult::NotAcknowledged,
    }
}

fn line(asked: &Asked, done: Option<&Acknowledged>) -> AccountChange {
    let text = |value: Option<accounts::entry::Value>| value.map(|value| value.to_string());
    AccountChange {
        operation: asked.operation_name,
        cause: asked.cause().map(|cause| cause.as_str()),
        subject: asked.change.subject,
        relation: asked.relation(),
        channel: asked.channel(),
        before: text(done.and_then(|done| done.before)),
        after: text(done.and_then(|done| done.after)),
    }
}

fn answer(
    changes: &[Asked],
    done: &[Acknowledged],
    at: UnixMillis,
    stale_ms: u32,
) -> Response<Body> {
    let result = |(asked, done): (&Asked, &Acknowledged)| Outcome {
        subject: asked.change.subject.to_string(),
        freeze: done
            .number
            .filter(|_| asked.operation_name == "freeze")
            .map(|number| number.to_string()),
        changed: done.number.is_some(),
    };
    let answer = Answer {
        acknowledged_at: at.to_string(),
        honoured_from: at.plus_ms(i64::from(stale_ms)).to_string(),
        results: changes.iter().zip(done).map(result).collect(),
    };
    json(StatusCode::OK, &answer)
}
