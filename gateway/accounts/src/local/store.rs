//! The database and the accounts that it keeps: changes, and what the other process changed.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use clock::Reading;
use keyring::code::Subject;
use rusqlite::{Connection, TransactionBehavior};
use sys::log::{self, Event};

use super::{
    StoreError,
    database::{self, FileIdentity, Place},
    rows::{self, Rows},
};
use crate::{
    accounts::Accounts,
    change::{Change, Held, Operation},
    entry::Facet,
    limits::PROGRAM,
    memory::Table,
    status::LoadReason,
    store::Acknowledged,
};

/// `accounts.db`, and the accounts that it keeps. One thread owns it and calls
/// [`poll`](Self::poll) each 50 ms.
pub struct LocalStore {
    path: PathBuf,
    connection: Connection,
    file: FileIdentity,
    accounts: Arc<Accounts>,
    /// The number of the last change that is in memory.
    applied: u64,
    /// The database's version after which all is applied; `None`: unknown.
    followed: Option<i64>,
    /// Where it was set back to. Nothing is believed of it any more.
    set_back_to: Option<u64>,
}

impl LocalStore {
    /// Opens the database, making it if it is not there, and loads all of it. `begin` was read
    /// before.
    ///
    /// # Errors
    /// It cannot be opened or read, or holds more than the accounts' capacity.
    pub fn open(path: &Path, accounts: Arc<Accounts>, begin: Reading) -> Result<Self, StoreError> {
        let connection = database::open(path)?;
        let mut store = Self {
            path: path.to_owned(),
            connection,
            file: database::identity(path)?,
            accounts,
            applied: 0,
            followed: None,
            set_back_to: None,
        };
        if let Some(source) = store.accounts.status().sources().first() {
            source.set_info(rusqlite::version(), "");
        }
        store.load(LoadReason::Start)?;
        store.accounts.prove_fresh(begin.boot_ns);
        Ok(store)
    }

