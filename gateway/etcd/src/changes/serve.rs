//! Takes requests and answers them, many at a time.

use std::{convert::Infallible, sync::Arc};

use accounts::{
    change::{Change, Held},
    store::{Acknowledged, Failure, Request, Requests},
};
use keyring::code::Subject;
use tokio::{task::JoinSet, time::Instant};

use super::{
    group::groups,
    write::{Condition, Writer},
};
use crate::{
    keys,
    limits::{CHANGE_DEADLINE, CHANGE_PATIENCE, REQUESTS_AT_A_TIME},
    members::{Shared, Writable},
    messages::RangeRequest,
};

/// Answers requests, until all that send them are gone; then it waits for ever.
pub(crate) async fn serve(shared: &Arc<Shared>, requests: &mut Requests) -> Infallible {
    let mut running = JoinSet::new();
    let mut is_open = true;
    loop {
        let has_room = running.len() < REQUESTS_AT_A_TIME;
        tokio::select! {
            request = requests.recv(), if is_open && has_room => match request {
                Some(request) => {
                    let shared = Arc::clone(shared);
                    running.spawn(async move { answer(&shared, request).await });
                }
                None => is_open = false,
            },
            Some(done) = running.join_next() => {
                done.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()));
            }
            else => std::future::pending().await,
        }
    }
}

async fn answer(shared: &Shared, request: Request) {
    // The asker may have left; what it asked for is done all the same.
    match request {
        Request::Change { changes, answer, .. } => {
            let _ = answer.send(change(shared, &changes).await);
        }
        Request::Read { subject, answer } => {
            let _ = answer.send(read(shared, subject).await);
        }
    }
}

/// Makes the changes, by groups. A change that is refused is found before anything is written.
async fn change(shared: &Shared, changes: &[Change]) -> Result<Vec<Acknowledged>, Failure> {
    if !shared.accounts.has_room_for(changes) {
        let capacity = shared.accounts.table().capacity();
        return Err(Failure::NearlyFull { capacity });
    }
    let life = match shared.writable() {
        Writable::Life(life) => life,
        Writable::No(why) => return Err(Failure::Unavailable(why)),
    };
    let writer = Writer {
        members: &shared.members,
        clock: &shared.clock,
        condition: Condition::Life(life),
        deadline: Instant::now() + CHANGE_DEADLINE,
    };
    let groups = groups(changes, shared.clock.now());
    if groups.len() > 1 {
        for group in &groups {
            let part = changes.get(group.clone()).unwrap_or_default();
            writer.rehearse(part).await.map_err(|failure| shift(failure, group.start))?;
        }
    }
    let mut answers = Vec::with_capacity(changes.len());
    for group in groups {
        let part = changes.get(group.clone()).unwrap_or_default();
        match writer.write(part).await {
            Ok(more) => answers.extend(more),
            Err(failure) if answers.is_empty() => return Err(shift(failure, group.start)),
            Err(failure) => {
                let (held, failure) = (group.start, shift(failure, group.start));
                let why = format!("the first {held} changes hold; then: {failure}");
                return Err(Failure::NotAcknowledged(why));
            }
        }
    }
    Ok(answers)
}

fn shift(failure: Failure, by: usize) -> Failure {
    match failure {
        Failure::Change { index, error } => Failure::Change { index: index + by, error },
        other => other,
    }
}

async fn read(shared: &Shared, subject: Subject) -> Result<Vec<Held>, Failure> {
    let (from, to) = keys::person(subject);
    let mut last = "no member answers".to_owned();
    let first = shared.members.preferred();
    for turn in first..first.wrapping_add(shared.members.list().len()) {
        let Some(member) = shared.members.member(turn).filter(|member| member.counts()) else {
            continue;
        };
        match member.range(RangeRequest::span(&from, &to), CHANGE_PATIENCE).await {
            Ok(range) => {
                let entries = range.kvs.iter().map(|kv| {
                    let (_, entry) = keys::parse_entry(kv)?;
                    Ok(Held { entry, number: u64::try_from(kv.mod_revision).unwrap_or(0) })
                });
                let entries: Result<_, keys::ForeignEntry> = entries.collect();
                return entries.map_err(|error| Failure::Unavailable(error.to_string()));
            }
            Err(error) => last = error.to_string(),
        }
    }
    Err(Failure::Unavailable(last))
}
