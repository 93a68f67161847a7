//! The passes of a run: where each stands in the ledger, and the calls that opened it.
//!
//! A pass's id is random, so it is found by a map. The lock is taken by the calls of visits alone,
//! and a run without visits never takes it.

use std::collections::HashMap;
#[expect(clippy::disallowed_types, reason = "no gateway: only calls of visits come here")]
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::judge::redemption::Redemption;

/// All passes of a run. Load threads and backend write to it at once.
#[derive(Default)]
#[expect(clippy::disallowed_types, reason = "see above")]
pub struct Passes(Mutex<Book>);

#[derive(Default)]
struct Book {
    known: HashMap<Redemption, Pass>,
    counts: PassCounts,
}

/// One pass.
struct Pass {
    /// Its number in the ledger.
    number: u64,
    checks_sent: u64,
    checks_approved: u64,
    checks_arrived: u64,
}

/// What is known of all passes together.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct PassCounts {
    /// Passes that were handed out.
    pub handed_out: u64,
    /// Passes that were handed out for a second code.
    pub handed_out_twice: u64,
    /// Calls that opened a pass and reached the backend.
    pub checks_arrived: u64,
    /// Approved calls that opened a pass, and that the backend never saw.
    pub checks_not_arrived: u64,
    /// Calls that opened a pass and reached the backend more often than they were sent.
    pub checks_never_sent: u64,
    /// Calls that only opened a pass and told the backend that it was spent.
    pub checks_that_spent: u64,
}

impl Passes {
    /// Enters a pass that was handed out, with its number in the ledger.
    pub fn enter(&self, pass: Redemption, number: u64) {
        let mut book = self.book();
        let fresh = Pass { number, checks_sent: 0, checks_approved: 0, checks_arrived: 0 };
        match book.known.insert(pass, fresh) {
            None => book.counts.handed_out += 1,
            Some(_) => book.counts.handed_out_twice += 1,
        }
    }

    /// The number of a pass in the ledger; `None` if it is none of this run.
    pub fn number(&self, pass: &Redemption) -> Option<u64> {
        self.book().known.get(pass).map(|pass| pass.number)
    }

    /// Notes a call that opens a pass.
    pub fn send_check(&self, pass: &Redemption) {
        self.with(pass, |pass| pass.checks_sent += 1);
    }

    /// Notes that such a call was approved.
    pub fn approve_check(&self, pass: &Redemption) {
        self.with(pass, |pass| pass.checks_approved += 1);
    }

    /// Notes that such a call reached the backend. Returns whether the pass is one of this run.
    pub fn arrive_check(&self, pass: &Redemption) -> bool {
        self.with(pass, |pass| pass.checks_arrived += 1)
    }

    /// Notes that such a call told the backend that something was spent.
    pub fn note_check_that_spent(&self) {
        self.book().counts.checks_that_spent += 1;
    }

    /// What is known of all of them, when nothing can arrive any more.
    pub fn counts(&self) -> PassCounts {
        let book = self.book();
        let mut counts = book.counts;
        for pass in book.known.values() {
            counts.checks_arrived += pass.checks_arrived;
            counts.checks_not_arrived += pass.checks_approved.saturating_sub(pass.checks_arrived);
            counts.checks_never_sent += pass.checks_arrived.saturating_sub(pass.checks_sent);
        }
        counts
    }

    fn with(&self, pass: &Redemption, note: impl FnOnce(&mut Pass)) -> bool {
        self.book().known.get_mut(pass).map(note).is_some()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Counts stay whole, because no step between them can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
