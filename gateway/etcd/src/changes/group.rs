//! Which changes fit into one transaction, what it reads, and what it writes. Pure.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    ops::Range,
};

use accounts::{
    change::{Change, ChangeError, Expected, Held},
    entry::{Facet, Value},
    store::Acknowledged,
};
use keyring::{code::Subject, time::UnixMillis};

use crate::{
    keys,
    limits::{GROUP_CHANGES, GROUP_KEYS},
    messages::{Compare, RequestOp},
};

pub(super) type Key = (Subject, Facet);
pub(super) type Read = HashMap<Key, Held>;

/// What a group writes, if what was read still stands.
pub(super) struct Planned {
    pub(super) compares: Vec<Compare>,
    pub(super) writes: Vec<RequestOp>,
    /// For each change: was anything written, and what was and is held of its facet.
    pub(super) answers: Vec<(bool, Option<Value>, Option<Value>)>,
}

/// The entries that a change reads or writes.
fn touched(change: &Change, now: UnixMillis) -> Vec<Key> {
    let asked = RefCell::new(vec![change.operation.facet()]);
    // Refused or not, it has asked for what it needs.
    let _ = change.operation.plan(
        |facet| {
            asked.borrow_mut().push(facet);
            None
        },
        now,
    );
    let mut keys: Vec<Key> = Vec::new();
    for facet in asked.into_inner() {
        if !keys.contains(&(change.subject, facet)) {
            keys.push((change.subject, facet));
        }
    }
    keys
}

/// Groups in order. No entry is touched twice within one: a transaction may put a key only once.
pub(crate) fn groups(changes: &[Change], now: UnixMillis) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut keys) = (0, HashSet::new());
    for (index, change) in changes.iter().enumerate() {
        let more = touched(change, now);
        let is_full = index - start >= GROUP_CHANGES || keys.len() + more.len() > GROUP_KEYS;
        if is_full || more.iter().any(|key| keys.contains(key)) {
            groups.push(start..index);
            start = index;
            keys.clear();
        }
        keys.extend(more);
    }
    if start < changes.len() {
        groups.push(start..changes.len());
    }
    groups
}

/// All entries that a group reads.
pub(super) fn keys_of(changes: &[Change], now: UnixMillis) -> Vec<Key> {
    changes.iter().flat_map(|change| touched(change, now)).collect()
}

/// # Errors
/// A change is refused: its place in the group, and why.
pub(super) fn plan(
    changes: &[Change],
    read: &Read,
    now: UnixMillis,
) -> Result<Planned, (usize, ChangeError)> {
    let mut planned = Planned {
        compares: Vec::new(),
        writes: Vec::new(),
        answers: Vec::with_capacity(changes.len()),
    };
    for (index, change) in changes.iter().enumerate() {
        let held = |facet| read.get(&(change.subject, facet)).copied();
        let writes = change.operation.plan(held, now).map_err(|error| (index, error))?;
        let facet = change.operation.facet();
        let before = held(facet).map(|held| held.entry.value());
        let mut after = before;
        for write in &writes {
            let key = keys::entry(change.subject, write.facet);
            match write.expected {
                Expected::Any => {}
                Expected::Absent => planned.compares.push(Compare::mod_revision(&key, 0)),
                Expected::Number(number) => {
                    let revision = i64::try_from(number).unwrap_or(i64::MAX);
                    planned.compares.push(Compare::mod_revision(&key, revision));
                }
            }
            planned.writes.push(match write.put {
                Some(value) => RequestOp::put(&key, &value.to_string()),
                None => RequestOp::delete(&key),
            });
            if write.facet == facet {
                after = write.put;
            }
        }
        planned.answers.push((!writes.is_empty(), before, after));
    }
    Ok(planned)
}

impl Planned {
    /// The answers, if it was written by this revision.
    pub(super) fn acknowledged(self, revision: i64) -> Vec<Acknowledged> {
        let revision = u64::try_from(revision).unwrap_or(0);
        let answer = |(has_changed, before, after): (bool, _, _)| Acknowledged {
            number: has_changed.then_some(revision),
            before,
            after,
        };
        self.answers.into_iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use accounts::{
        change::Operation,
        entry::{Cause, Entry, Member, Relation},
    };

    use super::*;

    const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    fn subject(number: u64) -> Subject {
        Subject::new(number).unwrap()
    }

    fn freeze(number: u64) -> Change {
        let (cause, relation) = (Cause::Hotline, Relation::ALL);
        let operation = Operation::Freeze { cause, relation, until: None };
        Change { subject: subject(number), operation }
    }

    fn bind(number: u64) -> Change {
        let operation = Operation::BindMember(Member::new(1).unwrap());
        Change { subject: subject(number), operation }
    }

    #[test]
    fn a_group_fits_into_a_transaction_and_touches_no_entry_twice() {
        let many: Vec<Change> = (1..=250).map(freeze).collect();
        assert_eq!(groups(&many, NOW), [0..100, 100..200, 200..250]);
        let binds: Vec<Change> = (1..=100).map(bind).collect();
        assert_eq!(groups(&binds, NOW), [0..60, 60..100]);
        assert_eq!(groups(&[freeze(1), bind(1), freeze(2), freeze(1)], NOW), [0..3, 3..4]);
        assert!(groups(&[], NOW).is_empty());
    }

    #[test]
    fn what_was_read_is_compared_by_its_number() {
        let lift = Operation::Lift { cause: Cause::Hotline, relation: Relation::ALL, freeze: None };
        let entry = Entry::parse("hotline.0", "-").unwrap();
        let read = Read::from([((subject(1), entry.facet()), Held { entry, number: 7 })]);
        let changes = [Change { subject: subject(1), operation: lift }, freeze(2), bind(3)];
        let planned = plan(&changes, &read, NOW).unwrap();
        let key = keys::entry(subject(1), entry.facet());
        assert_eq!(planned.compares[0], Compare::mod_revision(&key, 7));
        assert_eq!((planned.compares.len(), planned.writes.len()), (2, 3));
        let answers = planned.acknowledged(9);
        assert!(answers.iter().all(|answer| answer.number == Some(9)));
        assert!(answers[0].before.is_some() && answers[0].after.is_none());
    }
}
