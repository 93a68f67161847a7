//! The rows that a request writes, by statements that are prepared once for it.

use keyring::code::Subject;
use rusqlite::{OptionalExtension, Statement, Transaction, params};

use super::StoreError;
use crate::{
    change::{Held, Write},
    entry::{Entry, Facet, FormatError},
    limits::LOG_CHANGES,
};

const LINE_ERROR: FormatError =
    FormatError::new("a change of the log", "lines of subject, facet and value, parted by tabs");

/// One entry that a change wrote. `None`: deleted.
pub(super) type Written = (Subject, Facet, Option<Entry>);

/// What one request reads and writes within its transaction.
pub(super) struct Rows<'t> {
    read: Statement<'t>,
    put: Statement<'t>,
    delete: Statement<'t>,
    log: Statement<'t>,
}

impl<'t> Rows<'t> {
    pub(super) fn new(transaction: &'t Transaction<'_>) -> Result<Self, StoreError> {
        let put = "INSERT OR REPLACE INTO state(subject, facet, value, n) VALUES (?, ?, ?, ?)";
        let log = "INSERT INTO log(n, at, writer, request, changes) VALUES (?, ?, ?, ?, ?)";
        Ok(Self {
            read: transaction
                .prepare("SELECT value, n FROM state WHERE subject = ? AND facet = ?")?,
            put: transaction.prepare(put)?,
            delete: transaction.prepare("DELETE FROM state WHERE subject = ? AND facet = ?")?,
            log: transaction.prepare(log)?,
        })
    }

    pub(super) fn read(
        &mut self,
        subject: Subject,
        facet: Facet,
    ) -> Result<Option<Held>, StoreError> {
        let facet = facet.to_string();
        let value = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
        let found = self.read.query_row(params![key(subject), facet], value).optional()?;
        let Some((value, number)) = found else { return Ok(None) };
        Ok(Some(Held { entry: Entry::parse(&facet, &value)?, number }))
    }

    pub(super) fn write(
        &mut self,
        number: u64,
        subject: Subject,
        write: &Write,
    ) -> Result<(), StoreError> {
        let facet = write.facet.to_string();
        match write.put {
            Some(value) => {
                self.put.execute(params![key(subject), facet, value.to_string(), number])?
            }
            None => self.delete.execute(params![key(subject), facet])?,
        };
        Ok(())
    }

    pub(super) fn log(
        &mut self,
        number: u64,
        at_s: i64,
        (writer, request): (&str, &str),
        lines: &str,
    ) -> Result<(), StoreError> {
        self.log.execute(params![number, at_s, writer, request, lines])?;
        Ok(())
    }
}

/// Lets the oldest changes go. `head`: the number of the last one.
pub(super) fn shorten_log(transaction: &Transaction<'_>, head: u64) -> Result<(), StoreError> {
    let sql = "DELETE FROM log WHERE n <= ?";
    transaction.execute(sql, [head.saturating_sub(LOG_CHANGES)])?;
    Ok(())
}

/// One line of the log.
pub(super) fn line(subject: Subject, write: &Write) -> String {
    let value = write.put.map(|value| value.to_string()).unwrap_or_default();
    format!("{subject}\t{}\t{value}\n", write.facet)
}

pub(super) fn parse_line(line: &str) -> Result<Written, FormatError> {
    let mut parts = line.split('\t');
    let (Some(subject), Some(facet), Some(value), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(LINE_ERROR);
    };
    let subject = subject.parse().map_err(|_| LINE_ERROR)?;
    let entry = if value.is_empty() { None } else { Some(Entry::parse(facet, value)?) };
    Ok((subject, facet.parse()?, entry))
}

/// SQLite's integers have a sign.
pub(super) fn key(subject: Subject) -> i64 {
    subject.get().cast_signed()
}
