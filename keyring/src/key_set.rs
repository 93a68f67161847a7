//! All keys of a keyring, immutable. A reload puts a whole new set in the place of the old one.

use std::{fmt, io, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{
    code::KeyId,
    key::{IssuerKey, KeyState, KeyTerms, PassKey, PassKeyId, PassKeyState, PassKeys},
    suite::{Verifier, VerifyingKey},
    time::UnixMillis,
};

/// Keys that a keyring holds at most.
pub const KEYS_MAX: usize = 500;
const DIGEST_BYTES: usize = 8;

/// The keys that codes are judged by, and those that passes are made with and opened. Lookup is a
/// binary search over ids that lie side by side: 500 of them fill 32 cache lines.
pub struct KeySet {
    ids: Box<[KeyId]>,
    keys: Box<[IssuerKey]>,
    by_ending: ByEnding,
    pass_keys: PassKeys,
    digest: String,
    verifier: Arc<Verifier>,
}

/// What [`KeySet::recheck_table`] found.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum TableCheck {
    /// The table is as it was built, or not built yet.
    Sound,
    /// Its memory had changed: it is out of use.
    Dropped,
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
    /// Orders the keys by id. Signatures are verified by the reference engine.
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
        let pass_keys = PassKeys::default();
        Ok(Self {
            digest: digest(&keys, &pass_keys),
            verifier: Arc::new(Verifier::reference()),
            by_ending: ByEnding::new(&ids),
            keys: keys.into(),
            ids,
            pass_keys,
        })
    }

    /// The same keys, and these for passes.
    #[must_use]
    pub fn with_pass_keys(mut self, pass_keys: PassKeys) -> Self {
        self.digest = digest(&self.keys, &pass_keys);
        self.pass_keys = pass_keys;
        self
    }

    /// The same keys, their signatures verified by `verifier`. They have no tables yet: see
    /// [`build_tables`](Self::build_tables).
    #[must_use]
    pub fn with_verifier(mut self, verifier: Arc<Verifier>) -> Self {
        self.verifier = verifier;
        self
    }

    /// The same keys, verified as `before` does, with the tables of keys that both have.
    #[must_use]
    pub fn succeeding(mut self, before: &Self) -> Self {
        for key in &mut self.keys {
            if let Some(before) = before.get(key.id()) {
                key.keep_table_of(before);
            }
        }
        self.with_verifier(Arc::clone(&before.verifier))
    }

    /// The verifier of the signatures.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Builds the tables that are missing: of every key that is not revoked, as far as
    /// `budget_bytes` go. See [`Verifier::build_tables`].
    ///
    /// # Errors
    /// The system's error if there is no memory; tables that were built are in use.
    pub fn build_tables(&self, budget_bytes: u64) -> io::Result<usize> {
        let keys: Vec<&VerifyingKey> = self.tabled().map(IssuerKey::verifying_key).collect();
        self.verifier.build_tables(&keys, budget_bytes)
    }

    /// How many keys have a table, of those that get one.
    pub fn tables_ready(&self) -> usize {
        self.tabled().filter(|key| key.verifying_key().has_table()).count()
    }

    /// Bytes of all tables, the generator's included.
    pub fn table_bytes(&self) -> u64 {
        let keys = self.tabled().map(|key| key.verifying_key().table_bytes());
        self.verifier.base_table_bytes() + keys.sum::<u64>()
    }

    /// Checks by its hash whether one table still holds what was built. Turn 0 checks the generator's
    /// table, the next turns each key's, and so on in a circle. A changed table is dropped at once.
    /// The reference then verifies its key until tables are built again. Takes up to 20 ms.
    pub fn recheck_table(&self, turn: usize) -> TableCheck {
        let keys: Vec<&IssuerKey> = self.tabled().collect();
        let sound = match (turn % (keys.len() + 1)).checked_sub(1) {
            None => !self.verifier.drop_base_table_if_unsound(),
            Some(place) => {
                keys.get(place).is_none_or(|key| !key.verifying_key().drop_table_if_unsound())
            }
        };
        if sound { TableCheck::Sound } else { TableCheck::Dropped }
    }

    /// Keys that get a table.
    pub fn tabled(&self) -> impl Iterator<Item = &IssuerKey> {
        self.iter().filter(|key| key.state() != KeyState::Revoked)
    }

    /// The key with that id.
    pub fn get(&self, id: KeyId) -> Option<&IssuerKey> {
        self.keys.get(self.place(id)?)
    }

    /// Where the key with that id stands in [`iter`](Self::iter).
    pub fn place(&self, id: KeyId) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// All keys in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &IssuerKey> {
        self.keys.iter()
    }

    /// The keys whose ids end in these 16 bits, whatever their state, in the order of their ids.
    pub(crate) fn ending_in(&self, low: u16) -> impl Iterator<Item = &IssuerKey> {
        self.by_ending.places(low).iter().filter_map(|place| self.keys.get(usize::from(*place)))
    }

    /// The pass keys in the order of their ids, and what each serves for.
    pub fn pass_keys(&self) -> impl ExactSizeIterator<Item = (PassKeyId, PassKeyState)> {
        self.pass_keys.iter().map(|key| (key.id(), key.state()))
    }

    /// Whether passes can be made.
    pub fn has_active_pass_key(&self) -> bool {
        self.active_pass_key().is_some()
    }

    /// The key that makes passes.
    pub(crate) fn active_pass_key(&self) -> Option<&PassKey> {
        self.pass_keys.active()
    }

    /// The key with that id, if its passes open.
    pub(crate) fn opening_pass_key(&self, id: PassKeyId) -> Option<&PassKey> {
        self.pass_keys.opening(id)
    }

    /// How many keys would accept a code that is issued at `now`.
    pub fn usable_at(&self, now: UnixMillis) -> usize {
        self.iter().filter(|key| key.is_usable_at(now)).count()
    }

    /// Whether each key of `before` that would accept a code issued at `now` is revoked here. A key
    /// that is merely missing may have been forgotten.
    pub fn revokes_usable_of(&self, before: &Self, now: UnixMillis) -> bool {
        let revoked = self.iter().filter(|key| key.state() == KeyState::Revoked);
        let revoked: Vec<KeyId> = revoked.map(IssuerKey::id).collect();
        let mut usable = before.iter().filter(|key| key.is_usable_at(now));
        !revoked.is_empty() && usable.all(|key| revoked.contains(&key.id()))
    }

    /// Sixteen hex digits of SHA-256 over everything public that the set says: two gateways with
    /// the same digest trust the same keys and open the same passes. No secret enters it, the seal
    /// secret included. Of a pass secret its fingerprint enters, from which nothing follows.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Where the keys of one ending are. Endings lie side by side, as ids do.
