//! Whether the file is whole. It reads every page, so it is for a command, not for a start.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;
use crate::limits::LOCK_PATIENCE;

/// Reads all of the database, without changing it, and checks its structure, and each entry's form.
/// A gateway may have it open meanwhile.
///
/// A start does not do so: it took 5 to 6 s for ten million people, as long as the load itself, and
/// a load reads each row anyway and refuses one that is malformed.
///
/// # Errors
/// It cannot be read, or is damaged.
pub fn check(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    std::fs::metadata(path).map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_PATIENCE)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Malformed(verdict));
    }
    super::database::all(&connection, |_, _| Ok(()))
}
