//! Loads everything as of one revision into a table of its own.

use std::sync::Arc;

use accounts::{Full, Table};
use tokio::task::JoinSet;

use crate::{
    keys::{self, BUCKETS, ForeignEntry},
    limits::{RANGE_ENTRIES, RANGE_PATIENCE, RANGES_AT_A_TIME},
    members::{CallError, Members},
    messages::{RangeRequest, RangeResponse},
};

/// Why everything could not be loaded, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Foreign(#[from] ForeignEntry),
    #[error(transparent)]
    Full(#[from] Full),
    #[error("the members showed {shown} entries and then {counted}; it is tried again")]
    Count { counted: i64, shown: i64 },
}

/// All entries as of `revision`, and how many there are.
///
/// # Errors
/// The members do not answer, an entry is malformed, or the table has no room.
pub(super) async fn load(
    members: &Arc<Members>,
    revision: i64,
    capacity: usize,
) -> Result<(Table, i64), LoadError> {
    let table = Table::new(capacity);
    let (from, to) = keys::entries();
    let count = RangeRequest { revision, count_only: true, ..RangeRequest::span(&from, &to) };
    let counted = ask(members, 0, &count).await?.count;
    let mut shown = 0;
    let mut next = (0..BUCKETS).step_by(width(counted)).zip(0..);
    let mut asking = JoinSet::new();
    loop {
        while asking.len() < RANGES_AT_A_TIME
            && let Some((bucket, turn)) = next.next()
        {
            let (from, to) = keys::buckets(bucket, u64::try_from(width(counted)).unwrap_or(1));
            let range = RangeRequest { revision, ..RangeRequest::span(&from, &to) };
            let members = Arc::clone(members);
            asking.spawn(async move { ask(&members, turn, &range).await });
        }
        let Some(answer) = asking.join_next().await else { break };
        let range = answer.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()))?;
        for kv in &range.kvs {
            let (subject, entry) = keys::parse_entry(kv)?;
            table.set(subject, entry.facet(), Some(entry))?;
        }
        shown += range.count;
    }
    // What lies between the buckets is no entry of this program: it must not pass unseen.
    if shown == counted { Ok((table, counted)) } else { Err(LoadError::Count { counted, shown }) }
}

/// Buckets of one range. Subjects are spread evenly among buckets.
fn width(entries: i64) -> usize {
    let entries = u64::try_from(entries).unwrap_or(0).max(1);
    let buckets = (RANGE_ENTRIES * BUCKETS / entries).clamp(1, BUCKETS);
    usize::try_from(buckets).unwrap_or(1)
}

/// Asks one member after the other.
async fn ask(
    members: &Members,
    turn: usize,
    request: &RangeRequest,
) -> Result<RangeResponse, CallError> {
    let mut error = CallError::Silent("no member".to_owned());
    for more in 0..members.list().len() {
        let Some(member) = members.member(turn + more).filter(|member| member.counts()) else {
            continue;
        };
        match member.range(request.clone(), RANGE_PATIENCE).await {
            Ok(answer) => return Ok(answer),
            Err(compacted @ CallError::Compacted(_)) => return Err(compacted),
            Err(other) => error = other,
        }
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_of_about_ten_thousand_entries() {
        assert_eq!(width(0), 4_096);
        assert_eq!(width(10_000), 4_096);
        assert_eq!(width(10_000_000), 4);
        assert_eq!(width(i64::MAX), 1);
    }
}
