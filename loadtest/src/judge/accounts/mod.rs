//! The people of a run whose accounts are changed: what was done to each, and what they were
//! answered.
//!
//! The lock is taken by changes and by requests of these people alone. A run without them never
//! takes it.

mod counts;
mod person;

use std::collections::{BTreeMap, VecDeque};
#[expect(clippy::disallowed_types, reason = "no gateway: only people of changes come here")]
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::counts::{AccountCounts, ChangeCount};
pub use self::person::CHANNELS;
use self::person::Person;
use crate::judge::law::account::{Change, Operation, Shown, Standing, Voucher};
use crate::judge::outcome::{Answer, Outcome};
use crate::judge::redemption::Redemption;
use crate::rng::Rng;

/// How many late approvals are described.
const EXAMPLES_MAX: usize = 5;

/// All people of a run whose accounts are changed. Load threads and writers write to it at once.
#[derive(Default)]
#[expect(clippy::disallowed_types, reason = "see above")]
pub struct Accounts(Mutex<Book>);

#[derive(Default)]
struct Book {
    people: Vec<Person>,
    first_subject: u64,
    stale_ns: u64,
    /// The newest changes: when each was first sent, and whose account it changes.
    newest: VecDeque<(u64, usize)>,
    made: u64,
    doubts: Vec<Doubt>,
    counts: AccountCounts,
}

/// A request whose answer does not say whether it was forwarded.
struct Doubt {
    /// The number of its code in the ledger.
    number: u64,
    must_be_refused: bool,
}

/// A change that was sent.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ChangeId {
    person: usize,
    number: u64,
}

impl Accounts {
    /// So many people, whose subjects begin at `first_subject`. Nothing was done to them yet.
    pub fn new(people: usize, first_subject: u64, stale_ns: u64) -> Self {
        let people = (0..people).map(|_| Person::default()).collect();
        #[expect(clippy::disallowed_types, reason = "see above")]
        let book = Mutex::new(Book { people, first_subject, stale_ns, ..Book::default() });
        Self(book)
    }

    /// The subject of a person.
    pub fn subject(&self, person: usize) -> u64 {
        self.book().subject(person)
    }

    /// How many people there are.
    pub fn people(&self) -> usize {
        self.book().people.len()
    }

    /// Draws the person of a code that this channel shows, and the epoch of its device. Half of all
    /// codes are of people with a change of the last moments, first of those where no refusal was
    /// seen yet. `None` if there are no people.
    pub fn draw(&self, channel: usize, now_ns: u64, rng: &mut Rng) -> Option<Voucher> {
        let mut book = self.book();
        let since_ns = now_ns.saturating_sub(2 * book.stale_ns);
        while book.newest.front().is_some_and(|(sent_ns, _)| *sent_ns < since_ns) {
            book.newest.pop_front();
        }
        let newest = book.newest.get(rng.place(book.newest.len())).filter(|_| rng.below(2) == 0);
        let unproven = book.newest.iter().find_map(|(_, person)| {
            let epoch = book.people.get(*person)?.unproven(channel)?;
            Some(Voucher { person: *person, channel, epoch, minted_from_ns: None })
        });
        if let (Some(_), Some(unproven)) = (newest, unproven) {
            return Some(unproven);
        }
        let person = newest.map_or_else(|| rng.place(book.people.len()), |(_, person)| *person);
        let epoch = book.people.get(person)?.draw_epoch(channel, rng);
        Some(Voucher { person, channel, epoch, minted_from_ns: None })
    }

    /// The epoch that the next unbind of a person's device names.
    pub fn next_epoch(&self, person: usize, channel: usize) -> u16 {
        self.book().people.get(person).map_or(1, |person| person.next_epoch(channel))
    }

    /// Notes that a change is about to be sent for the first time.
    pub fn begin(&self, person: usize, operation: Operation, now_ns: u64) -> ChangeId {
        let mut book = self.book();
        book.made += 1;
        let number = book.made;
        if let Some(person) = book.people.get_mut(person) {
            person.begin(number, operation, now_ns);
        }
        book.newest.push_back((now_ns, person));
        ChangeId { person, number }
    }

    /// Notes that a change was acknowledged.
    pub fn acknowledge(&self, id: ChangeId, now_ns: u64) {
        let mut book = self.book();
        let Some(noted) = book.people.get_mut(id.person).and_then(|p| p.noted(id.number)) else {
            return;
        };
        noted.change.acknowledged_ns = Some(now_ns);
        let (operation, took_ns) = (noted.change.operation, now_ns - noted.change.sent_ns);
        let counts = &mut book.counts;
        counts.to_acknowledgement_ns.push(took_ns);
        counts.with(operation, |count| count.acknowledged += 1);
    }

