//! Messages of a watch as changes: what each revision of the store put and deleted.

use accounts::entry::{Entry, Facet};
use keyring::code::Subject;

use crate::{
    history::Place,
    keys::{self, ForeignEntry},
    messages::{Event, EventKind, KeyValue},
    random_id::{NoRandomId, RandomId},
};

/// What one revision did.
pub(super) struct Revision {
    pub(super) number: i64,
    /// `None`: a change that is none of this program's.
    pub(super) change: Option<Place>,
    /// `Some(None)`: it was deleted.
    pub(super) life: Option<Option<RandomId>>,
    pub(super) entries: Vec<(Subject, Facet, Option<Entry>)>,
}

/// A revision that is not of this program's form, in words for the operator.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum ForeignRevision {
    #[error(transparent)]
    Entry(#[from] ForeignEntry),
    #[error("the value of {key} {why}")]
    Value { key: &'static str, why: NoRandomId },
}

/// The revisions of a message, in order. What revisions up to `applied` did is not looked at: it is
/// in the table already, and may have been mended since.
///
/// # Errors
/// One is not of this program's form.
pub(super) fn revisions(
    events: Vec<Event>,
    applied: i64,
) -> Result<Vec<Revision>, ForeignRevision> {
    let mut revisions: Vec<Revision> = Vec::new();
    for event in events {
        let is_put = event.kind == i32::from(EventKind::Put);
        let kv = event.kv.unwrap_or_default();
        let number = kv.mod_revision;
        if revisions.last().is_none_or(|last| last.number != number) {
            revisions.push(Revision { number, change: None, life: None, entries: Vec::new() });
        }
        if let Some(revision) = revisions.last_mut() {
            revision.take(&kv, is_put, number <= applied)?;
        }
    }
    Ok(revisions)
}

impl Revision {
    fn take(
        &mut self,
        kv: &KeyValue,
        is_put: bool,
        is_applied: bool,
    ) -> Result<(), ForeignRevision> {
        if keys::is_entry(&kv.key) {
            if is_applied {
                return Ok(());
            }
            let (subject, facet, entry) = if is_put {
                let (subject, entry) = keys::parse_entry(kv)?;
                (subject, entry.facet(), Some(entry))
            } else {
                let (subject, facet) = keys::parse_key(kv)?;
                (subject, facet, None)
            };
            self.entries.push((subject, facet, entry));
        } else if kv.key == keys::HEAD.as_bytes() && is_put {
            let nonce = id(keys::HEAD, kv)?;
            let version = u64::try_from(kv.version).unwrap_or(0);
            self.change = Some(Place { version, revision: kv.mod_revision, nonce });
        } else if kv.key == keys::LIFE.as_bytes() && !is_applied {
            self.life = Some(if is_put { Some(id(keys::LIFE, kv)?) } else { None });
        }
        Ok(())
    }
}

fn id(key: &'static str, kv: &KeyValue) -> Result<RandomId, ForeignRevision> {
    RandomId::from_bytes(&kv.value).map_err(|why| ForeignRevision::Value { key, why })
}
