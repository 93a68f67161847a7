//! Why a data directory cannot be used, in sentences for an operator.

use std::io;
use std::path::Path;

use keyring::time::UnixMillis;
use sys::disk;

use crate::file::file_bytes;
use crate::limits::{AHEAD_MS_MAX, LOCK_PATIENCE};

/// Why the data directory cannot be used. Every text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The system refuses, or another process prevents it.
    #[error("[server] data_dir: {path}: {why}")]
    Unusable {
        /// The directory, or the file in it.
        path: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The clock has fallen back, or had run ahead: an operator must set the clock.
    #[error(
        "[server] data_dir: {path}: codes were judged by {mark}, but the clock says {now}, and more \
         than 60 s back it is not believed: if the clock is wrong now, set it and start again; if \
         it was wrong then, remove the data directory, which is safe: codes issued until the next \
         start are refused"
    )]
    Ahead {
        /// The file that holds the later time.
        path: String,
        /// That time.
        mark: UnixMillis,
        /// The time now.
        now: UnixMillis,
    },
}

/// An error if the high-water mark is too far ahead of the clock.
pub(super) fn not_ahead(
    path: &Path,
    mark: UnixMillis,
    now: UnixMillis,
) -> Result<(), DirectoryError> {
    if mark.ms_since(now) <= AHEAD_MS_MAX {
        return Ok(());
    }
    Err(DirectoryError::Ahead { path: path.display().to_string(), mark, now })
}

/// The error for what the system says of this file or directory.
pub(super) fn unusable(path: &Path, error: &io::Error) -> DirectoryError {
    let why = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            "it is on a read-only mount, and spent codes must be kept: give the gateway a directory \
             that it can write"
                .to_owned()
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "it, or what it lies in, is not a directory".to_owned()
        }
        io::ErrorKind::PermissionDenied => "this user may not write it".to_owned(),
        _ if disk::is_full(error) => format!("no room: {error}"),
        _ => error.to_string(),
    };
    DirectoryError::Unusable { path: path.display().to_string(), why }
}

/// The error for a table that could not be written.
pub(super) fn no_room(
    path: &Path,
    capacity: usize,
    capacity_key: &str,
    error: &io::Error,
) -> DirectoryError {
    if !disk::is_full(error) {
        return unusable(path, error);
    }
    DirectoryError::Unusable {
        path: path.display().to_string(),
        why: format!(
            "no room for a table of {capacity} slots, {} bytes ({error}): free so much, or lower \
             {capacity_key}",
            file_bytes(capacity)
        ),
    }
}

/// The error for a lock that another process holds alone.
pub(super) fn held_alone(path: &Path) -> DirectoryError {
    DirectoryError::Unusable {
        path: path.display().to_string(),
        why: format!(
            "another process has held it alone for {} s: a gateway of an older version that runs or \
             drains with this directory, or something strange; wait for its end, or give this \
             gateway a directory of its own",
            LOCK_PATIENCE.as_secs()
        ),
    }
}
