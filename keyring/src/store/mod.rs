//! The keyring directory: `keyring.toml`, strict, beside the key files that it names.

mod error;
mod files;
mod manifest;

use std::{collections::BTreeMap, path::Path};

pub use error::KeyringError;
use files::read_pass_secret;
pub(crate) use files::{hex_line, read_manifest, read_public_key};
pub use files::{read_seal_secret, read_secret_bytes, read_signing_key};
pub(crate) use manifest::{KeyEntry, Manifest, PassSecretEntry, SecretId};

use crate::{
    key::{IssuerKey, PassKey, PassKeys},
    key_set::KeySet,
    seal::{SealKey, SealSecret},
};

/// The name of the file that says what is in a keyring.
pub const MANIFEST: &str = "keyring.toml";

/// Reads a keyring directory whole.
///
/// With an `environment` every key must belong to it; `None` takes keys of any, for tools that
/// decide nothing.
///
/// # Errors
/// [`KeyringError`] names the file, the key, the value and what is allowed. A secret file that
/// others than its owner can read is refused.
pub fn load(dir: &Path, environment: Option<&str>) -> Result<KeySet, KeyringError> {
    let keyring = Keyring::read(dir)?;
    if let Some(wanted) = environment {
        keyring.require_environment(wanted)?;
    }
    keyring.key_set()
}

/// A manifest and the seal secrets that it names. The files of public keys and pass secrets are read
/// when they are needed.
pub(crate) struct Keyring<'a> {
    dir: &'a Path,
    pub(crate) manifest: Manifest,
    secrets: BTreeMap<SecretId, SealSecret>,
}

impl<'a> Keyring<'a> {
    /// Reads `keyring.toml` and the seal secrets.
    pub(crate) fn read(dir: &'a Path) -> Result<Self, KeyringError> {
        if dir.is_file() {
            return Err(KeyringError::NotDirectory(dir.to_owned()));
        }
        let text = read_manifest(&dir.join(MANIFEST))?;
        Self::parse(dir, &text)
    }

    /// The keyring as it would be if `keyring.toml` held `text`.
    pub(crate) fn parse(dir: &'a Path, text: &str) -> Result<Self, KeyringError> {
        let manifest = Manifest::parse(&dir.join(MANIFEST), text)?;
        let mut keyring = Self { dir, manifest, secrets: BTreeMap::new() };
        keyring.secrets = keyring.read_secrets()?;
        keyring.check_removed()?;
        Ok(keyring)
    }

    /// Reads every public key and every pass secret.
    pub(crate) fn key_set(&self) -> Result<KeySet, KeyringError> {
        let keys = self.manifest.keys.iter().map(|entry| self.issuer_key(entry));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let keys = KeySet::new(keys).map_err(|error| self.wrong(error.to_string()))?;
        Ok(keys.with_pass_keys(self.pass_keys()?))
    }

    /// The secret with the highest id, which new keys take.
    pub(crate) fn newest_secret(&self) -> Option<(SecretId, &SealSecret)> {
        self.secrets.last_key_value().map(|(id, secret)| (*id, secret))
    }

    /// The seal key of a key that is in the keyring.
    pub(crate) fn seal_key(&self, entry: &KeyEntry) -> Result<SealKey, KeyringError> {
        let secret = self.secrets.get(&entry.seal_secret).ok_or_else(|| {
            let known = self.secrets.keys().map(SecretId::to_string).collect::<Vec<_>>();
            self.wrong(format!(
                "[[key]] id {}: seal_secret = {}; allowed: the id of a [[seal_secret]] ({})",
                entry.id,
                entry.seal_secret,
                if known.is_empty() { "there is none".to_owned() } else { known.join(", ") },
            ))
        })?;
        Ok(secret.derive_for(entry.algorithm, entry.id))
    }

    fn issuer_key(&self, entry: &KeyEntry) -> Result<IssuerKey, KeyringError> {
        let seal_key = self.seal_key(entry)?;
        let public_key = read_public_key(&self.dir.join(&entry.public_key_file))?;
        IssuerKey::new(entry.terms(), public_key, seal_key)
            .map_err(|error| self.wrong(format!("[[key]] id {}: {error}", entry.id)))
    }

    fn read_secrets(&self) -> Result<BTreeMap<SecretId, SealSecret>, KeyringError> {
        let mut secrets = BTreeMap::new();
        for entry in &self.manifest.seal_secrets {
            let secret = read_seal_secret(&self.dir.join(&entry.file))?;
            if secrets.insert(entry.id, secret).is_some() {
                let message =
                    format!("[[seal_secret]] id {} is there twice; ids are unique", entry.id);
                return Err(self.wrong(message));
            }
        }
        Ok(secrets)
    }

    fn pass_keys(&self) -> Result<PassKeys, KeyringError> {
        let keys = self.manifest.pass_secrets.iter().map(|entry| self.pass_key(entry));
        PassKeys::new(keys.collect::<Result<_, _>>()?)
            .map_err(|error| self.wrong(error.to_string()))
    }

    fn pass_key(&self, entry: &PassSecretEntry) -> Result<PassKey, KeyringError> {
        let secret = read_pass_secret(&self.dir.join(&entry.file))?;
        Ok(PassKey::new(entry.id, entry.state, &secret))
    }

    fn check_removed(&self) -> Result<(), KeyringError> {
        let back =
            self.manifest.keys.iter().find(|key| self.manifest.removed_ids.contains(&key.id));
        match back {
            Some(key) => Err(self.wrong(format!(
                "[[key]] id {} is one of removed_ids; an id is never given to another key",
                key.id
            ))),
            None => Ok(()),
        }
    }

    fn require_environment(&self, wanted: &str) -> Result<(), KeyringError> {
        match self.manifest.keys.iter().find(|key| key.environment != wanted) {
            Some(key) => Err(self.wrong(format!(
                "[[key]] id {}: environment = {:?}; allowed: {wanted:?}, the gateway's own",
                key.id, key.environment
            ))),
            None => Ok(()),
        }
    }

    fn wrong(&self, message: String) -> KeyringError {
        KeyringError::Content { path: self.dir.join(MANIFEST), message }
    }
}

#[cfg(test)]
mod tests;
