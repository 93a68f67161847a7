//! The look at an account, and what its keeper does: apply, prove fresh, put a new table in place.

use std::sync::Arc;

use arc_swap::ArcSwap;
use clock::Reading;
use keyring::code::Subject;

use crate::{
    change::Change,
    entry::{Entry, Facet},
    memory::{Full, Table},
    status::Status,
    sync::{AtomicI64, Ordering},
    verdict::{Claim, Refused, Weighed},
};

const NEVER: i64 = i64::MIN;
const NS_PER_MS: i64 = 1_000_000;

/// The account was looked at and refuses nothing. Only a look makes one.
#[derive(Debug)]
pub struct Cleared(Reading);

impl Cleared {
    /// What the clock said after the look-up. Who needs the time next need not read it again.
    pub fn reading(&self) -> Reading {
        self.0
    }
}

/// Why a look does not clear.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotCleared {
    /// The account refuses.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// `account_state_unavailable`: what is held is not proved fresh.
    #[error("the account states are older than allowed")]
    Unavailable,
}

/// As of when what is held is all that was acknowledged.
pub(crate) struct Freshness(AtomicI64);

impl Freshness {
    pub(crate) fn never() -> Self {
        Self(AtomicI64::new(NEVER))
    }

    /// Release: who loads it finds all that was applied before.
    pub(crate) fn prove(&self, as_of_ns: i64) {
        self.0.fetch_max(as_of_ns, Ordering::Release);
    }

    pub(crate) fn withdraw(&self) {
        self.0.store(NEVER, Ordering::Release);
    }

    pub(crate) fn as_of_ns(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }

    /// The order of a look: freshness, what is held, the clock. `None`: older than `stale_ns`,
    /// whatever was found.
    #[inline]
    pub(crate) fn look<T>(
        &self,
        stale_ns: i64,
        find: impl FnOnce() -> T,
        clock: impl FnOnce() -> Reading,
    ) -> Option<(T, Reading)> {
        let as_of_ns = self.as_of_ns();
        let found = find();
        let reading = clock();
        (reading.boot_ns.saturating_sub(as_of_ns) <= stale_ns).then_some((found, reading))
    }
}

/// What is known of all accounts. One keeper, a thread, changes it; all threads look.
pub struct Accounts {
    /// Shared with each worker's [`Looker`](crate::Looker).
    table: Arc<ArcSwap<Table>>,
    freshness: Freshness,
    status: Status,
}

impl Accounts {
    /// Nothing is known, and so nothing is cleared. `sources` are the members of the store.
    pub fn new(capacity: usize, sources: &[&str]) -> Self {
        let table = Arc::new(ArcSwap::from_pointee(Table::new(capacity)));
        Self { table, freshness: Freshness::never(), status: Status::new(sources) }
    }

    /// How the keeper fares.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Asks whether the account refuses what was claimed. `clock` is read once, after the look-up.
    /// A worker asks by its [`Looker`](crate::Looker), which costs less.
    ///
    /// # Errors
    /// The account refuses, or its state is older than `stale_ms`.
    pub fn clear(
        &self,
        claim: &Claim,
        stale_ms: u32,
        clock: impl FnOnce() -> Reading,
    ) -> Result<Cleared, NotCleared> {
        self.clear_by(stale_ms, || self.table.load().weigh(claim), clock)
    }

    /// `find` takes the table in use, too. Freshness that is loaded before is of this table or of an
    /// earlier one.
    #[inline]
    pub(crate) fn clear_by(
        &self,
        stale_ms: u32,
        find: impl FnOnce() -> Option<Weighed>,
        clock: impl FnOnce() -> Reading,
    ) -> Result<Cleared, NotCleared> {
        let stale_ns = i64::from(stale_ms) * NS_PER_MS;
        let looked = self.freshness.look(stale_ns, find, clock);
        let (found, reading) = looked.ok_or(NotCleared::Unavailable)?;
        if let Some(weighed) = found {
            weighed.judge(reading.now)?;
        }
        Ok(Cleared(reading))
    }

    pub(crate) fn tables(&self) -> &Arc<ArcSwap<Table>> {
        &self.table
    }

