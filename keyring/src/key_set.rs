//! All keys of a keyring, immutable; a reload puts a whole new set in the place of the old one.

use std::{fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};
use sha2::{Digest, Sha256};

use crate::{
    code::KeyId,
    key::{IssuerKey, KeyTerms},
    time::UnixMillis,
};

/// Keys that a keyring holds at most.
pub const KEYS_MAX: usize = 500;
const DIGEST_BYTES: usize = 8;

/// The keys that codes are judged by. Lookup is a binary search over ids that lie side by side:
/// 500 of them fill 32 cache lines.
pub struct KeySet {
    ids: Box<[KeyId]>,
    keys: Box<[IssuerKey]>,
    digest: String,
}

/// Keys that cannot be one set.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeySetError {
    /// Two keys with one id.
    #[error("key id {0} is there twice; ids are unique")]
    Duplicate(KeyId),
    /// More than [`KEYS_MAX`].
    #[error("{0} keys; allowed: at most {KEYS_MAX}")]
    TooMany(usize),
}

impl KeySet {
    /// Orders the keys by id.
    ///
    /// # Errors
    /// [`KeySetError`] if two keys share an id, or if there are more than [`KEYS_MAX`].
    pub fn new(mut keys: Vec<IssuerKey>) -> Result<Self, KeySetError> {
        if keys.len() > KEYS_MAX {
            return Err(KeySetError::TooMany(keys.len()));
        }
        keys.sort_by_key(IssuerKey::id);
        let ids: Box<[KeyId]> = keys.iter().map(IssuerKey::id).collect();
        let twice = ids.iter().zip(ids.iter().skip(1)).find(|(id, next)| id == next);
        if let Some((id, _)) = twice {
            return Err(KeySetError::Duplicate(*id));
        }
        let digest = digest(&keys);
        Ok(Self { ids, keys: keys.into(), digest })
    }

    /// The key with that id.
    pub fn get(&self, id: KeyId) -> Option<&IssuerKey> {
        self.keys.get(self.ids.binary_search(&id).ok()?)
    }

    /// All keys in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &IssuerKey> {
        self.keys.iter()
    }

    /// How many keys would accept a code that is issued at `now`.
    pub fn usable_at(&self, now: UnixMillis) -> usize {
        self.iter().filter(|key| key.is_usable_at(now)).count()
    }

    /// Sixteen hex digits of SHA-256 over everything public that the set says: two gateways with
    /// the same digest trust the same keys. No secret enters it, the seal secret included.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The key set that is in force. Readers never wait, and a replacement waits for no reader.
pub struct SharedKeySet(ArcSwap<KeySet>);

/// A key set that would refuse every code that is issued now.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "none of the {keys} keys accepts a code issued at {now}: \
     at least one must be active or retiring, within its dates"
)]
pub struct NoUsableKey {
    keys: usize,
    now: UnixMillis,
}

impl SharedKeySet {
    /// Starts with `keys`, usable or not: a gateway may start before its keys' time.
    pub fn new(keys: Arc<KeySet>) -> Self {
        Self(ArcSwap::new(keys))
    }

    /// The set in force. Wait-free; meant to be held for one judgement, not to be kept.
    pub fn load(&self) -> Guard<Arc<KeySet>> {
        self.0.load()
    }

    /// Puts `keys` in force.
    ///
    /// # Errors
    /// [`NoUsableKey`] if no key would accept a code issued at `now`; the old set stays in force.
    pub fn replace(&self, keys: Arc<KeySet>, now: UnixMillis) -> Result<(), NoUsableKey> {
        if keys.usable_at(now) == 0 {
            return Err(NoUsableKey { keys: keys.iter().len(), now });
        }
        self.0.store(keys);
        Ok(())
    }
}

/// Every field has a fixed length or its length before it, so no two sets give the same bytes.
fn digest(keys: &[IssuerKey]) -> String {
    let mut hash = Sha256::new();
    for key in keys {
        let KeyTerms { id, channel, state, not_before, not_after, environment } = key.terms();
        hash.update(id.get().to_be_bytes());
        for text in [channel.as_str(), key.algorithm(), state.as_str(), environment] {
            hash.update(u64::try_from(text.len()).expect("a length fits").to_be_bytes());
            hash.update(text);
        }
        hash.update(not_before.get().to_be_bytes());
        hash.update(not_after.get().to_be_bytes());
        hash.update(key.public_key().to_sec1());
    }
    hash.finalize().iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}
