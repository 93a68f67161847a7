//! What a request to the API needs: the store, the rates of its writer, a place in the record.

use std::{cell::RefCell, sync::Arc};

use accounts::{Accounts, store::Store};
use clock::Clock;
use http::StatusCode;
use record::AccountPlace;
use tokio::sync::Mutex;

use super::{answer::Problem, rates::Rates};
use crate::{config::WriterConfig, metrics::ChangeResult, snapshot::Snapshot, worker::Shared};

/// What all requests share. It never leaves its thread.
pub(super) struct Desk {
    shared: Arc<Shared>,
    store: Store,
    rates: RefCell<Rates>,
    /// Held by the import that runs.
    import: Mutex<()>,
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, store: Store) -> Self {
        Self { shared, store, rates: RefCell::default(), import: Mutex::new(()) }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(super) fn import(&self) -> &Mutex<()> {
        &self.import
    }

    /// The configuration in force now.
    pub(super) fn current(&self) -> Arc<Snapshot> {
        self.shared.current.load()
    }

    pub(super) fn accounts(&self) -> &Arc<Accounts> {
        let states = self.shared.accounts.as_ref().expect("the API is there with the states alone");
        states.accounts()
    }

    pub(super) fn stale_ms(&self) -> u32 {
        self.current().config().accounts.stale_ms
    }

    /// How old what is held is; `None`: it was never proved fresh, or may not be all.
    pub(super) fn staleness_ms(&self) -> Option<i64> {
        let boot_ns = self.clock().reading().boot_ns;
        self.accounts().staleness_ns(boot_ns).map(|ns| ns / 1_000_000)
    }

    /// # Errors
    /// `rate_limited`.
    pub(super) fn count(&self, writer: &WriterConfig, of: (usize, usize)) -> Result<(), Problem> {
        self.rates.borrow_mut().count(writer, of, self.clock().reading().boot_ns)
    }

    /// Counts what came of changes of this name.
    pub(super) fn count_result(&self, operation: &str, result: ChangeResult, changes: usize) {
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        self.shared.metrics.account_changes.add(operation, result, changes);
    }

    /// # Errors
    /// `not_recordable`.
    pub(super) fn reserve_record(&self) -> Result<AccountPlace, Problem> {
        self.shared.record.reserve_account_event().ok_or_else(|| {
            let detail = "the decision record cannot be written, and record.when_full is refuse";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_recordable", detail)
        })
    }
}
