//! What a store can fail at, in words for the operator.

use std::{io, path::PathBuf};

use rusqlite::ErrorCode;

use crate::{change::ChangeError, entry::FormatError, memory::Full, store::Failure};

/// What a local store can fail at. After each but [`NotAcknowledged`](Self::NotAcknowledged)
/// nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error("{path}: {source}; allowed: a file that this user may read and write")]
    Open {
        /// Of the database.
        path: PathBuf,
        /// The system's.
        source: io::Error,
    },
    /// No SQLite database, or a damaged one.
    #[error("the account database is damaged or is none ({0}); restore it from an export")]
    Damaged(rusqlite::Error),
    /// The check found that it is damaged.
    #[error("the account database is damaged ({0}); restore it from an export")]
    Malformed(String),
    /// The disk is full.
    #[error("the disk of the account database is full; make room, then send the change again")]
    DiskFull,
    /// This user may not read or write it, or its directory.
    #[error("the account database cannot be read and written ({0}); check owner and mode")]
    Permission(rusqlite::Error),
    /// The other process holds it for too long.
    #[error("the account database is in use by another process; send the change again")]
    Busy,
    /// Made by another version of the program.
    #[error("the account database has format {found}; allowed: {}", crate::limits::DATABASE_FORMAT)]
    Format {
        /// What it says.
        found: i64,
    },
    /// A row that this program did not write.
    #[error("a row of the account database: {0}")]
    Row(#[from] FormatError),
    /// The log shows fewer changes than were applied. It stays so until a restart.
    #[error(
        "the account database was set back from change {applied} to {found}; restart, and repeat the changes since"
    )]
    SetBack {
        /// The last change that this process applied.
        applied: u64,
        /// The last one in the log.
        found: u64,
    },
    /// No room in memory.
    #[error(transparent)]
    Full(#[from] Full),
    /// 85 % of the capacity is in use.
    #[error("account states use 85 % of `capacity` ({capacity}); allowed: a larger `capacity`")]
    NearlyFull {
        /// People.
        capacity: usize,
    },
    /// One of the changes is refused.
    #[error("change {index}: {error}")]
    Change {
        /// Which one, from 0.
        index: usize,
        /// Why.
        error: ChangeError,
    },
    /// Anything else of SQLite's.
    #[error("the account database cannot be used: {0}")]
    Sqlite(rusqlite::Error),
    /// The commit failed, or what was committed could not be applied: what was sent may hold.
    #[error("the account database failed ({0}); the change may hold: send it again")]
    NotAcknowledged(String),
}

impl StoreError {
    /// Of the commit itself. A commit that found the database locked wrote nothing. After any other
    /// error its last page may be on disk, and a recovery would take it.
    pub(super) fn of_commit(error: rusqlite::Error) -> Self {
        match Self::from(error) {
            Self::Busy => Self::Busy,
            other => Self::NotAcknowledged(other.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Self::Permission(error)
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Sqlite(error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Change { index, error } => Self::Change { index, error },
            StoreError::NearlyFull { capacity } => Self::NearlyFull { capacity },
            StoreError::DiskFull => Self::StoreFull("its disk".to_owned()),
            StoreError::NotAcknowledged(why) => Self::NotAcknowledged(why),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
