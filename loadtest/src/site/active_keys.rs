//! The keys of a run. Load threads share them, and a rotation replaces them as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyring::code::KeyId;
use keyring::key::{IssuerKey, KeyState};
use keyring::key_set::KeySet;
use keyring::suite::SigningKey;

use crate::site::Site;
use crate::site::error::SiteError;

/// All keys of a run at one moment.
#[derive(Clone)]
pub struct ActiveKeys {
    keys: Arc<KeySet>,
    /// In the order of their ids.
    entries: Vec<KeyEntry>,
}

/// A key with its private key.
#[derive(Clone)]
pub struct KeyEntry {
    /// Its id.
    pub id: KeyId,
    /// Its private key.
    pub signing: SigningKey,
    /// Its state in the keyring.
    pub state: KeyState,
    /// Whether it is being revoked or is revoked.
    pub leaving: Leaving,
}

/// A flag that is set before a key is revoked. From then on gateways may refuse its codes.
#[derive(Clone, Debug, Default)]
pub struct Leaving(Arc<AtomicBool>);

impl ActiveKeys {
    /// Reads the keyring and all private keys.
    ///
    /// # Errors
    /// [`SiteError`] if one cannot be read.
    pub fn read(site: &Site) -> Result<Self, SiteError> {
        let keys = site.keys()?;
        let entries = keys.iter().map(|key| {
            let id = key.id();
            let signing = site.signing_key(id)?;
            Ok(KeyEntry { id, signing, state: key.state(), leaving: Leaving::of(key.state()) })
        });
        let entries = entries.collect::<Result<Vec<_>, SiteError>>()?;
        Ok(Self { keys: Arc::new(keys), entries })
    }

    /// Reads the keyring again. Known keys keep their flags.
    ///
    /// # Errors
    /// [`SiteError`] if it cannot be read.
    pub fn read_again(&self, site: &Site) -> Result<Self, SiteError> {
        let mut next = Self::read(site)?;
        for entry in &mut next.entries {
            if let Some(known) = self.entries.iter().find(|known| known.id == entry.id) {
                entry.leaving = known.leaving.clone();
            }
        }
        Ok(next)
    }

    /// Every key.
    pub fn entries(&self) -> &[KeyEntry] {
        &self.entries
    }

    /// The oldest key in this state.
    pub fn oldest(&self, state: KeyState) -> Option<&KeyEntry> {
        self.entries.iter().find(|entry| entry.state == state)
    }

    /// The key as the keyring has it.
    pub fn issuer(&self, id: KeyId) -> Option<&IssuerKey> {
        self.keys.get(id)
    }
}

impl Leaving {
    fn of(state: KeyState) -> Self {
        Self(Arc::new(AtomicBool::new(state == KeyState::Revoked)))
    }

    /// Notes that gateways may refuse the key from now on.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether gateways may refuse the key.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
