//! A pass that opened: what holding one proves, and what can be read from it.

use std::fmt;

use super::{format::Plain, id::PassId};
#[cfg(doc)]
use crate::key_set::KeySet;
use crate::{
    code::{Auth, IssuedAt, KeyId, Region, Subject},
    key::Channel,
    time::UnixMillis,
    verify::Statement,
};

const MS_PER_SECOND: i64 = 1_000;

/// A genuine pass. Only [`KeySet::open_pass`] makes one, and it cannot be cloned, so holding one
/// proves that this pass opened once, for the institution that was given. Its life may be over: see
/// [`is_over`](Self::is_over).
pub struct Pass {
    pub(super) id: PassId,
    pub(super) issuer: KeyId,
    pub(super) channel: Channel,
    pub(super) plain: Plain,
}

impl Pass {
    /// What single use is keyed on.
    pub fn id(&self) -> PassId {
        self.id
    }

    /// The second in which the code was spent.
    pub fn minted_at(&self) -> IssuedAt {
        self.id.minted_at
    }

    /// The key of the issuer that signed the code.
    pub fn issuer(&self) -> KeyId {
        self.issuer
    }

    /// Who showed the code.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The holder's voucher number. With a relation other than 0 the patient is
    /// (subject, relation), never the subject alone.
    pub fn subject(&self) -> Subject {
        self.plain.subject
    }

    /// 参保地, the place of insurance.
    pub fn region(&self) -> Region {
        self.plain.region
    }

    /// 0 = the holder; 1..=5 = that member of the holder's family account.
    pub fn relation(&self) -> u8 {
        self.plain.relation
    }

    /// How the holder proved presence.
    pub fn auth(&self) -> Auth {
        self.plain.auth
    }

    /// What tells passes of one person and second apart, 0..=127.
    pub fn count(&self) -> u8 {
        self.plain.count
    }

    /// Milliseconds since the start of the second in which it was made. Negative if that lies
    /// ahead, by up to 10 s: the node that made it may have a clock that is ahead.
    pub fn age_ms(&self, now: UnixMillis) -> i64 {
        now.ms_since(self.minted_at().millis())
    }

    /// Whether a life of `life_s` seconds is over at `now`: it lives while
    /// `now < minted_at + life_s`.
    pub fn is_over(&self, now: UnixMillis, life_s: u32) -> bool {
        self.age_ms(now) >= i64::from(life_s) * MS_PER_SECOND
    }

    /// All that it says beside its identity, for telling whether a request is the same again.
    pub fn statement(&self) -> Statement {
        Statement::of_pass(self.plain.to_bytes(self.issuer))
    }
}

/// The identity and the channel: what may stand in a log, not who the person is.
impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("id", &format_args!("{}", self.id))
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
