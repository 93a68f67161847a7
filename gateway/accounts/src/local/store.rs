//! The keeper of one node: changes, and what the other process changed.

use std::{path::Path, sync::Arc};

use clock::Reading;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{StoreError, database};
use crate::{
    accounts::Accounts,
    change::{Change, Held},
    entry::Facet,
    memory::Table,
    store::Acknowledged,
};

/// `accounts.db`, and the accounts that it keeps. One thread owns it and calls
/// [`poll`](Self::poll) each 50 ms.
pub struct LocalStore {
    connection: Connection,
    accounts: Arc<Accounts>,
    applied: u64,
    data_version: Option<i64>,
}

impl LocalStore {
    /// Opens the database, making it if it is not there, and loads all of it. `begin` was read
    /// before.
    ///
    /// # Errors
    /// It cannot be opened or read, or holds more than the accounts' capacity.
    pub fn open(path: &Path, accounts: Arc<Accounts>, begin: Reading) -> Result<Self, StoreError> {
        let connection = database::open(path)?;
        let mut store = Self { connection, accounts, applied: 0, data_version: None };
        store.load()?;
        store.accounts.prove_fresh(begin.boot_ns);
        Ok(store)
    }

    /// Fills a second table and puts it in place.
    fn load(&mut self) -> Result<(), StoreError> {
        let table = Table::new(self.accounts.table().capacity());
        let snapshot = self.connection.transaction()?;
        let head = database::head(&snapshot)?;
        check_place(&self.accounts, head, self.applied)?;
        database::all(&snapshot, |subject, entry| {
            Ok(table.set(subject, entry.facet(), Some(entry))?)
        })?;
        drop(snapshot);
        self.accounts.put_in_place(table);
        self.applied = head;
        Ok(())
    }

    /// Looks whether another process changed something, and applies it. `begin` was read before the
    /// call: what is held is fresh as of then.
    ///
    /// # Errors
    /// The database cannot be read, or was set back. What was held stays, and grows old.
    pub fn poll(&mut self, begin: Reading) -> Result<(), StoreError> {
        let version = database::data_version(&self.connection)?;
        if self.data_version != Some(version) {
            self.catch_up()?;
            self.data_version = Some(version);
        }
        self.accounts.prove_fresh(begin.boot_ns);
        Ok(())
    }

    /// Writes the changes, all or none; then applies them. One answer for each change.
    ///
    /// # Errors
    /// A change is refused, or the database fails. Only after [`StoreError::NotAcknowledged`] may
    /// the changes hold.
    pub fn change(
        &mut self,
        changes: &[Change],
        (writer, request): (&str, &str),
        now: Reading,
    ) -> Result<Vec<Acknowledged>, StoreError> {
        let table = self.accounts.table();
        if table.is_nearly_full() {
            return Err(StoreError::NearlyFull { capacity: table.capacity() });
        }
        let answers = self.commit(changes, (writer, request), now)?;
        self.catch_up()?;
        Ok(answers)
    }

    /// The part before the change is applied.
    pub(super) fn commit(
        &mut self,
        changes: &[Change],
        names: (&str, &str),
        now: Reading,
    ) -> Result<Vec<Acknowledged>, StoreError> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut number = database::head(&transaction)?;
        let mut answers = Vec::with_capacity(changes.len());
        // Each change of a request has a number of its own: it is the number of its freeze.
        for change in changes {
            let facet = change.operation.facet();
            let value = |transaction: &Transaction<'_>| {
                let held = database::read(transaction, change.subject, facet)?;
                Ok::<_, StoreError>(held.map(|held| held.entry.value()))
            };
            let before = value(&transaction)?;
            let lines = write(&transaction, change, number + 1, now)?;
            let has_changed = !lines.is_empty();
            if has_changed {
                number += 1;
                database::log(&transaction, number, now.now.seconds(), names, &lines)?;
            }
            let after = value(&transaction)?;
            answers.push(Acknowledged { number: has_changed.then_some(number), before, after });
        }
        transaction.commit()?;
        Ok(answers)
    }

    /// Applies the changes of the log behind the last one that was applied.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let snapshot = self.connection.transaction()?;
        let head = database::head(&snapshot)?;
        let changes = database::changes(&snapshot, self.applied)?;
        drop(snapshot);
        check_place(&self.accounts, head, self.applied)?;
        if changes.first().is_some_and(|(number, _)| *number != self.applied + 1) {
            return self.load();
        }
        for (number, lines) in changes {
            for line in lines.lines() {
                let (subject, facet, entry) = database::parse_line(line)?;
                self.accounts.apply(subject, facet, entry)?;
            }
            self.applied = number;
        }
        Ok(())
    }
}

fn check_place(accounts: &Accounts, found: u64, applied: u64) -> Result<(), StoreError> {
    if found < applied {
        accounts.withdraw();
        return Err(StoreError::SetBack { applied, found });
    }
    Ok(())
}

/// Writes one change and returns its lines for the log. Nothing else writes meanwhile, so what was
/// read stands.
fn write(
    transaction: &Transaction<'_>,
    change: &Change,
    number: u64,
    now: Reading,
) -> Result<String, StoreError> {
    let subject = change.subject;
    let failure = std::cell::Cell::new(None);
    let read = |facet: Facet| -> Option<Held> {
        database::read(transaction, subject, facet).unwrap_or_else(|error| {
            failure.set(Some(error));
            None
        })
    };
    let plan = change.operation.plan(read, now.now);
    if let Some(error) = failure.take() {
        return Err(error);
    }
    let mut lines = String::new();
    for step in plan? {
        database::write(transaction, number, subject, &step)?;
        lines.push_str(&database::line(subject, &step));
    }
    Ok(lines)
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
impl LocalStore {
    pub(super) fn connection_for_tests(&self) -> &Connection {
        &self.connection
    }
}
