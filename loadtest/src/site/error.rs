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
    /// There is something already.
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
    /// The keyring refuses.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A change of the keyring was refused.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
}

/// An error of the system with the file that it is about.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> SiteError {
    move |error| SiteError::File { path: path.to_owned(), error }
}
