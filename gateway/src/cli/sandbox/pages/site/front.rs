//! A gateway that the tills talk to, with its files and the issuer of its codes.

use std::path::PathBuf;

use crate::cli::codes::issuer::Issuer;
use crate::cli::failure::Failure;
use crate::cli::sandbox::directory::key_id;
use crate::cli::sandbox::settings::Addresses;

/// Where the files of a sandbox are. All paths are absolute.
#[derive(Clone, Debug)]
pub(in crate::cli::sandbox) struct Files {
    pub(in crate::cli::sandbox) directory: PathBuf,
    pub(in crate::cli::sandbox) keyring: PathBuf,
    pub(in crate::cli::sandbox) signing_key: PathBuf,
    pub(in crate::cli::sandbox) revoked_code: PathBuf,
    pub(in crate::cli::sandbox) record: PathBuf,
    pub(in crate::cli::sandbox) subject_key: PathBuf,
    pub(in crate::cli::sandbox) accounts_token: PathBuf,
}

/// A gateway, its files and its issuer. No two of them share a key.
pub(in crate::cli::sandbox::pages) struct Front {
    pub(in crate::cli::sandbox::pages) addresses: Addresses,
    pub(in crate::cli::sandbox::pages) files: Files,
    /// Makes what phones show.
    pub(in crate::cli::sandbox::pages) issuer: Issuer,
}

impl Front {
    /// # Errors
    /// The issuer's keys cannot be read.
    pub(in crate::cli::sandbox::pages) fn load(
        addresses: Addresses,
        files: Files,
    ) -> Result<Self, Failure> {
        let issuer = Issuer::load(&files.keyring, key_id(), &files.signing_key)?;
        Ok(Self { addresses, files, issuer })
    }
}