    /// Notes that a change was sent and not acknowledged. It may hold, and is sent again.
    pub fn doubt_change(&self, id: ChangeId) {
        let mut book = self.book();
        let Some(noted) = book.people.get_mut(id.person).and_then(|p| p.noted(id.number)) else {
            return;
        };
        let operation = noted.change.operation;
        if !std::mem::replace(&mut noted.was_in_doubt, true) {
            book.counts.with(operation, |count| count.may_hold += 1);
        }
    }

    /// Notes that a change was refused for sure, so that it was never made.
    pub fn withdraw(&self, id: ChangeId) {
        let mut book = self.book();
        if let Some(person) = book.people.get_mut(id.person) {
            person.withdraw(id.number);
        }
    }

    /// Counts something that a writer met.
    pub fn count(&self, note: impl FnOnce(&mut AccountCounts)) {
        note(&mut self.book().counts);
    }

    /// What the changes of a person mean for a request.
    pub fn standing(&self, shown: &Shown) -> Standing {
        let book = self.book();
        let person = book.people.get(shown.voucher.person);
        person.map(|person| person.standing(shown, book.stale_ns)).unwrap_or_default()
    }

    /// Notes an answer to a request of one of these people.
    pub fn note_answer(&self, shown: &Shown, standing: &Standing, told: &Told) {
        self.book().note_answer(shown, standing, told);
    }

    /// Notes a request whose answer does not say whether it was forwarded, by the number of its
    /// code in the ledger.
    pub fn doubt(&self, number: u64, standing: &Standing) {
        let must_be_refused = standing.must_be_refused;
        self.book().doubts.push(Doubt { number, must_be_refused });
    }

    /// What is known of all of them, when nothing can arrive any more. `is_forwarded` says of a
    /// code's number whether it reached the backend and no sender was told so.
    pub fn counts(&self, is_forwarded: impl Fn(u64) -> bool) -> AccountCounts {
        let book = self.book();
        let mut counts = AccountCounts { people: book.people.len(), ..book.counts.clone() };
        book.people.iter().for_each(|person| person.add_to(&mut counts));
        // Of several requests with one code, any may be the one that was forwarded.
        let mut are_late = BTreeMap::new();
        for doubt in &book.doubts {
            *are_late.entry(doubt.number).or_insert(true) &= doubt.must_be_refused;
        }
        let late = are_late.iter().filter(|(number, is_late)| **is_late && is_forwarded(**number));
        counts.late_unanswered = u64::try_from(late.count()).unwrap_or(u64::MAX);
        counts
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Every step leaves counts that can be read.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer to a request of one of these people.
#[derive(Copy, Clone, Debug)]
pub struct Told {
    /// The answer.
    pub answer: Answer,
    /// The code or pass that was shown.
    pub redemption: Option<Redemption>,
    /// The code had been refused before.
    pub is_again: bool,
}

impl Book {
    fn subject(&self, person: usize) -> u64 {
        self.first_subject + u64::try_from(person).unwrap_or(0)
    }

    fn note_answer(&mut self, shown: &Shown, standing: &Standing, told: &Told) {
        let Told { answer, redemption, is_again } = *told;
        match answer.outcome {
            Outcome::Approved if answer.is_replayed => {}
            Outcome::Approved => {
                self.counts.approved += 1;
                self.counts.given_back += u64::from(is_again);
                self.note_approval(shown, standing, redemption);
            }
            Outcome::AccountFrozen => {
                self.counts.frozen += 1;
                self.note_refusal(shown, standing.may_be_frozen, |one| one.operation.is_of_hold());
            }
            Outcome::DeviceUnbound => {
                self.counts.unbound += 1;
                let voucher = shown.voucher;
                self.note_refusal(shown, standing.may_be_unbound, |one| one.may_unbind(&voucher));
            }
            _ => {}
        }
    }

    fn note_approval(&mut self, shown: &Shown, standing: &Standing, code: Option<Redemption>) {
        let Some(refused_for_ns) = standing.refused_for_ns else { return };
        if !standing.must_be_refused {
            self.counts.within_promise_ns.push(refused_for_ns);
            return;
        }
        self.counts.late += 1;
        if self.counts.examples.len() < EXAMPLES_MAX {
            let subject = self.subject(shown.voucher.person);
            let code = code.map_or_else(String::new, |code| format!(", code or pass {code},"));
            self.counts.examples.push(format!(
                "subject {subject}{code} was approved, sent {} ms after the acknowledgement of what \
                 refuses it",
                refused_for_ns / 1_000_000
            ));
        }
    }

    fn note_refusal(&mut self, shown: &Shown, has_cause: bool, is_cause: impl Fn(&Change) -> bool) {
        if !has_cause {
            self.counts.without_cause += 1;
        } else if let Some(person) = self.people.get_mut(shown.voucher.person) {
            person.note_first_refusal(shown.answered_ns, is_cause);
        }
    }
}

#[cfg(test)]
mod tests;
