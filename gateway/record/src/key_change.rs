//! What a reload did to the keys.

use keyring::{
    key::{Channel, IssuerKey},
    key_set::KeySet,
};

/// What a reload did to one key.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) struct KeyChange {
    pub(crate) key_id: u32,
    pub(crate) channel: Channel,
    /// The state before; `None`: the key was not there.
    pub(crate) from: Option<&'static str>,
    /// The state now; `None`: the key is gone.
    pub(crate) to: Option<&'static str>,
}

/// The keys that are new, gone, in another state or with other dates.
pub(crate) fn key_changes(old: &KeySet, new: &KeySet) -> Vec<KeyChange> {
    let change = |key: &IssuerKey, from: Option<&IssuerKey>, to: Option<&IssuerKey>| KeyChange {
        key_id: key.id().get(),
        channel: key.channel(),
        from: from.map(|key| key.state().as_str()),
        to: to.map(|key| key.state().as_str()),
    };
    let is_same = |a: &IssuerKey, b: &IssuerKey| {
        (a.state(), a.channel(), a.not_after()) == (b.state(), b.channel(), b.not_after())
    };
    let now = new.iter().filter_map(|key| match old.get(key.id()) {
        Some(before) if is_same(before, key) => None,
        before => Some(change(key, before, Some(key))),
    });
    let gone = old.iter().filter(|key| new.get(key.id()).is_none());
    now.chain(gone.map(|key| change(key, Some(key), None))).collect()
}
