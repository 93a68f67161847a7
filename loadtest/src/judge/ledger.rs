//! One byte for every code of a run. It says how often the code reached the backend, how often its
//! sender was told that it passed, and what else the judge needs.
//!
//! A code's serial is the run's random base plus its sequence number. So the backend finds its byte
//! without a map, and sees which redemptions are no codes of this run. A pass has such a byte too,
//! which is found by the pass's id.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::judge::accounts::{AccountCounts, Accounts};
use crate::judge::law::account::Standing;
use crate::judge::passes::{PassCounts, Passes};
use crate::judge::redemption::{Redemption, Spendable};

/// Codes of a chunk, which is allocated when its first code is made.
const CHUNK: u64 = 1 << 18;
/// Chunks at most: about a billion codes.
const CHUNKS: usize = 1 << 12;

const ARRIVED: Field = Field { shift: 0 };
const APPROVED: Field = Field { shift: 2 };
/// An answer was lost, or said that the outcome is unknown.
const UNKNOWN: u8 = 1 << 4;
/// The code may reach the backend, once.
const MAY_ARRIVE: u8 = 1 << 5;
/// A sender was told that the code did not pass.
const REFUSED: u8 = 1 << 6;
/// A sender got a stored answer that it passed.
const REPLAYED: u8 = 1 << 7;

/// Two bits of an entry: a count that stops at 3.
#[derive(Copy, Clone)]
struct Field {
    shift: u8,
}

/// What happened to all codes of a run. Load threads and backend write to it at once.
pub struct Ledger {
    base: u64,
    next: AtomicU64,
    chunks: Box<[OnceLock<Box<[AtomicU8]>>]>,
    strays: AtomicU64,
    arrived: AtomicU64,
    passes: Passes,
    accounts: Accounts,
}

/// What happened to one code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Entry(u8);

/// A code's number within its run.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Sequence(u64);

impl Ledger {
    /// An empty ledger; serials start at `base`.
    pub fn new(base: u64) -> Self {
        Self::with_accounts(base, Accounts::default())
    }

    /// The same, with people whose accounts are changed.
    pub fn with_accounts(base: u64, accounts: Accounts) -> Self {
        let chunks = (0..CHUNKS).map(|_| OnceLock::new()).collect();
        let [next, strays, arrived] = [const { AtomicU64::new(0) }; 3];
        Self { base, next, chunks, strays, arrived, passes: Passes::default(), accounts }
    }

