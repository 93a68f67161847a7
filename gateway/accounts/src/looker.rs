//! The look of one worker, which remembers the table in use.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};
use clock::Reading;
use keyring::code::Subject;

use crate::{
    accounts::{Accounts, Cleared, NotCleared},
    memory::Table,
    verdict::Claim,
};

/// What one worker looks at accounts with. It saves the 20 ns that it costs to take a reference to
/// the table in use: it holds one, and only compares the pointer.
///
/// The comparison is a relaxed load after the freshness, which is an acquiring one. A table is put
/// in place before it is proved fresh. So who finds a proof finds the table that it is of, or a
/// later one.
pub struct Looker {
    accounts: Arc<Accounts>,
    tables: Cache<Arc<ArcSwap<Table>>, Arc<Table>>,
}

impl Accounts {
    /// For one worker. A table that was replaced is freed when each worker has looked or
    /// [brought near](Looker::prefetch) once more.
    pub fn looker(self: &Arc<Self>) -> Looker {
        Looker { accounts: Arc::clone(self), tables: Cache::new(Arc::clone(self.tables())) }
    }
}

impl Looker {
    /// Asks whether the account refuses what was claimed. `clock` is read once, after the look-up.
    ///
    /// # Errors
    /// The account refuses, or its state is older than `stale_ms`.
    #[inline]
    pub fn clear(
        &mut self,
        claim: &Claim,
        stale_ms: u32,
        clock: impl FnOnce() -> Reading,
    ) -> Result<Cleared, NotCleared> {
        let Self { accounts, tables } = self;
        accounts.clear_by(stale_ms, || tables.load().weigh(claim), clock)
    }

    /// Brings near what a look at this person needs, and waits for nothing.
    #[inline]
    pub fn prefetch(&mut self, subject: Subject) {
        self.tables.load().prefetch(subject);
    }

    /// Lets go of a table that was replaced. A worker without requests would hold on to it.
    pub fn renew(&mut self) {
        self.tables.load();
    }

    /// The accounts that it looks at.
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests {
    use keyring::{code::IssuedAt, time::UnixMillis};

    use super::*;
    use crate::{
        entry::{Entry, Relation},
        verdict::Refused,
    };

    #[test]
    fn a_worker_sees_the_table_in_use_and_lets_the_old_one_go() {
        let accounts = Arc::new(Accounts::new(100, &[]));
        accounts.prove_fresh(0);
        let mut looker = accounts.looker();
        let claim = Claim {
            subject: Subject::new(42).unwrap(),
            relation: Relation::ALL,
            channel: "wechat".parse().unwrap(),
            epoch: Some(1),
            issued_at: IssuedAt::new(1),
        };
        let reading = Reading { now: UnixMillis::from_seconds(1_800_000_000), boot_ns: 7 };
        let cleared = looker.clear(&claim, 1_000, || reading).unwrap();
        assert_eq!(cleared.reading().boot_ns, 7);
        let old = Arc::downgrade(&accounts.table());
        let entry = Entry::parse("holder.0", "-").unwrap();
        let table = Table::new(100);
        table.set(claim.subject, entry.facet(), Some(entry)).unwrap();
        accounts.put_in_place(table);
        assert!(old.upgrade().is_some(), "the worker may be looking into it");
        let refused = looker.clear(&claim, 1_000, || reading).err();
        assert_eq!(refused, Some(NotCleared::Refused(Refused::Frozen)));
        assert!(old.upgrade().is_none());
    }
}
