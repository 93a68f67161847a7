//! The tables, and reading and writing their rows.

use std::path::Path;

use keyring::code::Subject;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use crate::{
    change::{Held, Write},
    entry::{Entry, Facet, FormatError},
    limits::{LOCK_PATIENCE, LOG_CHANGES},
};

/// `user_version` of the database.
pub(super) const FORMAT: i64 = 1;
const TABLES: &str = "
    CREATE TABLE state(subject INTEGER, facet TEXT, value TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY(subject, facet)) WITHOUT ROWID;
    CREATE TABLE log(n INTEGER PRIMARY KEY, at INTEGER NOT NULL, writer TEXT NOT NULL,
        request TEXT NOT NULL, changes TEXT NOT NULL);
    PRAGMA user_version = 1;";
const LOG_ERROR: FormatError =
    FormatError::new("a change of the log", "lines of subject, facet and value, parted by tabs");

/// One entry that a change wrote. `None`: deleted.
pub(super) type Written = (Subject, Facet, Option<Entry>);

/// Opens the file, which is made for this user alone if it is not there.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    drop(sys::disk::open_private(path).map_err(failed)?);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_PATIENCE)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    match transaction.pragma_query_value(None, "user_version", |row| row.get(0))? {
        0 => transaction.execute_batch(TABLES)?,
        FORMAT => {}
        found => return Err(StoreError::Format { found }),
    }
    transaction.commit()?;
    Ok(connection)
}

/// Changes whenever another connection commits.
pub(super) fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}

/// The number of the last change; 0 before the first.
pub(super) fn head(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(n), 0) FROM log";
    Ok(connection.prepare(sql)?.query_row([], |row| row.get(0))?)
}

pub(super) fn read(
    connection: &Connection,
    subject: Subject,
    facet: Facet,
) -> Result<Option<Held>, StoreError> {
    let sql = "SELECT value, n FROM state WHERE subject = ? AND facet = ?";
    let facet = facet.to_string();
    let row = connection
        .prepare(sql)?
        .query_row(params![key(subject), facet], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
        .optional()?;
    let Some((value, number)) = row else { return Ok(None) };
    Ok(Some(Held { entry: Entry::parse(&facet, &value)?, number }))
}

pub(super) fn write(
    connection: &Connection,
    number: u64,
    subject: Subject,
    write: &Write,
) -> Result<(), StoreError> {
    let facet = write.facet.to_string();
    let sql = match write.put {
        Some(_) => "INSERT OR REPLACE INTO state(subject, facet, value, n) VALUES (?1, ?2, ?3, ?4)",
        None => "DELETE FROM state WHERE subject = ?1 AND facet = ?2 AND ?3 IS NULL AND ?4 > 0",
    };
    let value = write.put.map(|value| value.to_string());
    connection.prepare(sql)?.execute(params![key(subject), facet, value, number])?;
    Ok(())
}

/// Adds a change to the log, and lets the oldest one go.
pub(super) fn log(
    connection: &Connection,
    number: u64,
    at_s: i64,
    (writer, request): (&str, &str),
    changes: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO log(n, at, writer, request, changes) VALUES (?, ?, ?, ?, ?)";
    let row = params![number, at_s, writer, request, changes];
    connection.prepare(sql)?.execute(row)?;
    let sql = "DELETE FROM log WHERE n <= ?";
    connection.prepare(sql)?.execute([number.saturating_sub(LOG_CHANGES)])?;
    Ok(())
}

/// One line of the log.
pub(super) fn line(subject: Subject, write: &Write) -> String {
    let value = write.put.map(|value| value.to_string()).unwrap_or_default();
    format!("{subject}\t{}\t{value}\n", write.facet)
}

/// The changes behind `after`, in order, as lines.
pub(super) fn changes(
    connection: &Connection,
    after: u64,
) -> Result<Vec<(u64, String)>, StoreError> {
    let mut select = connection.prepare("SELECT n, changes FROM log WHERE n > ? ORDER BY n")?;
    let rows = select.query_map([after], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn parse_line(line: &str) -> Result<Written, FormatError> {
    let mut parts = line.split('\t');
    let (Some(subject), Some(facet), Some(value), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(LOG_ERROR);
    };
    let subject = subject.parse().map_err(|_| LOG_ERROR)?;
    let entry = if value.is_empty() { None } else { Some(Entry::parse(facet, value)?) };
    Ok((subject, facet.parse()?, entry))
}

/// Calls `take` with all that is held.
pub(super) fn all(
    connection: &Connection,
    mut take: impl FnMut(Subject, Entry) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut select = connection.prepare("SELECT subject, facet, value FROM state")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let subject = Subject::new(row.get::<_, i64>(0)?.cast_unsigned()).ok_or(LOG_ERROR)?;
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        take(subject, Entry::parse(text(1)?, text(2)?)?)?;
    }
    Ok(())
}

/// SQLite's integers have a sign.
fn key(subject: Subject) -> i64 {
    subject.get().cast_signed()
}
