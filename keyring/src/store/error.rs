//! What can be wrong with a keyring. Each message says how an operator puts it right.

use std::{io, path::PathBuf};

/// Why a file cannot be read: the system's words, or better ones.
fn why_unreadable(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::IsADirectory => "this is a directory; allowed: a file".to_owned(),
        _ => format!("cannot be read: {source}"),
    }
}

/// A keyring or key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file cannot be read.
    #[error("{}: {}", path.display(), why_unreadable(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file where the keyring's directory should be.
    #[error("{}: this is a file; allowed: the keyring's directory, which holds keyring.toml", .0.display())]
    NotDirectory(PathBuf),
    /// The file is longer than any such file.
    #[error("{}: too large; allowed: at most {bytes_max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        bytes_max: usize,
    },
    /// A secret that others than its owner can read.
    #[error(
        "{path}: mode {mode:04o} lets others than its owner in; allowed: 0600 or less, or 0640 of \
         root and a group that is not root's; use: chmod 600 {path}",
        path = path.display()
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold what it should.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The key, its value, and what is allowed.
        message: String,
    },
}
