//! The entries of one node, shared by its workers.

use std::{collections::VecDeque, hash::RandomState};

use dashmap::{DashMap, Entry as MapEntry};
use keyring::{pass::RedemptionId, time::UnixMillis};

use super::{
    budget::{Budget, NoRoom},
    entry::{Entry, Lookup, Request, State},
    facts::{ByMessage, Facts, Told},
    response::StoredResponse,
};
use crate::config::RetryConfig;

/// Parts of the map with a lock each. There are many, so that two workers seldom meet. A part that
/// grows then holds its lock for some thousand entries at most.
const PARTS: usize = 1_024;

/// Bytes that a stored answer costs beyond its own. These are its entry, its slot in a map at least
/// 7/16 full, and its place in a queue at least half full.
pub(super) const ENTRY_BYTES: usize =
    size_of::<Entry>() + (SLOT_BYTES * 16).div_ceil(7) + 2 * size_of::<Due>();
const SLOT_BYTES: usize = size_of::<(RedemptionId, Box<Entry>)>() + 1;

/// The outcomes of codes, for repeated requests. See [`super`].
///
/// No lock is held longer than it takes to read one entry, and none across an await: no guard
/// leaves this module.
#[derive(Debug)]
pub struct ResponseStore {
    records: DashMap<RedemptionId, Box<Entry>>,
    room: Budget,
    /// Empty but where the configuration has `[status]`. Locked only inside a lock of `records`, or
    /// without one.
    by_message: ByMessage,
}

/// What a request finds.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Begun {
    /// Nothing is known of its code. Its entry is placed now, and the caller must
    /// [`finish`](ResponseStore::finish) or [`forget`](ResponseStore::forget) it.
    First,
    /// It is not the first request with its code.
    Known(Lookup),
}

/// What one worker stored, in the order in which it expires. Not shared, so no lock is needed to
/// find expired entries.
#[derive(Debug, Default)]
pub(crate) struct ExpiryQueue(VecDeque<Due>);

#[derive(Debug)]
struct Due {
    until: UnixMillis,
    id: RedemptionId,
}

impl ResponseStore {
    /// Empty. The map's hash has a random key.
    pub fn new() -> Self {
        let records = DashMap::with_hasher_and_shard_amount(RandomState::new(), PARTS);
        Self { records, room: Budget::default(), by_message: ByMessage::default() }
    }

    /// Enters a request whose body is whole, before its code is redeemed.
    pub(crate) fn begin(&self, request: &Request, now: UnixMillis) -> Begun {
        match self.records.entry(request.id) {
            MapEntry::Vacant(place) => {
                place.insert(Box::new(Entry::running(request)));
                Begun::First
            }
            MapEntry::Occupied(found) => Begun::Known(found.get().look_up(request, now)),
        }
    }

    /// Keeps with a running entry what is told of its request.
    pub(crate) fn note(&self, id: &RedemptionId, facts: Facts) {
        if let Some(mut record) = self.records.get_mut(id) {
            self.by_message.insert(&facts, *id);
            record.facts = Some(Box::new(facts));
        }
    }

    /// What is known of a code, for a person who asks.
    pub(crate) fn tell(&self, id: &RedemptionId, now: UnixMillis) -> Option<Told> {
        let record = self.records.get(id)?;
        record.is_alive(now).then(|| record.tell())
    }

    /// The redemptions of a message that have an entry, the latest first.
    pub(crate) fn of_message(&self, institution: Option<&str>, msgid: &str) -> Vec<RedemptionId> {
        self.by_message.find(institution, msgid)
    }

    /// Whether anything is known of a code, so that it is worth reading the body.
    pub(crate) fn knows(&self, id: &RedemptionId, now: UnixMillis) -> bool {
        self.records.get(id).is_some_and(|record| record.is_alive(now))
    }

    /// What is known, for a request that cannot be a first one. `None` if nothing is known any
    /// more.
    pub(crate) fn recall(&self, request: &Request, now: UnixMillis) -> Option<Lookup> {
        let record = self.records.get(&request.id)?;
        record.is_alive(now).then(|| record.look_up(request, now))
    }

    /// The first request has its answer. Repetitions can get it from now on.
    ///
    /// # Errors
    /// There is no room. The entry is removed, and nothing is known of the code any more.
    pub(crate) fn finish(
        &self,
        id: &RedemptionId,
        answer: StoredResponse,
        shelf: &mut ExpiryQueue,
        bounds: &RetryConfig,
        now: UnixMillis,
    ) -> Result<(), NoRoom> {
        let mut record = self.records.get_mut(id).expect("a running record stays");
        assert!(matches!(record.state, State::Running), "a record is finished once");
        let bytes = ENTRY_BYTES + record.facts_bytes() + answer.len();
        match self.room.take(&record.caller, bytes, bounds) {
            Ok(()) => {
                let until = now.plus_ms(bounds.keep_ms);
                record.state = State::Finished { answer, until };
                shelf.0.push_back(Due { until, id: *id });
                Ok(())
            }
            Err(no_room) => {
                drop(record);
                self.forget(id);
                Err(no_room)
            }
        }
    }

    /// The request that was first leaves no answer.
    pub(crate) fn forget(&self, id: &RedemptionId) {
        self.records.remove_if(id, |_, record| {
            let is_running = matches!(record.state, State::Running);
            if is_running {
                self.drop_facts(id, record);
            }
            is_running
        });
    }

    /// Removes at most `most` expired entries of a worker. Returns whether there was any.
    pub(crate) fn expire(&self, shelf: &mut ExpiryQueue, most: usize, now: UnixMillis) -> bool {
        for removed in 0..most {
            let Some(due) = shelf.0.pop_front_if(|due| due.until <= now) else {
                return removed > 0;
            };
            let removed = self.records.remove_if(&due.id, |id, record| {
                self.drop_facts(id, record);
                true
            });
            let (_, record) = removed.expect("a stored record stays until here");
            let State::Finished { answer, .. } = &record.state else {
                unreachable!("what is on a shelf is finished")
            };
            let bytes = ENTRY_BYTES + record.facts_bytes() + answer.len();
            self.room.give_back(&record.caller, bytes);
        }
        most > 0
    }

    /// Its message no longer leads to it. Inside the entry's lock, so that no new entry of the same
    /// code is meant.
    fn drop_facts(&self, id: &RedemptionId, record: &Entry) {
        if let Some(facts) = &record.facts {
            self.by_message.remove(facts, id);
        }
    }

    /// Answers that are stored.
    pub fn entries(&self) -> usize {
        self.room.entries()
    }

    /// Bytes of memory that they take.
    pub fn bytes(&self) -> usize {
        self.room.bytes()
    }

    #[cfg(test)]
    pub(super) fn has_messages(&self) -> bool {
        !self.by_message.is_empty()
    }

    #[cfg(test)]
    pub(super) fn records(&self) -> usize {
        self.records.len()
    }
}

impl Default for ResponseStore {
    fn default() -> Self {
        Self::new()
    }
}
