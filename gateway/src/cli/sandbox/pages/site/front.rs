//! A gateway that the tills talk to, with its files and the issuer of its codes.

use crate::cli::codes::issuer::Issuer;
use crate::cli::failure::Failure;
use crate::cli::sandbox::directory::{Files, key_id};
use crate::cli::sandbox::settings::Addresses;

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
