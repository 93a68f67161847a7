//! An issuer's side: a keyring, an active key of it, and that key's private half.

use std::path::Path;

use keyring::code::KeyId;
use keyring::key::{IssuerKey, KeyState};
use keyring::key_set::KeySet;
use keyring::mint::{Minter, random_serial};
use keyring::store;

use super::order::{Issued, Order};
use crate::cli::failure::Failure;

/// Makes codes, as an issuer's app does.
pub(in crate::cli) struct Issuer {
    keys: KeySet,
    minter: Minter,
}

impl Issuer {
    /// Reads the keyring and the PEM file of the key's private half.
    ///
    /// # Errors
    /// One of them cannot be read, the key is not there or not active, or the file is of another key.
    pub(in crate::cli) fn load(
        keyring: &Path,
        key_id: KeyId,
        signing_key: &Path,
    ) -> Result<Self, Failure> {
        let keys = store::load(keyring, None)?;
        let key = keys.get(key_id).ok_or_else(|| unknown(keyring, key_id))?;
        check_state(key, keyring)?;
        let private = store::read_signing_key(signing_key)?;
        let minter = Minter::for_key(key, private)
            .map_err(|error| Failure::Unfit(format!("{}: {error}", signing_key.display())))?;
        Ok(Self { keys, minter })
    }

    pub(in crate::cli) fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Makes a code with a random serial number.
    pub(in crate::cli) fn issue(&self, order: &Order) -> Issued {
        let Order { spec, spoil } = *order;
        let code = match spoil {
            None => self.minter.mint(&spec, random_serial()),
            Some(spoil) => self.minter.mint_spoiled(&spec, random_serial(), spoil),
        };
        Issued::new(code, spec)
    }
}

fn unknown(keyring: &Path, key_id: KeyId) -> Failure {
    let manifest = keyring.join(store::MANIFEST);
    Failure::Unfit(format!("{}: there is no key {key_id}", manifest.display()))
}

/// Refuses a key whose state forbids new codes.
fn check_state(key: &IssuerKey, keyring: &Path) -> Result<(), Failure> {
    let why = match key.state() {
        KeyState::Active => return Ok(()),
        KeyState::Announced => "gateways do not accept its codes yet (yanma keys activate)",
        KeyState::Retiring => "no new codes are made with it; mint with its successor",
        KeyState::Revoked => "gateways refuse its codes for ever",
    };
    let manifest = keyring.join(store::MANIFEST);
    Err(Failure::Unfit(format!(
        "{}: key {} is {}; allowed: active; {why}",
        manifest.display(),
        key.id(),
        key.state()
    )))
}
