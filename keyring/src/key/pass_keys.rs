//! The pass keys of one keyring.

use super::pass_key::{PassKey, PassKeyId, PassKeyState};

/// Pass keys with ids of their own, of which at most one makes passes. There may be none.
#[derive(Debug, Default)]
pub struct PassKeys {
    /// In the order of their ids; 15 at most, because ids are unique.
    keys: Box<[PassKey]>,
    active: Option<usize>,
}

/// Pass keys that cannot be one keyring's.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PassKeysError {
    /// Two keys with one id.
    #[error("[[pass_secret]] id {0} is there twice; ids are unique")]
    Duplicate(PassKeyId),
    /// Two keys that would make passes.
    #[error(
        "[[pass_secret]] ids {0} and {1} are both active; allowed: one active, which makes \
         passes; the others announced, retiring or revoked"
    )]
    TwoActive(PassKeyId, PassKeyId),
}

impl PassKeys {
    /// Orders the keys by id.
    ///
    /// # Errors
    /// [`PassKeysError`] if two keys share an id, or if more than one is active.
    pub fn new(mut keys: Vec<PassKey>) -> Result<Self, PassKeysError> {
        keys.sort_by_key(PassKey::id);
        let twice = keys.iter().zip(keys.iter().skip(1)).find(|(key, next)| key.id() == next.id());
        if let Some((key, _)) = twice {
            return Err(PassKeysError::Duplicate(key.id()));
        }
        let mut active = keys.iter().enumerate().filter(|(_, key)| is_active(key));
        let (first, second) = (active.next(), active.next());
        if let (Some((_, first)), Some((_, second))) = (first, second) {
            return Err(PassKeysError::TwoActive(first.id(), second.id()));
        }
        let active = first.map(|(place, _)| place);
        Ok(Self { keys: keys.into(), active })
    }

    /// All keys in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PassKey> {
        self.keys.iter()
    }

    /// The key with that id, if its passes open.
    pub(crate) fn opening(&self, id: PassKeyId) -> Option<&PassKey> {
        self.keys.iter().find(|key| key.id() == id && key.state().opens())
    }

    /// The key that makes passes.
    pub(crate) fn active(&self) -> Option<&PassKey> {
        self.keys.get(self.active?)
    }
}

fn is_active(key: &PassKey) -> bool {
    key.state() == PassKeyState::Active
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::pass_key::PassSecret;

    fn id(id: u8) -> PassKeyId {
        PassKeyId::new(id).unwrap()
    }

    fn keys<const N: usize>(keys: [(u8, PassKeyState); N]) -> Result<PassKeys, PassKeysError> {
        let secret = PassSecret::new([7; PassSecret::BYTES]);
        PassKeys::new(keys.map(|(n, state)| PassKey::new(id(n), state, &secret)).into())
    }

    #[test]
    fn one_key_makes_passes_and_all_but_revoked_ones_open() {
        use PassKeyState::{Active, Announced, Retiring, Revoked};
        let keys = keys([(9, Active), (3, Retiring), (15, Announced), (4, Revoked)]).unwrap();
        assert_eq!(keys.iter().map(|key| key.id().get()).collect::<Vec<_>>(), [3, 4, 9, 15]);
        assert_eq!(keys.active().map(PassKey::id), Some(id(9)));
        for n in 1..=15 {
            let opens = keys.opening(id(n)).map(PassKey::id);
            assert_eq!(opens, Some(id(n)).filter(|_| [3, 9, 15].contains(&n)), "{n}");
        }
    }

    #[test]
    fn a_keyring_may_make_no_passes() {
        assert!(PassKeys::default().active().is_none());
        assert!(keys([(1, PassKeyState::Announced)]).unwrap().active().is_none());
    }

    #[test]
    fn ids_are_unique_and_one_key_is_active() {
        use PassKeyState::{Active, Retiring};
        let error = keys([(2, Active), (1, Retiring), (2, Retiring)]).unwrap_err();
        assert_eq!(error, PassKeysError::Duplicate(id(2)));
        let error = keys([(3, Active), (1, Active)]).unwrap_err();
        assert_eq!(error, PassKeysError::TwoActive(id(1), id(3)));
    }
}