    /// Enters a new code. Returns its number and its serial.
    ///
    /// # Panics
    /// After a billion codes.
    pub fn enter(&self, may_arrive: bool) -> (Sequence, u64) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = self.entry(number).expect("a run has at most a billion codes");
        entry.store(if may_arrive { MAY_ARRIVE } else { 0 }, Ordering::Release);
        (Sequence(number), self.base.wrapping_add(number))
    }

    /// Enters a pass that was handed out, and returns its number.
    pub fn enter_pass(&self, pass: Redemption) -> Sequence {
        let (sequence, _) = self.enter(true);
        self.passes.enter(pass, sequence.0);
        sequence
    }

    /// The passes of this run.
    pub fn passes(&self) -> &Passes {
        &self.passes
    }

    /// What is known of all passes together.
    pub fn pass_counts(&self) -> PassCounts {
        self.passes.counts()
    }

    /// The people whose accounts are changed.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Notes a request of such a person whose answer does not say whether it was forwarded.
    pub fn doubt(&self, Sequence(number): Sequence, standing: &Standing) {
        self.accounts.doubt(number, standing);
    }

    /// What is known of these people together.
    pub fn account_counts(&self) -> AccountCounts {
        let known = |number| Some(Entry(self.entry(number)?.load(Ordering::Acquire)));
        let is_untold = |entry: Entry| entry.arrivals() > 0 && entry.approvals() == 0;
        self.accounts.counts(|number| known(number).is_some_and(is_untold))
    }

    /// Notes that the backend received a call that only opens this pass.
    pub fn arrive_check(&self, pass: Option<&[u8]>, redemption: Option<&[u8]>) {
        if redemption.is_some() {
            self.passes.note_check_that_spent();
        }
        let pass = pass.and_then(Redemption::parse);
        if !pass.is_some_and(|pass| self.passes.arrive_check(&pass)) {
            self.strays.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that the backend received a request with this redemption.
    pub fn arrive(&self, redemption: Option<&[u8]>) {
        match redemption.and_then(Redemption::parse).and_then(|spent| self.made(&spent)) {
            Some(entry) => {
                ARRIVED.increment(entry);
                self.arrived.fetch_add(1, Ordering::Relaxed);
            }
            None => drop(self.strays.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Notes that a sender was told that the code passed.
    pub fn approve(&self, Sequence(number): Sequence) {
        if let Some(entry) = self.entry(number) {
            APPROVED.increment(entry);
        }
    }

    /// Notes that a sender got a stored answer that the code passed.
    pub fn replay(&self, code: Sequence) {
        self.mark(code, REPLAYED);
    }

    /// Notes that a sender was told that the code did not pass.
    pub fn refuse(&self, code: Sequence) {
        self.mark(code, REFUSED);
    }

    /// Notes that a sender does not know whether the code passed.
    pub fn lose(&self, code: Sequence) {
        self.mark(code, UNKNOWN);
    }

    /// Every code that was made, and every pass.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let made = self.next.load(Ordering::Acquire);
        (0..made).filter_map(|number| self.entry(number)).map(|e| Entry(e.load(Ordering::Acquire)))
    }

    /// Arrivals that were no code of this run.
    pub fn strays(&self) -> u64 {
        self.strays.load(Ordering::Acquire)
    }

    /// Arrivals of codes of this run.
    pub fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    fn mark(&self, Sequence(number): Sequence, mark: u8) {
        if let Some(entry) = self.entry(number) {
            entry.fetch_or(mark, Ordering::AcqRel);
        }
    }

    fn made(&self, spent: &Redemption) -> Option<&AtomicU8> {
        let number = match spent.what {
            Spendable::Code => spent.serial.wrapping_sub(self.base),
            Spendable::Pass => self.passes.number(spent)?,
        };
        if number >= self.next.load(Ordering::Acquire) {
            return None;
        }
        self.entry(number)
    }

    fn entry(&self, number: u64) -> Option<&AtomicU8> {
        let chunk = self.chunks.get(usize::try_from(number / CHUNK).ok()?)?;
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| AtomicU8::new(0)).collect());
        chunk.get(usize::try_from(number % CHUNK).ok()?)
    }
}

impl Entry {
    /// How often it reached the backend; 3 stands for more.
    pub fn arrivals(self) -> u8 {
        ARRIVED.of(self.0)
    }

    /// How often a sender was told that it passed; 3 stands for more.
    pub fn approvals(self) -> u8 {
        APPROVED.of(self.0)
    }

    /// Whether an answer was lost, or said that the outcome is unknown.
    pub fn is_unknown(self) -> bool {
        self.0 & UNKNOWN != 0
    }

    /// Whether a sender was told that it did not pass.
    pub fn is_refused(self) -> bool {
        self.0 & REFUSED != 0
    }

    /// Whether a sender got a stored answer that it passed.
    pub fn is_replayed(self) -> bool {
        self.0 & REPLAYED != 0
    }

    /// Whether it may reach the backend.
    pub fn may_arrive(self) -> bool {
        self.0 & MAY_ARRIVE != 0
    }
}

impl Field {
    fn of(self, entry: u8) -> u8 {
        entry >> self.shift & 3
    }

    fn increment(self, entry: &AtomicU8) {
        let more = |old| (self.of(old) < 3).then(|| old + (1 << self.shift));
        // An error only means that the count stays at 3.
        let _ = entry.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redemption(serial: u64) -> Vec<u8> {
        format!("7001-1800000000-{serial:016x}").into_bytes()
    }

    #[test]
    fn arrivals_find_their_code_also_where_serials_wrap() {
        let ledger = Ledger::new(u64::MAX - 1);
        let serials: Vec<u64> = (0..4).map(|_| ledger.enter(true).1).collect();
        assert_eq!(serials, [u64::MAX - 1, u64::MAX, 0, 1]);
        ledger.arrive(Some(&redemption(0)));
        let arrivals: Vec<u8> = ledger.entries().map(Entry::arrivals).collect();
        assert_eq!(arrivals, [0, 0, 1, 0]);
        assert_eq!(ledger.strays(), 0);
    }

    #[test]
    fn numbers_stay_at_three_and_apart() {
        let ledger = Ledger::new(5);
        let (sequence, serial) = ledger.enter(false);
        (0..300).for_each(|_| ledger.arrive(Some(&redemption(serial))));
        (0..2).for_each(|_| ledger.approve(sequence));
        let entry = ledger.entries().next().unwrap();
        assert_eq!((entry.arrivals(), entry.approvals()), (3, 2));
        assert!(!entry.may_arrive() && !entry.is_unknown() && !entry.is_refused());
        assert!(!entry.is_replayed() && ledger.arrived() == 300);
        ledger.lose(sequence);
        ledger.refuse(sequence);
        ledger.replay(sequence);
        let entry = ledger.entries().next().unwrap();
        assert!(entry.is_unknown() && entry.is_refused() && entry.is_replayed());
        assert_eq!((entry.arrivals(), entry.approvals()), (3, 2));
    }

    #[test]
    fn what_is_no_code_of_this_run_is_a_stray() {
        let ledger = Ledger::new(100);
        ledger.enter(true);
        let strays: [&[u8]; 5] = [
            b"",
            b"7001-1800000000-64",
            b"7001-1-2-0000000000000064",
            b"x-1-0000000000000064",
            b"-",
        ];
        for stray in strays {
            ledger.arrive(Some(stray));
        }
        ledger.arrive(None);
        ledger.arrive(Some(&redemption(101)));
        assert_eq!(ledger.strays(), 7);
    }

    #[test]
    fn codes_beyond_the_first_chunk_have_their_own_entries() {
        let ledger = Ledger::new(0);
        (0..=CHUNK).for_each(|_| {
            ledger.enter(true);
        });
        ledger.arrive(Some(&redemption(CHUNK)));
        assert_eq!(ledger.entries().filter(|entry| entry.arrivals() == 1).count(), 1);
        assert_eq!(ledger.entries().next().unwrap().arrivals(), 0);
    }

    const PASS: &[u8] = b"p1-1800000012-9401acfced36a6bc";

    #[test]
    fn a_pass_arrives_by_its_id_and_a_code_of_the_same_number_is_another() {
        let ledger = Ledger::new(0x9401_acfc_ed36_a6bc);
        ledger.enter(true);
        ledger.arrive(Some(PASS));
        assert_eq!(ledger.strays(), 1);
        ledger.enter_pass(Redemption::parse(PASS).unwrap());
        (0..2).for_each(|_| ledger.arrive(Some(PASS)));
        let arrivals: Vec<u8> = ledger.entries().map(Entry::arrivals).collect();
        assert_eq!((arrivals.as_slice(), ledger.strays()), ([0, 2].as_slice(), 1));
    }

    #[test]
    fn a_call_that_opens_a_pass_arrives_apart_from_what_is_spent() {
        let ledger = Ledger::new(0);
        let pass = Redemption::parse(PASS).unwrap();
        ledger.enter_pass(pass);
        ledger.passes().send_check(&pass);
        ledger.arrive_check(Some(PASS), None);
        ledger.arrive_check(Some(PASS), Some(PASS));
        ledger.arrive_check(None, None);
        ledger.arrive_check(Some(b"p1-1800000012-0000000000000000"), None);
        (0..3).for_each(|_| ledger.passes().approve_check(&pass));
        let expected = PassCounts {
            handed_out: 1,
            handed_out_twice: 0,
            checks_arrived: 2,
            checks_not_arrived: 1,
            checks_never_sent: 1,
            checks_that_spent: 1,
        };
        assert_eq!((ledger.pass_counts(), ledger.strays()), (expected, 2));
        assert_eq!(ledger.entries().next().unwrap().arrivals(), 0);
        ledger.enter_pass(pass);
        assert_eq!(ledger.pass_counts().handed_out_twice, 1);
    }
}