    /// Opens the file anew and loads all of it. What was applied before still counts: a file that
    /// shows less was set back.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reopen(&mut self, reason: LoadReason) -> Result<(), StoreError> {
        self.check_believed()?;
        let file = database::identity(&self.path)?;
        self.connection = database::open(&self.path)?;
        self.file = file;
        self.followed = None;
        self.load(reason)
    }

    /// The accounts that it keeps.
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// Fills a second table and puts it in place.
    fn load(&mut self, reason: LoadReason) -> Result<(), StoreError> {
        let table = Table::new(self.accounts.table().capacity());
        let snapshot = self.connection.transaction()?;
        let head = database::head(&snapshot)?;
        if head >= self.applied {
            database::all(&snapshot, |subject, entry| {
                Ok(table.set(subject, entry.facet(), Some(entry))?)
            })?;
        }
        drop(snapshot);
        self.check_place(head)?;
        let listed = table.listed();
        self.accounts.put_in_place(table);
        self.applied = head;
        self.accounts.status().loaded(reason);
        let reason = reason.name();
        log::event(
            Event::AccountsLoaded,
            format_args!("states of {listed} people, through change {head} (reason: {reason})"),
        );
        Ok(())
    }

    /// Looks whether another process changed something, and applies it. `begin` was read before the
    /// call: what is held is fresh as of then.
    ///
    /// # Errors
    /// The database cannot be read, was set back, or holds more than the capacity. What was held
    /// stays, and grows old.
    pub fn poll(&mut self, begin: Reading) -> Result<(), StoreError> {
        self.check_believed()?;
        if database::identity(&self.path)? != self.file {
            self.reopen(LoadReason::Life)?;
        }
        let version = database::data_version(&self.connection)?;
        if self.followed != Some(version) {
            self.followed = None;
            let caught = self.catch_up();
            if matches!(caught, Ok(()) | Err(StoreError::Full(_))) {
                // What has no room is not tried again before something changes.
                self.followed = Some(version);
            }
            caught?;
        }
        self.accounts.table().check_whole()?;
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
        names: (&str, &str),
        now: Reading,
    ) -> Result<Vec<Acknowledged>, StoreError> {
        self.check_believed()?;
        if !self.accounts.has_room_for(changes) {
            return Err(StoreError::NearlyFull { capacity: self.accounts.table().capacity() });
        }
        // Own commits do not change the version. What is committed and not applied must be found.
        self.followed = None;
        let answers = self.commit(changes, names, now)?;
        self.catch_up().map_err(|error| StoreError::NotAcknowledged(error.to_string()))?;
        Ok(answers)
    }

    /// What the database holds for a person.
    ///
    /// # Errors
    /// It cannot be read, or was set back.
    pub fn read(&self, subject: Subject) -> Result<Vec<Held>, StoreError> {
        self.check_believed()?;
        database::of_person(&self.connection, subject)
    }

    /// Deletes what is over among some entries behind the place. Tells where to go on.
    pub(super) fn clean_up(
        &mut self,
        place: &Place,
        rows_max: usize,
        display_days: u32,
        now: Reading,
    ) -> Result<Option<Place>, StoreError> {
        let mut over = Vec::new();
        let next = database::behind(&self.connection, place, rows_max, |subject, entry| {
            if entry.is_over(now.now, display_days) {
                let operation = Operation::CleanUp { facet: entry.facet(), display_days };
                over.push(Change { subject, operation });
            }
        })?;
        if !over.is_empty() {
            self.change(&over, (PROGRAM, "clean-up"), now)?;
        }
        Ok(next)
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
        if number < self.applied {
            drop(transaction);
            return self.check_place(number).map(|()| Vec::new());
        }
        let mut rows = Rows::new(&transaction)?;
        let mut answers = Vec::with_capacity(changes.len());
        // Each change of a request has a number of its own: it is the number of its freeze.
        for (index, change) in changes.iter().enumerate() {
            let (answer, lines) = write(&mut rows, (index, change), number + 1, now)?;
            if let Some(given) = answer.number {
                number = given;
                rows.log(number, now.now.seconds(), names, &lines)?;
            }
            answers.push(answer);
        }
        drop(rows);
        rows::shorten_log(&transaction, number)?;
        transaction.commit().map_err(StoreError::of_commit)?;
        Ok(answers)
    }

    /// Applies the changes of the log behind the last one that was applied.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        let snapshot = self.connection.transaction()?;
        let head = database::head(&snapshot)?;
        let changes = database::changes(&snapshot, self.applied)?;
        drop(snapshot);
        self.check_place(head)?;
        self.show_behind(head - self.applied);
        let expected = self.applied + 1..;
        if changes.first().is_some_and(|(number, _)| *number != self.applied + 1) {
            self.load(LoadReason::Compacted)?;
        } else if !changes.iter().map(|(number, _)| *number).eq(expected.take(changes.len())) {
            self.load(LoadReason::Gap)?;
        } else if self.accounts.table().check_whole().is_err() {
            // Others may have made room since.
            self.load(LoadReason::Gap)?;
        } else {
            self.apply(changes)?;
        }
        self.show_behind(0);
        Ok(())
    }

    fn apply(&mut self, changes: Vec<(u64, String)>) -> Result<(), StoreError> {
        for (number, lines) in changes {
            for line in lines.lines() {
                let (subject, facet, entry) = rows::parse_line(line)?;
                self.accounts.apply(subject, facet, entry)?;
            }
            self.applied = number;
        }
        Ok(())
    }

    fn show_behind(&self, changes: u64) {
        if let Some(source) = self.accounts.status().sources().first() {
            source.set_behind(changes);
        }
    }

    fn check_believed(&self) -> Result<(), StoreError> {
        let applied = self.applied;
        self.set_back_to.map_or(Ok(()), |found| Err(StoreError::SetBack { applied, found }))
    }

    /// A log that ends before what was applied is of an older database.
    fn check_place(&mut self, found: u64) -> Result<(), StoreError> {
        if found < self.applied {
            self.set_back_to = Some(found);
            self.accounts.withdraw();
            self.accounts.status().set_set_back(true);
        }
        self.check_believed()
    }
}

/// Writes one change. Tells the answer, and the lines for the log. Nothing else writes meanwhile,
/// so what was read stands.
fn write(
    rows: &mut Rows<'_>,
    (index, change): (usize, &Change),
    number: u64,
    now: Reading,
) -> Result<(Acknowledged, String), StoreError> {
    let (subject, facet) = (change.subject, change.operation.facet());
    let held = rows.read(subject, facet)?;
    let reading = RefCell::new((&mut *rows, None));
    let read = |asked: Facet| -> Option<Held> {
        if asked == facet {
            return held;
        }
        let (rows, failure) = &mut *reading.borrow_mut();
        rows.read(subject, asked).unwrap_or_else(|error| {
            *failure = Some(error);
            None
        })
    };
    let plan = change.operation.plan(read, now.now);
    if let (_, Some(error)) = reading.into_inner() {
        return Err(error);
    }
    let steps = plan.map_err(|error| StoreError::Change { index, error })?;
    let mut lines = String::new();
    for step in &steps {
        rows.write(number, subject, step)?;
        lines.push_str(&rows::line(subject, step));
    }
    let before = held.map(|held| held.entry.value());
    let last = steps.iter().rfind(|step| step.facet == facet);
    let after = last.map_or(before, |step| step.put);
    Ok((Acknowledged { number: (!steps.is_empty()).then_some(number), before, after }, lines))
}

#[cfg(test)]
#[cfg(not(feature = "loom"))]
impl LocalStore {
    pub(super) fn connection_for_tests(&self) -> &Connection {
        &self.connection
    }
}
