//! An issuer's key: whose codes it signs, from when to when, and whether it is trusted now. Beside
//! it the gateways' own keys, which passes are made with.

mod channel;
mod pass_key;
mod pass_keys;

use std::{fmt, str::FromStr};

pub use channel::{CHANNELS_MAX, Channel, ChannelError};
pub use pass_key::{PassKey, PassKeyId, PassKeyState, PassSecret};
pub use pass_keys::{PassKeys, PassKeysError};

use crate::{
    code::{IssuedAt, KeyId, UnknownWord},
    seal::SealKey,
    suite::{PublicKey, VerifyingKey},
    time::UnixMillis,
};

/// How far a key is trusted.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum KeyState {
    /// Known to every gateway, not yet accepted.
    Announced,
    /// Accepted within its dates.
    Active,
    /// Accepted within its dates, but no more codes are made with it.
    Retiring,
    /// Never accepted again, whatever the dates.
    Revoked,
}

impl KeyState {
    /// `announced`, `active`, `retiring` or `revoked`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for KeyState {
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

/// What the keyring says of a key, apart from the key itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyTerms {
    /// The id that codes name.
    pub id: KeyId,
    /// Who shows the codes.
    pub channel: Channel,
    /// How far the key is trusted.
    pub state: KeyState,
    /// The first moment at which a code may have been issued.
    pub not_before: UnixMillis,
    /// The first moment at which a code may no longer have been issued.
    pub not_after: UnixMillis,
    /// Where the key belongs: `production`, `sandbox`.
    pub environment: String,
}

/// A key that codes are verified with. Made once from checked parts; `Debug` shows no secret.
pub struct IssuerKey {
    terms: KeyTerms,
    verifying_key: VerifyingKey,
    seal_key: SealKey,
}

/// Dates that leave a key no time.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not_after {not_after} is not later than not_before {not_before}")]
pub struct EmptyTerm {
    not_before: UnixMillis,
    not_after: UnixMillis,
}

impl IssuerKey {
    /// Joins a public key, the seal key of the same id and the terms.
    ///
    /// # Errors
    /// [`EmptyTerm`] unless `not_before` is earlier than `not_after`.
    pub fn new(
        terms: KeyTerms,
        public_key: PublicKey,
        seal_key: SealKey,
    ) -> Result<Self, EmptyTerm> {
        let KeyTerms { not_before, not_after, .. } = terms;
        if not_before >= not_after {
            return Err(EmptyTerm { not_before, not_after });
        }
        Ok(Self { terms, verifying_key: public_key.into(), seal_key })
    }

    /// The id that codes name.
    pub fn id(&self) -> KeyId {
        self.terms.id
    }

    /// Who shows the codes.
    pub fn channel(&self) -> Channel {
        self.terms.channel
    }

    /// The name of the key's suite: `ES256`.
    pub fn algorithm(&self) -> &'static str {
        self.public_key().suite().name()
    }

    /// How far the key is trusted.
    pub fn state(&self) -> KeyState {
        self.terms.state
    }

    /// The first moment at which a code may have been issued.
    pub fn not_before(&self) -> UnixMillis {
        self.terms.not_before
    }

    /// The first moment at which a code may no longer have been issued.
    pub fn not_after(&self) -> UnixMillis {
        self.terms.not_after
    }

    /// Where the key belongs: `production`, `sandbox`.
    pub fn environment(&self) -> &str {
        &self.terms.environment
    }

    pub(crate) fn terms(&self) -> &KeyTerms {
        &self.terms
    }

    /// The key that signatures are verified with.
    pub fn public_key(&self) -> &PublicKey {
        self.verifying_key.public_key()
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// Verifies with the table of `before`, if it is the same point.
    pub(crate) fn keep_table_of(&mut self, before: &Self) {
        if self.public_key() == before.public_key() {
            self.verifying_key = before.verifying_key.clone();
        }
    }

    pub(crate) fn seal_key(&self) -> &SealKey {
        &self.seal_key
    }

    /// Whether the dates allow a code of that moment: `not_before <= moment < not_after`.
    /// Half open, so that a key's successor can start at the very moment at which it ends.
    pub(crate) fn covers(&self, moment: UnixMillis) -> bool {
        (self.terms.not_before..self.terms.not_after).contains(&moment)
    }

    /// Whether a code issued at `issued_at` can be accepted, as far as its signer goes.
    pub(crate) fn accepts(&self, issued_at: IssuedAt) -> bool {
        self.is_trusted() && self.covers(issued_at.millis())
    }

    /// Whether a code issued at this moment can be accepted.
    pub(crate) fn is_usable_at(&self, now: UnixMillis) -> bool {
        self.is_trusted() && self.covers(now)
    }

    fn is_trusted(&self) -> bool {
        matches!(self.terms.state, KeyState::Active | KeyState::Retiring)
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerKey").field("terms", &self.terms).finish_non_exhaustive()
    }
}