struct ByEnding {
    /// Ascending.
    endings: Box<[u16]>,
    /// The place of the key with the ending that stands in the same place.
    places: Box<[u16]>,
}

impl ByEnding {
    /// `ids` ascend, and so do those of one ending: the sort is stable.
    fn new(ids: &[KeyId]) -> Self {
        let mut all: Vec<(u16, u16)> = ids.iter().map(|id| ending(*id)).zip(0..).collect();
        all.sort_by_key(|(ending, _)| *ending);
        let (endings, places): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        Self { endings: endings.into(), places: places.into() }
    }

    fn places(&self, ending: u16) -> &[u16] {
        let start = self.endings.partition_point(|known| *known < ending);
        let end = self.endings.partition_point(|known| *known <= ending);
        self.places.get(start..end).unwrap_or_default()
    }
}

/// The last 16 bits.
pub(crate) fn ending(id: KeyId) -> u16 {
    let [_, _, high, low] = id.get().to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Every field has a fixed length or its length before it, so no two sets give the same bytes. Key
/// id 0, which no issuer has, stands before each pass key.
fn digest(keys: &[IssuerKey], pass_keys: &PassKeys) -> String {
    let mut hash = Sha256::new();
    let add = |hash: &mut Sha256, text: &str| {
        hash.update(u64::try_from(text.len()).expect("a length fits").to_be_bytes());
        hash.update(text);
    };
    for key in keys {
        let KeyTerms { id, channel, state, not_before, not_after, environment } = key.terms();
        hash.update(id.get().to_be_bytes());
        for text in [channel.as_str(), key.algorithm(), state.as_str(), environment] {
            add(&mut hash, text);
        }
        hash.update(not_before.get().to_be_bytes());
        hash.update(not_after.get().to_be_bytes());
        hash.update(key.public_key().to_sec1());
    }
    for key in pass_keys.iter() {
        hash.update(0_u32.to_be_bytes());
        hash.update([key.id().get()]);
        add(&mut hash, key.state().as_str());
        hash.update(key.fingerprint());
    }
    hash.finalize().iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::{KeyState, PassSecret},
        sample::{self, at},
        suite::Engine,
    };

    fn id(id: u32) -> KeyId {
        KeyId::new(id).unwrap()
    }

    fn set(keys: impl IntoIterator<Item = IssuerKey>) -> Result<KeySet, KeySetError> {
        KeySet::new(keys.into_iter().collect())
    }

    #[test]
    fn every_key_is_found_and_no_other() {
        let ids = (0..500).rev().map(|n| id(4 * n + 3));
        let keys = set(ids.map(|id| sample::key(id, KeyState::Active))).unwrap();
        assert_eq!(keys.iter().len(), KEYS_MAX);
        for n in 1..2_002 {
            let found = keys.get(id(n)).map(IssuerKey::id);
            let placed = keys.place(id(n)).and_then(|place| keys.iter().nth(place));
            assert_eq!(placed.map(IssuerKey::id), found);
            assert_eq!(found, Some(id(n)).filter(|_| n % 4 == 3), "{n}");
        }
        assert!(keys.iter().map(IssuerKey::id).is_sorted());
        assert!(set([]).unwrap().get(id(1)).is_none());
    }

    #[test]
    fn ids_are_unique_and_keys_bounded() {
        let twice = [1, 2, 1].map(|n| sample::key(id(n), KeyState::Active));
        assert_eq!(set(twice).err(), Some(KeySetError::Duplicate(id(1))));
        let many = (1..=501).map(|n| sample::key(id(n), KeyState::Active));
        assert_eq!(set(many).err(), Some(KeySetError::TooMany(501)));
    }

    #[test]
    fn usable_is_trusted_and_within_its_dates() {
        use KeyState::{Active, Announced, Retiring, Revoked};
        let keys = [(1, Announced), (2, Active), (3, Retiring), (4, Revoked)];
        let keys = keys.map(|(n, state)| sample::key_between(id(n), state, at(-1), at(1)));
        let keys = set(keys).unwrap();
        assert_eq!([-2, -1, 0, 1].map(|ms| keys.usable_at(at(ms))), [0, 2, 2, 0]);
    }

    #[test]
    fn a_key_that_is_missing_is_not_revoked() {
        use KeyState::{Active, Announced, Retiring, Revoked};
        let of = |states: &[(u32, KeyState)]| {
            set(states.iter().map(|(n, state)| sample::key(id(*n), *state))).unwrap()
        };
        let before = of(&[(1, Active), (2, Retiring), (3, Announced)]);
        for (after, is_revoked) in [
            (of(&[(1, Revoked), (2, Revoked)]), true),
            (of(&[(1, Revoked)]), false),
            (of(&[(1, Revoked), (2, Announced)]), false),
            (of(&[]), false),
        ] {
            assert_eq!(after.revokes_usable_of(&before, at(0)), is_revoked, "{after:?}");
        }
        // Reading the same again is no mistake.
        assert!(of(&[(1, Revoked)]).revokes_usable_of(&of(&[(1, Revoked)]), at(0)));
    }

    #[test]
    fn digest_changes_with_each_public_thing_and_not_with_the_order() {
        let key = |n, state, to_ms| sample::key_between(id(n), state, at(0), at(to_ms));
        let digest = |keys: Vec<IssuerKey>| KeySet::new(keys).unwrap().digest().to_owned();
        let (active, revoked) = (KeyState::Active, KeyState::Revoked);
        let base = digest(vec![key(1, active, 9), key(2, active, 9)]);
        assert_eq!(base, digest(vec![key(2, active, 9), key(1, active, 9)]));
        assert_eq!(base.len(), 2 * DIGEST_BYTES);
        for other in [
            vec![key(1, active, 9)],
            vec![key(1, active, 9), key(3, active, 9)],
            vec![key(1, active, 9), key(2, revoked, 9)],
            vec![key(1, active, 9), key(2, active, 8)],
        ] {
            assert_ne!(base, digest(other));
        }
    }

    #[test]
    fn digest_changes_with_each_pass_key() {
        let digest = |keys: &[(u8, PassKeyState, u8)]| {
            let pass_key = |(id, state, byte): &(u8, PassKeyState, u8)| {
                let secret = PassSecret::new([*byte; PassSecret::BYTES]);
                PassKey::new(PassKeyId::new(*id).unwrap(), *state, &secret)
            };
            let pass_keys = PassKeys::new(keys.iter().map(pass_key).collect()).unwrap();
            sample::key_set().with_pass_keys(pass_keys).digest().to_owned()
        };
        use PassKeyState::{Active, Retiring};
        let sets: [&[_]; 6] = [
            &[],
            &[(1, Active, 7)],
            &[(2, Active, 7)],
            &[(1, Retiring, 7)],
            &[(1, Active, 8)],
            &[(1, Active, 7), (2, Retiring, 7)],
        ];
        let digests: std::collections::HashSet<_> = sets.iter().map(|set| digest(set)).collect();
        assert_eq!(digests.len(), sets.len());
        assert!(digests.contains(sample::key_set().digest()), "no pass key changes nothing");
    }

    #[test]
    fn keys_are_found_by_the_end_of_their_ids_in_ascending_order() {
        let ids = [7001 + (2 << 16), 7001, 7002, 7001 + (1 << 16), 6999, 1 << 16];
        let keys = set(ids.map(|n| sample::key(id(n), KeyState::Active))).unwrap();
        let found = |low| keys.ending_in(low).map(|key| key.id().get()).collect::<Vec<_>>();
        assert_eq!(found(7001), [7001, 7001 + (1 << 16), 7001 + (2 << 16)]);
        assert_eq!((found(7002), found(6999), found(0)), (vec![7002], vec![6999], vec![1 << 16]));
        assert_eq!((found(7000), found(u16::MAX)), (vec![], vec![]));
        assert_eq!(set([]).unwrap().ending_in(7001).count(), 0);
    }

    #[test]
    fn a_set_that_follows_another_keeps_its_tables_and_verifier() {
        let verifier = Arc::new(Verifier::new(Engine::Portable, |_| ()).unwrap());
        let first = set([1, 2].map(|n| sample::key(id(n), KeyState::Active))).unwrap();
        let first = first.with_verifier(Arc::clone(&verifier));
        assert_eq!((first.tables_ready(), first.table_bytes()), (0, 0));
        assert_eq!(first.build_tables(4 << 20).unwrap(), 3, "two keys, and the generator");
        let keys = [(1, KeyState::Retiring), (2, KeyState::Revoked), (3, KeyState::Active)];
        let next = set(keys.map(|(n, state)| sample::key(id(n), state))).unwrap();
        let next = next.succeeding(&first);
        assert!(std::ptr::eq(next.verifier(), &*verifier));
        assert_eq!((next.tables_ready(), next.tabled().count()), (1, 2), "none for revoked keys");
        assert_eq!(next.build_tables(4 << 20).unwrap(), 1, "the new key alone");
        assert!(next.table_bytes() <= 4 << 20);
    }

    #[test]
    fn each_table_is_checked_in_its_turn() {
        let verifier = Arc::new(Verifier::new(Engine::Portable, |_| ()).unwrap());
        let keys = set([1, 2].map(|n| sample::key(id(n), KeyState::Active))).unwrap();
        let keys = keys.with_verifier(verifier);
        keys.build_tables(1 << 20).unwrap();
        for turn in 0..6 {
            assert_eq!(keys.recheck_table(turn), TableCheck::Sound);
        }
        assert_eq!(keys.tables_ready(), 2);
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", sample::key_set());
        assert!(text.contains("7001") && !text.contains("seal"), "{text}");
    }
}
