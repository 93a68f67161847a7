//! Why a directory cannot be made or used.

use std::io;
use std::path::{Path, PathBuf};

use keyring::ceremony::CeremonyError;
use keyring::store::KeyringError;

/// Why a directory cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A file cannot be written or read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The directory holds a keyring already.
    #[error("{0} is there already; allowed: a directory in which nothing was prepared")]
    Exists(PathBuf),
    /// A configuration lacks what the tool must know.
    #[error("{path}: {what}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what is allowed.
        what: String,
    },
    /// The keyring cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A change of the keyring was refused.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
}

/// Adds the file to an error of the system.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> SiteError {
    move |error| SiteError::File { path: path.to_owned(), error }
}
