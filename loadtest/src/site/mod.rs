//! The directory of a run: a keyring of throw-away keys, their private keys, and the configuration
//! of each gateway.
//!
//! `run` makes one for itself; `prepare` makes one for gateways that are started by hand.
//! [`Site::open`] reads both, so that they cannot differ.

pub mod accounts;
pub mod active_keys;
pub mod config;
pub mod error;
pub mod plan;

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use keyring::ceremony::{self, NewKey};
use keyring::code::KeyId;
use keyring::key::KeyState;
use keyring::key_set::KeySet;
use keyring::store;
use keyring::suite::SigningKey;
use keyring::time::UnixMillis;

use self::config::{Configured, NodePlace};
use self::error::{SiteError, at};
use self::plan::{ENVIRONMENT, Plan};
use crate::clock;
use crate::net::address::Address;

/// The id of the first active key. The key with the id before it is revoked from the start.
pub const FIRST_KEY: u32 = 7001;
const REVOKED_KEY: u32 = FIRST_KEY - 1;
/// Keys are valid since this time before now, because expired codes are issued in the past.
const VALID_SINCE_MS: i64 = -86_400_000;
/// The channels of keys, in turn.
pub const CHANNELS: [&str; crate::judge::accounts::CHANNELS] = ["wechat", "alipay", "nhsa-app"];

/// A directory that was read.
#[derive(Clone, Debug)]
pub struct Site {
    dir: PathBuf,
    /// The nodes, at least one.
    pub nodes: Vec<NodePlace>,
    /// Where the stand-in backend listens.
    pub backend: Address,
    /// Where the nodes find their registers, of all groups.
    pub registers: Vec<std::net::SocketAddr>,
    /// `codes.skew_ms`.
    pub skew_ms: i64,
    /// `server.workers`.
    pub workers: usize,
}

impl Plan {
    /// Writes keyring, signing keys and configurations.
    ///
    /// # Errors
    /// [`SiteError`] if there is something already, or if it cannot be written.
    pub fn write(&self) -> Result<Site, SiteError> {
        let keyring = self.dir.join("keyring");
        if keyring.exists() {
            return Err(SiteError::Exists(keyring));
        }
        let signing = self.dir.join("signing");
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&signing);
        made.map_err(at(&signing))?;
        for (node, (listen, admin)) in self.nodes.iter().enumerate() {
            let path = config::path(&self.dir, node);
            let text = config::text(self, node, listen, *admin);
            fs::write(&path, text).map_err(at(&path))?;
        }
        if self.memory.accounts.is_some() {
            accounts::write_token(&self.dir)?;
        }
        for id in REVOKED_KEY..FIRST_KEY + self.keys {
            generate(&self.dir, id)?;
        }
        if self.has_passes {
            let id = ceremony::pass::generate(&keyring, None)?;
            ceremony::pass::activate(&keyring, id)?;
        }
        let site = Site::open(&self.dir)?;
        site.set_state(REVOKED_KEY, KeyState::Revoked)?;
        Ok(site)
    }
}

impl Site {
    /// Reads the configurations of a directory.
    ///
    /// # Errors
    /// [`SiteError`] if one lacks what the tool must know.
    pub fn open(dir: &Path) -> Result<Self, SiteError> {
        let Configured { nodes, backend, registers, skew_ms, workers } = config::read(dir)?;
        Ok(Self { dir: dir.to_owned(), nodes, backend, registers, skew_ms, workers })
    }

    /// The keyring as it is now.
    ///
    /// # Errors
    /// [`SiteError`] if it does not load.
    pub fn keys(&self) -> Result<KeySet, SiteError> {
        Ok(store::load(&self.keyring(), None)?)
    }

    /// A private key.
    ///
    /// # Errors
    /// [`SiteError`] if it cannot be read.
    pub fn signing_key(&self, id: KeyId) -> Result<SigningKey, SiteError> {
        Ok(store::read_signing_key(&signing_key_path(&self.dir, id.get()))?)
    }

    /// Makes a new active key with the next id.
    ///
    /// # Errors
    /// [`SiteError`] if the keyring refuses.
    pub fn add_key(&self) -> Result<KeyId, SiteError> {
        let keys = self.keys()?;
        let last = keys.iter().map(|key| key.id().get()).max().unwrap_or(REVOKED_KEY);
        generate(&self.dir, last + 1)?;
        Ok(key_id(last + 1))
    }

    /// Retires or revokes a key.
    ///
    /// # Errors
    /// [`SiteError`] if the keyring refuses.
    pub fn set_state(&self, id: u32, state: KeyState) -> Result<(), SiteError> {
        Ok(ceremony::set_state(&self.keyring(), key_id(id), state)?)
    }

    /// Where logs go.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn keyring(&self) -> PathBuf {
        self.dir.join("keyring")
    }
}

fn generate(dir: &Path, id: u32) -> Result<(), SiteError> {
    let now = UnixMillis::new(clock::unix_ms());
    let whole_second = UnixMillis::from_seconds(now.seconds());
    let channel = CHANNELS.get(channel_of(id)).and_then(|name| name.parse().ok());
    let new = NewKey {
        id: key_id(id),
        channel: channel.expect("names of channels"),
        environment: ENVIRONMENT,
        now,
        not_before: Some(whole_second.plus_ms(VALID_SINCE_MS)),
        not_after: None,
    };
    Ok(ceremony::generate(&dir.join("keyring"), &new, &signing_key_path(dir, id))?)
}

/// The place of a key's channel in [`CHANNELS`].
pub fn channel_of(id: u32) -> usize {
    usize::try_from(id).unwrap_or(0) % CHANNELS.len()
}

fn signing_key_path(dir: &Path, id: u32) -> PathBuf {
    dir.join("signing").join(format!("{id}.pem"))
}

fn key_id(id: u32) -> KeyId {
    KeyId::new(id).expect("ids start at 7000")
}

#[cfg(test)]
mod tests;
