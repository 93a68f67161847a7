//! The key that the gateways make passes with and open them: its secret, its id and its state.

use std::{fmt, num::NonZeroU8, str::FromStr};

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    code::UnknownWord,
    suite::pass_cipher::{self, FINGERPRINT_BYTES, PassCipher},
};

/// Names a pass key within its keyring, 1..=15: a pass has half a byte for it.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct PassKeyId(NonZeroU8);

impl PassKeyId {
    /// The highest id.
    pub const MAX: u8 = 15;

    /// `None` for 0 and above 15.
    pub const fn new(id: u8) -> Option<Self> {
        match NonZeroU8::new(id) {
            Some(id) if id.get() <= Self::MAX => Some(Self(id)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// All of them, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=Self::MAX).filter_map(Self::new)
    }
}

impl fmt::Display for PassKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PassKeyId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.parse().ok().and_then(Self::new);
        id.ok_or_else(|| UnknownWord::new("pass key id", text, "1..=15"))
    }
}

/// What a pass key serves for.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum PassKeyState {
    /// Opens passes and makes none yet, so that every gateway knows it before the first is made.
    Announced,
    /// Makes passes and opens them. At most one key of a keyring is active.
    Active,
    /// Opens passes and makes none any more.
    Retiring,
    /// Opens none: what it made is dead.
    Revoked,
}

impl PassKeyState {
    /// `announced`, `active`, `retiring` or `revoked`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Revoked => "revoked",
        }
    }

    /// Whether passes of the key open.
    pub const fn opens(self) -> bool {
        !matches!(self, Self::Revoked)
    }
}

impl fmt::Display for PassKeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PassKeyState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "announced" => Ok(Self::Announced),
            "active" => Ok(Self::Active),
            "retiring" => Ok(Self::Retiring),
            "revoked" => Ok(Self::Revoked),
            _ => Err(UnknownWord::new("state", text, "announced, active, retiring, revoked")),
        }
    }
}

/// What a pass key is derived from, the same on all gateways that share passes. 32 bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PassSecret([u8; Self::BYTES]);

impl PassSecret {
    /// Length in bytes.
    pub const BYTES: usize = pass_cipher::SECRET_BYTES;

    /// A secret that is known already.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// A new secret from the kernel's random numbers.
    pub(crate) fn random() -> Self {
        let mut secret = Self([0; Self::BYTES]);
        getrandom::fill(&mut secret.0).expect("the kernel gives random numbers");
        secret
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// A pass key that is ready for use: its secret is derived and forgotten.
pub struct PassKey {
    id: PassKeyId,
    state: PassKeyState,
    cipher: PassCipher,
    fingerprint: [u8; FINGERPRINT_BYTES],
}

impl PassKey {
    /// Derives the keys of a secret.
    pub fn new(id: PassKeyId, state: PassKeyState, secret: &PassSecret) -> Self {
        Self {
            id,
            state,
            cipher: PassCipher::derive(secret.as_bytes(), id.get()),
            fingerprint: pass_cipher::fingerprint(secret.as_bytes(), id.get()),
        }
    }

    /// The id that passes name.
    pub fn id(&self) -> PassKeyId {
        self.id
    }

    /// What the key serves for.
    pub fn state(&self) -> PassKeyState {
        self.state
    }

    pub(crate) fn cipher(&self) -> &PassCipher {
        &self.cipher
    }

    /// Other secrets have other fingerprints. It may be known.
    pub(crate) fn fingerprint(&self) -> &[u8; FINGERPRINT_BYTES] {
        &self.fingerprint
    }
}

impl fmt::Debug for PassSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassSecret(..)")
    }
}

impl fmt::Debug for PassKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassKey")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_1_to_15() {
        assert_eq!(
            PassKeyId::all().map(PassKeyId::get).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
        );
        assert_eq!("15".parse(), Ok(PassKeyId::new(15).unwrap()));
        for wrong in ["0", "16", "-1", "256", "", "one"] {
            let error = wrong.parse::<PassKeyId>().unwrap_err().to_string();
            assert_eq!(error, format!("{wrong:?} is not a pass key id; allowed: 1..=15"));
        }
    }

    #[test]
    fn states_are_words_and_all_but_revoked_open() {
        use PassKeyState::{Active, Announced, Retiring, Revoked};
        for state in [Announced, Active, Retiring, Revoked] {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(state.opens(), state != Revoked);
        }
        let error = "Active".parse::<PassKeyState>().unwrap_err().to_string();
        assert!(error.ends_with("allowed: announced, active, retiring, revoked"), "{error}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = PassSecret::new([7; PassSecret::BYTES]);
        let key = PassKey::new(PassKeyId::new(1).unwrap(), PassKeyState::Active, &secret);
        assert_eq!(format!("{secret:?}"), "PassSecret(..)");
        assert_eq!(format!("{key:?}"), "PassKey { id: PassKeyId(1), state: Active, .. }");
    }

    #[test]
    fn random_secrets_differ() {
        assert_ne!(PassSecret::random().as_bytes(), PassSecret::random().as_bytes());
    }
}
