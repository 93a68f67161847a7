//! The table: one in use, and one beside it while everything is loaded.

use std::{
    hash::{BuildHasherDefault, Hasher},
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use dashmap::{DashMap, mapref::entry::Entry as Slot};
use keyring::code::Subject;

use super::{Words, screen::Screen};
use crate::{
    entry::{Entry, Facet, facet_of},
    limits::{FULL_PERCENT, PARTS},
    verdict::{Claim, Weighed, weigh},
};

/// By a part of the hash, each part has a lock of its own.
pub(super) type People = DashMap<Subject, Words, BuildHasherDefault<Mix>>;

/// What an entry does: it freezes, says that an enrolment is pending, removes or binds a member, or
/// unbinds a device.
const STATES: [&str; 5] = ["frozen", "pending", "removed", "bound", "unbound"];

/// Who is listed, and by what.
pub struct Table {
    screen: Screen,
    people: People,
    listed: AtomicI64,
    /// Entries by what they do, in the order of [`STATES`].
    states: [AtomicI64; STATES.len()],
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
    /// An empty one, with the memory for `capacity` people: 27 to 52 bytes each.
    ///
    /// The map has a power of two of places, 25 bytes each, at most 7/8 of them taken. It is made
    /// for 7/8 of the capacity: so there are at most two places for a person of the capacity, and
    /// seldom does a part grow before 85 %, from where on no person is added.
    pub fn new(capacity: usize) -> Self {
        let reserved = capacity - capacity / 8;
        let hasher = BuildHasherDefault::default();
        let people = DashMap::with_capacity_and_hasher_and_shard_amount(reserved, hasher, PARTS);
        Self {
            screen: Screen::new(capacity),
            people,
            listed: AtomicI64::new(0),
            states: Default::default(),
            capacity,
            is_lacking: false.into(),
        }
    }

    /// Puts what holds of the facet now. One thread at a time changes a table.
    ///
    /// # Errors
    /// The person is one too many. The entry is not held then, so nothing may be admitted.
    pub fn set(&self, subject: Subject, facet: Facet, entry: Option<Entry>) -> Result<(), Full> {
        self.put(subject, facet.number(), entry.map(Entry::word))
    }

    /// Puts the words of many people, of a load. It goes part by part: a part fits into the
    /// processor's cache, and the whole map does not.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub(crate) fn fill(&self, words: &mut [(Subject, u64)]) -> Result<(), Full> {
        // The order of the map's parts: it leaves out the seven highest bits.
        words.sort_unstable_by_key(|(subject, _)| hash(subject.get()) << 7);
        words.iter().try_for_each(|&(subject, word)| self.put(subject, facet_of(word), Some(word)))
    }

    fn put(&self, subject: Subject, facet: u16, word: Option<u64>) -> Result<(), Full> {
        match self.people.entry(subject) {
            Slot::Occupied(mut slot) => {
                let was_held = slot.get().as_slice().iter().any(|word| facet_of(*word) == facet);
                self.count(facet, i64::from(word.is_some()) - i64::from(was_held));
                match slot.get().with(facet, word) {
                    Some(words) => {
                        slot.insert(words);
                    }
                    None => {
                        slot.remove();
                        self.listed.fetch_sub(1, Ordering::Relaxed);
                    }
                }
            }
            Slot::Vacant(slot) => {
                let Some(word) = word else { return Ok(()) };
                if self.listed() >= self.capacity {
                    self.is_lacking.store(true, Ordering::Release);
                    return Err(Full { capacity: self.capacity });
                }
                slot.insert(Words::One(word));
                self.screen.add(hash(subject.get()));
                self.listed.fetch_add(1, Ordering::Relaxed);
                self.count(facet, 1);
            }
        }
        Ok(())
    }

    fn count(&self, facet: u16, more: i64) {
        if let Some(entries) = self.states.get(Facet::state_of(facet)) {
            entries.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// How many entries there are of each kind: the label `state` of `yanma_accounts_entries`.
    pub fn states(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let number = |entries: &AtomicI64| usize::try_from(entries.load(Ordering::Relaxed));
        STATES.into_iter().zip(&self.states).map(move |(name, n)| (name, number(n).unwrap_or(0)))
    }

    /// Brings the person's line of the screen near.
    #[inline]
    pub fn prefetch(&self, subject: Subject) {
        self.screen.prefetch(hash(subject.get()));
    }

    /// What is held for the person, as far as it goes by the claim; `None`: nothing at all.
    #[inline]
    pub(crate) fn weigh(&self, claim: &Claim) -> Option<Weighed> {
        let is_unknown = !self.screen.may_hold(hash(claim.subject.get()));
        if is_unknown { None } else { self.weigh_listed(claim) }
    }

    #[inline(never)]
    fn weigh_listed(&self, claim: &Claim) -> Option<Weighed> {
        self.people.get(&claim.subject).map(|words| weigh(words.as_slice(), claim))
    }

    /// Is something held for the person?
    pub fn is_listed(&self, subject: Subject) -> bool {
        self.people.contains_key(&subject)
    }

    pub(super) fn people(&self) -> &People {
        &self.people
    }

    /// People of whom something is held.
    pub fn listed(&self) -> usize {
        usize::try_from(self.listed.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// From now on changes are refused: 85 % of the capacity is in use.
    pub fn is_nearly_full(&self) -> bool {
        !self.has_room_for(1)
    }

    /// May so many people be added?
    pub fn has_room_for(&self, people: usize) -> bool {
        let listed = self.listed().saturating_add(people);
        listed.saturating_mul(100) <= self.capacity.saturating_mul(FULL_PERCENT)
    }

    /// Does it hold all that was put?
    ///
    /// # Errors
    /// There was no room for an entry.
    pub fn check_whole(&self) -> Result<(), Full> {
        let is_lacking = self.is_lacking.load(Ordering::Acquire);
        if is_lacking { Err(Full { capacity: self.capacity }) } else { Ok(()) }
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
pub(super) struct Mix(u64);

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
        let words = table.people.get(&Subject::new(subject).unwrap());
        words.map_or(0, |words| words.as_slice().len())
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
    fn a_load_in_any_order_holds_all() {
        let table = Table::new(5_000);
        let [hold, since] = [("holder.0", "-"), ("since.1", "9")]
            .map(|(facet, value)| Entry::parse(facet, value).unwrap().word());
        let subjects = (1..=5_000).map(|subject| Subject::new(subject).unwrap());
        let mut words: Vec<_> =
            subjects.flat_map(|subject| [(subject, hold), (subject, since)]).collect();
        table.fill(&mut words).unwrap();
        assert_eq!(table.listed(), 5_000);
        assert!((1..=5_000).all(|subject| held(&table, subject) == 2));
        let other = Subject::new(5_001).unwrap();
        assert!(table.fill(&mut [(other, hold)]).is_err());
    }

    #[test]
    fn entries_are_counted_by_what_they_do() {
        let table = Table::new(100);
        let put = |subject, facet, value| set(&table, subject, facet, value).unwrap();
        put(1, "holder.0", Some("-"));
        put(1, "holder.0", Some("2026-12-12"));
        put(1, "pending.5", Some("-"));
        put(1, "removed.1", Some("-"));
        put(2, "since.5", Some("7"));
        put(2, "floor.wechat", Some("3 7"));
        put(2, "hotline.5", None);
        let counts: Vec<usize> = table.states().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 1, 1, 1, 1]);
        put(1, "holder.0", None);
        put(2, "floor.wechat", None);
        put(2, "since.5", None);
        assert_eq!(table.states().map(|(_, count)| count).collect::<Vec<_>>(), [0, 1, 1, 0, 0]);
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
        assert!(table.check_whole().is_err());
    }
}
