//! The file and its tables, and what is read of them without a write.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use keyring::code::Subject;
use rusqlite::{Connection, TransactionBehavior, params};

use super::{StoreError, rows};
use crate::{
    change::Held,
    entry::{Entry, FormatError},
    limits::{DATABASE_FORMAT, LOCK_PATIENCE, PAGES_KIB},
};

const TABLES: &str = "
    CREATE TABLE state(subject INTEGER, facet TEXT, value TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY(subject, facet)) WITHOUT ROWID;
    CREATE TABLE log(n INTEGER PRIMARY KEY, at INTEGER NOT NULL, writer TEXT NOT NULL,
        request TEXT NOT NULL, changes TEXT NOT NULL);
    PRAGMA user_version = 1;";
const SUBJECT_ERROR: FormatError =
    FormatError::new("the subject", "a number from 1 to 18446744073709551615");

/// Which file it is: another one under the same name has another identity.
#[derive(Copy, Clone, Eq, PartialEq)]
pub(super) struct FileIdentity(u64, u64);

/// Where a scan of all entries goes on: behind this row.
#[derive(Clone)]
pub(super) struct Place {
    subject: i64,
    facet: String,
}

/// Opens the file, which is made for this user alone if it is not there.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    drop(sys::disk::open_private(path).map_err(failed)?);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_PATIENCE)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // Negative: KiB, not pages.
    connection.pragma_update(None, "cache_size", -PAGES_KIB)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match transaction.pragma_query_value(None, "user_version", |row| row.get(0))? {
        0 => transaction.execute_batch(TABLES)?,
        DATABASE_FORMAT => {}
        found => return Err(StoreError::Format { found }),
    }
    transaction.commit()?;
    Ok(connection)
}

/// Which file stands under the name now.
pub(super) fn identity(path: &Path) -> Result<FileIdentity, StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(failed)?;
    Ok(FileIdentity(metadata.dev(), metadata.ino()))
}

/// Changes whenever another connection commits.
pub(super) fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}

/// The number of the last change; 0 before the first.
pub(super) fn head(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(n), 0) FROM log";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// The changes behind `after`, in order, as lines.
pub(super) fn changes(
    connection: &Connection,
    after: u64,
) -> Result<Vec<(u64, String)>, StoreError> {
    let mut select = connection.prepare("SELECT n, changes FROM log WHERE n > ? ORDER BY n")?;
    let changes = select.query_map([after], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(changes.collect::<Result<_, _>>()?)
}

/// All that is held for a person.
pub(super) fn of_person(
    connection: &Connection,
    subject: Subject,
) -> Result<Vec<Held>, StoreError> {
    let mut select = connection.prepare("SELECT facet, value, n FROM state WHERE subject = ?")?;
    let mut found = select.query([rows::key(subject)])?;
    let mut held = Vec::new();
    while let Some(row) = found.next()? {
        held.push(Held { entry: entry(row, 0)?, number: row.get(2)? });
    }
    Ok(held)
}

/// Calls `take` with all that is held.
pub(super) fn all(
    connection: &Connection,
    mut take: impl FnMut(Subject, Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut select = connection.prepare("SELECT subject, facet, value FROM state")?;
    let mut found = select.query([])?;
    while let Some(row) = found.next()? {
        take(subject(row)?, entry(row, 1)?)?;
    }
    Ok(())
}

impl Place {
    /// Before all rows.
    pub(super) fn start() -> Self {
        Self { subject: i64::MIN, facet: String::new() }
    }
}

/// Calls `take` with at most `rows_max` entries behind the place, and tells where to go on; `None`
/// at the end.
pub(super) fn behind(
    connection: &Connection,
    place: &Place,
    rows_max: usize,
    mut take: impl FnMut(Subject, Entry),
) -> Result<Option<Place>, StoreError> {
    let sql = "SELECT subject, facet, value FROM state WHERE (subject, facet) > (?, ?)
        ORDER BY subject, facet LIMIT ?";
    let mut select = connection.prepare(sql)?;
    let mut found = select.query(params![place.subject, place.facet, rows_max])?;
    let mut last = None;
    while let Some(row) = found.next()? {
        let (subject, entry) = (subject(row)?, entry(row, 1)?);
        take(subject, entry);
        last = Some((subject, entry.facet()));
    }
    Ok(last.map(|(subject, facet)| Place { subject: rows::key(subject), facet: facet.to_string() }))
}

fn subject(row: &rusqlite::Row<'_>) -> Result<Subject, StoreError> {
    let subject = Subject::new(row.get::<_, i64>(0)?.cast_unsigned());
    Ok(subject.ok_or(SUBJECT_ERROR)?)
}

/// From this column on: facet, value.
fn entry(row: &rusqlite::Row<'_>, column: usize) -> Result<Entry, StoreError> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    Ok(Entry::parse(text(column)?, text(column + 1)?)?)
}