    /// Is there room for the people whom these changes may add? Who is listed already, and what only
    /// deletes, is never refused.
    pub fn has_room_for(&self, changes: &[Change]) -> bool {
        let table = self.table.load();
        let adding = changes.iter().filter(|change| change.operation.may_add());
        let subjects = adding.map(|change| change.subject);
        let mut added: Vec<_> = subjects.filter(|subject| !table.is_listed(*subject)).collect();
        added.sort_unstable();
        added.dedup();
        added.is_empty() || table.has_room_for(added.len())
    }

    /// Keeper: puts what holds of the facet now.
    ///
    /// # Errors
    /// No room for the person. Nothing is cleared from then on, until a larger table is in place.
    pub fn apply(&self, subject: Subject, facet: Facet, entry: Option<Entry>) -> Result<(), Full> {
        self.table.load().set(subject, facet, entry).inspect_err(|_| self.withdraw())
    }

    /// Keeper: all that was acknowledged before this moment of CLOCK_BOOTTIME is applied. It
    /// proves nothing while the table in use lacks an entry for want of room.
    pub fn prove_fresh(&self, as_of_ns: i64) {
        if self.table.load().check_whole().is_ok() {
            self.freshness.prove(as_of_ns);
        }
    }

    /// Keeper: what is held may not be all. Nothing is cleared until the next proof.
    pub fn withdraw(&self) {
        self.freshness.withdraw();
    }

    /// Keeper: puts a loaded table in the place of the one in use, which is never emptied.
    pub fn put_in_place(&self, table: Table) {
        self.table.store(Arc::new(table));
    }

    /// The table in use: for its figures.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// The age of the last proof at this moment; `None` without one.
    pub fn staleness_ns(&self, boot_ns: i64) -> Option<i64> {
        let as_of_ns = self.freshness.as_of_ns();
        (as_of_ns != NEVER).then(|| boot_ns.saturating_sub(as_of_ns))
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use keyring::{code::IssuedAt, time::UnixMillis};

    use super::*;
    use crate::entry::Relation;

    fn looked(accounts: &Accounts, subject: u64, boot_ns: i64) -> Result<(), NotCleared> {
        let claim = Claim {
            subject: Subject::new(subject).unwrap(),
            relation: Relation::ALL,
            channel: "wechat".parse().unwrap(),
            epoch: Some(1),
            issued_at: IssuedAt::new(1),
        };
        let clock = || Reading { now: UnixMillis::from_seconds(1_800_000_000), boot_ns };
        accounts.clear(&claim, 1_000, clock).map(|_| ())
    }

    fn freeze(accounts: &Accounts, subject: u64) -> Result<(), Full> {
        let entry = Entry::parse("holder.0", "-").unwrap();
        accounts.apply(Subject::new(subject).unwrap(), entry.facet(), Some(entry))
    }

    #[test]
    fn without_a_fresh_proof_nothing_is_said_of_an_account() {
        let accounts = Accounts::new(100, &[]);
        freeze(&accounts, 42).unwrap();
        assert_eq!(looked(&accounts, 42, 0), Err(NotCleared::Unavailable));
        accounts.prove_fresh(0);
        assert_eq!(looked(&accounts, 42, 1_000_000_000), Err(Refused::Frozen.into()));
        assert_eq!(looked(&accounts, 43, 1_000_000_000), Ok(()));
        assert_eq!(looked(&accounts, 42, 1_000_000_001), Err(NotCleared::Unavailable));
        accounts.withdraw();
        assert_eq!(looked(&accounts, 43, 0), Err(NotCleared::Unavailable));
    }

    #[test]
    fn a_table_that_lacks_an_entry_clears_no_account() {
        let accounts = Accounts::new(1, &[]);
        freeze(&accounts, 42).unwrap();
        accounts.prove_fresh(0);
        assert!(freeze(&accounts, 43).is_err());
        accounts.prove_fresh(1);
        assert_eq!(looked(&accounts, 44, 1), Err(NotCleared::Unavailable));
        accounts.put_in_place(Table::new(2));
        accounts.prove_fresh(2);
        assert_eq!(looked(&accounts, 44, 2), Ok(()));
    }
}
