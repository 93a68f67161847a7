//! `POST /accounts/import`: merges lines of an export. One import at a time.

use accounts::{
    change::{Change, Operation},
    store::{Failure, Names},
};
use bytes::Bytes;
use http::{Response, StatusCode};
use record::{AccountEvent, AccountImport};
use serde::Serialize;
use tokio::time::sleep;

use super::{
    answer::{Body, Problem, json},
    caller::Caller,
    changes::failed,
    desk::Desk,
    line,
};
use crate::limits::{CHANGES_MAX, IMPORT_PAUSE, IMPORT_STALE_MS};
use crate::metrics::ChangeResult;

#[derive(Serialize)]
struct Answer {
    lines: usize,
    /// Of these, entries that are another than before.
    changed: usize,
    acknowledged_at: String,
}

/// Merges the lines of a request, in their order, a thousand at once.
///
/// # Errors
/// `import_running`, `malformed`, or why the store did not take the lines. `detail` tells how many
/// lines of the request are merged; to send all of them again does no harm.
pub(super) async fn merge(
    desk: &Desk,
    caller: &Caller<'_>,
    body: &Bytes,
) -> Result<Response<Body>, Problem> {
    let Ok(_running) = desk.import().try_lock() else {
        let detail = "another import is running at this node; send the lines again";
        return Err(Problem::new(StatusCode::CONFLICT, "import_running", detail));
    };
    let changes = read(body)?;
    let lines = changes.len();
    let place = desk.reserve_record()?;
    let names = Names { writer: caller.writer().name.clone(), request: "import".to_owned() };
    let (merged, done) = merge_all(desk, changes, &names).await;
    let at = desk.clock().now();
    let (writer, is_acknowledged) = (names.writer, done.is_ok());
    let unchanged = merged.lines - merged.changed;
    desk.count_result("import", ChangeResult::Changed, merged.changed);
    desk.count_result("import", ChangeResult::Unchanged, unchanged);
    if let Err(failure) = &done {
        desk.count_result("import", failed(failure), lines - merged.lines);
    }
    let import = AccountImport { at, writer, lines, changed: merged.changed, is_acknowledged };
    place.record(AccountEvent::Import(import));
    match done {
        Ok(()) => {
            let (changed, acknowledged_at) = (merged.changed, at.to_string());
            Ok(json(StatusCode::OK, &Answer { lines, changed, acknowledged_at }))
        }
        Err(failure) => {
            let problem = Problem::from(failure);
            let detail = format!("{}; merged so far: {} lines", problem.detail, merged.lines);
            Err(Problem { detail: detail.into(), ..problem })
        }
    }
}

#[derive(Default)]
struct Merged {
    lines: usize,
    changed: usize,
}

async fn merge_all(
    desk: &Desk,
    changes: Vec<Change>,
    names: &Names,
) -> (Merged, Result<(), Failure>) {
    let mut merged = Merged::default();
    let mut rest = changes.into_iter().peekable();
    while rest.peek().is_some() {
        // What the nodes cannot follow must wait: else they would admit nothing.
        while desk.staleness_ms().is_none_or(|ms| ms > IMPORT_STALE_MS) {
            sleep(IMPORT_PAUSE).await;
        }
        let some: Vec<Change> = rest.by_ref().take(CHANGES_MAX).collect();
        let count = some.len();
        match desk.store().change(some, names.clone()).await {
            Ok(done) => {
                merged.lines += count;
                merged.changed += done.iter().filter(|done| done.number.is_some()).count();
            }
            Err(failure) => return (merged, Err(failure)),
        }
    }
    (merged, Ok(()))
}

fn read(body: &[u8]) -> Result<Vec<Change>, Problem> {
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let change = |(i, text)| match line::parse(text) {
        Ok((subject, entry)) => Ok(Change { subject, operation: Operation::Merge(entry) }),
        Err(why) => Err(Problem::malformed(format!("line {} of the request: {why}", i + 1))),
    };
    lines.map(change).collect()
}
