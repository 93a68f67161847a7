//! The table: one in use, and one beside it while everything is loaded.

use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use dashmap::{DashMap, mapref::entry::Entry as Slot, mapref::one::Ref};
use keyring::code::Subject;

use super::{Words, screen::Screen};
use crate::{
    entry::{Entry, Facet},
    limits::{FULL_PERCENT, PARTS},
};

/// Who is listed, and by what.
pub struct Table {
    screen: Screen,
    people: DashMap<Subject, Words, BuildHasherDefault<Mix>>,
    listed: AtomicI64,
    capacity: usize,
    /// An entry was not held. It stays so: only a larger table can be taken at its word.
    is_lacking: AtomicBool,
}

/// The table has no room for another person.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("account states of more people than `capacity` ({capacity}); allowed: a larger `capacity`")]
pub struct Full {
    capacity: usize,
}

impl Table {
    /// An empty one, with the memory for `capacity` people: about 50 bytes each.
    pub fn new(capacity: usize) -> Self {
        let hasher = BuildHasherDefault::default();
        let people = DashMap::with_capacity_and_hasher_and_shard_amount(capacity, hasher, PARTS);
        Self {
            screen: Screen::new(capacity),
            people,
            listed: AtomicI64::new(0),
            capacity,
            is_lacking: false.into(),
        }
    }

    /// Puts what holds of the facet now. One thread at a time changes a table.
    ///
    /// # Errors
    /// The person is one too many. The entry is not held then, so nothing may be admitted.
    pub fn set(&self, subject: Subject, facet: Facet, entry: Option<Entry>) -> Result<(), Full> {
        let word = entry.map(Entry::word);
        match self.people.entry(subject) {
            Slot::Occupied(mut slot) => match slot.get().with(facet.number(), word) {
                Some(words) => {
                    slot.insert(words);
                }
                None => {
                    slot.remove();
                    self.listed.fetch_sub(1, Ordering::Relaxed);
                }
            },
            Slot::Vacant(slot) => {
                let Some(word) = word else { return Ok(()) };
                if self.listed() >= self.capacity {
                    self.is_lacking.store(true, Ordering::Release);
                    return Err(Full { capacity: self.capacity });
                }
                slot.insert(Words::One(word));
                self.screen.add(hash(subject.get()));
                self.listed.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Brings the person's line of the screen near.
    pub fn prefetch(&self, subject: Subject) {
        self.screen.prefetch(hash(subject.get()));
    }

    #[inline]
    pub(crate) fn find(&self, subject: Subject) -> Option<Ref<'_, Subject, Words>> {
        if self.screen.may_hold(hash(subject.get())) { self.people.get(&subject) } else { None }
    }

    /// People of whom something is held.
    pub fn listed(&self) -> usize {
        usize::try_from(self.listed.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// From now on changes are refused: 85 % of the capacity is in use.
    pub fn is_nearly_full(&self) -> bool {
        self.listed().saturating_mul(100) >= self.capacity.saturating_mul(FULL_PERCENT)
    }

    /// Was there no room for an entry?
    pub fn is_lacking(&self) -> bool {
        self.is_lacking.load(Ordering::Acquire)
    }

    /// Of how many people.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The screen's memory in bytes.
    pub fn screen_bytes(&self) -> usize {
        self.screen.bytes()
    }
}

/// MurmurHash3's finalizer (Appleby 2011): each bit of the subject reaches each bit of the hash.
#[inline]
pub(crate) fn hash(subject: u64) -> u64 {
    let mut x = subject;
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// The map's hasher: [`hash`] of one number.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = hash(self.0 ^ number);
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use super::*;

    fn set(table: &Table, subject: u64, facet: &str, value: Option<&str>) -> Result<(), Full> {
        let entry = value.map(|value| Entry::parse(facet, value).unwrap());
        table.set(Subject::new(subject).unwrap(), facet.parse().unwrap(), entry)
    }

    fn held(table: &Table, subject: u64) -> usize {
        table.find(Subject::new(subject).unwrap()).map_or(0, |words| words.as_slice().len())
    }

    #[test]
    fn a_person_has_one_word_for_each_facet() {
        let table = Table::new(100);
        set(&table, 42, "holder.0", Some("-")).unwrap();
        set(&table, 42, "holder.0", Some("2026-12-12")).unwrap();
        assert_eq!(held(&table, 42), 1);
        set(&table, 42, "removed.1", Some("-")).unwrap();
        assert_eq!((held(&table, 42), table.listed()), (2, 1));
        set(&table, 42, "holder.0", None).unwrap();
        set(&table, 42, "removed.1", None).unwrap();
        assert_eq!((held(&table, 42), table.listed()), (0, 0));
        assert!(size_of::<(Subject, Words)>() == 24, "a word costs no more than its box");
    }

    #[test]
    fn a_full_table_says_so_and_still_changes_whom_it_holds() {
        let table = Table::new(100);
        (1..=84).for_each(|subject| set(&table, subject, "holder.0", Some("-")).unwrap());
        assert!(!table.is_nearly_full());
        set(&table, 85, "holder.0", Some("-")).unwrap();
        assert!(table.is_nearly_full());
        (86..=100).for_each(|subject| set(&table, subject, "holder.0", Some("-")).unwrap());
        assert_eq!(set(&table, 101, "holder.0", Some("-")), Err(Full { capacity: 100 }));
        assert_eq!(set(&table, 100, "holder.1", Some("-")), Ok(()));
        assert_eq!(set(&table, 101, "holder.0", None), Ok(()));
    }
}
