//! Where the files of a sandbox are.

use std::path::{Path, PathBuf};

use crate::cli::sandbox::settings::TOKEN_FILE;

/// The key that commands and phones mint with.
pub(in crate::cli::sandbox) const KEY_ID: u32 = 7001;

/// All paths are absolute.
#[derive(Clone, Debug)]
pub(in crate::cli::sandbox) struct Files {
    pub(in crate::cli::sandbox) directory: PathBuf,
    pub(in crate::cli::sandbox) keyring: PathBuf,
    pub(in crate::cli::sandbox) signing_key: PathBuf,
    /// One code of the revoked key, 255 digits.
    pub(in crate::cli::sandbox) revoked_code: PathBuf,
    pub(in crate::cli::sandbox) record: PathBuf,
    /// The key that the decision record hashes subjects with.
    pub(in crate::cli::sandbox) subject_key: PathBuf,
    pub(in crate::cli::sandbox) accounts_token: PathBuf,
}

impl Files {
    /// Those of the sandbox in a directory.
    pub(in crate::cli::sandbox) fn of(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            keyring: directory.join("keyring"),
            signing_key: signing_key(directory, KEY_ID),
            revoked_code: directory.join("revoked-key.code"),
            record: directory.join("data/record"),
            subject_key: directory.join("audit.key"),
            accounts_token: directory.join(TOKEN_FILE),
        }
    }
}

pub(super) fn signing_key(directory: &Path, id: u32) -> PathBuf {
    directory.join(format!("{id}.key.pem"))
}
