//! Codes that were verified: what holding one proves, and what can be read from it.

use std::fmt;

#[cfg(doc)]
use crate::key_set::KeySet;
use crate::{
    code::{Auth, CodeIdentity, IssuedAt, KeyId, Kind, OpaqueId, Region, Subject},
    key::Channel,
    seal::Sealed,
    time::UnixMillis,
};

/// A code that is genuine and in its time. Only
/// [`KeySet::verify`] and [`KeySet::verify_group`] make one, and it cannot be cloned, so holding one proves that this
/// code passed every check once.
pub struct VerifiedCode {
    pub(super) identity: CodeIdentity,
    pub(super) channel: Channel,
    pub(super) kind: Kind,
    pub(super) region: Region,
    pub(super) auth: Auth,
    pub(super) sealed: Sealed,
}

/// A code that is genuine and past its time. It cannot be admitted or spent. It serves to find out
/// what happened to it while it was in its time. Only [`KeySet::verify`] and
/// [`KeySet::verify_group`] make one.
pub struct LateCode(pub(super) VerifiedCode);

/// What a code or a pass says beside its identity. Two texts of one identity with equal statements
/// are one code, because ECDSA allows two signatures. Different statements are an issuer's mistake.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct Statement(Said);

/// They differ in length, so no code says the bytes of a pass.
#[derive(Copy, Clone, Eq, PartialEq)]
enum Said {
    Code([u8; 17]),
    Pass([u8; 14]),
    Opaque([u8; 16]),
}

impl Statement {
    /// What a pass says: its plain part.
    pub(crate) fn of_pass(plain: [u8; 14]) -> Self {
        Self(Said::Pass(plain))
    }

    /// What an opaque code says: nothing but which code it is.
    pub fn of_opaque(id: OpaqueId) -> Self {
        Self(Said::Opaque(id.to_bytes()))
    }

    /// Every field, each in its place.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Said::Code(bytes) => bytes,
            Said::Pass(bytes) => bytes,
            Said::Opaque(bytes) => bytes,
        }
    }
}

/// It says who the person is, so it is not shown.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Statement(..)")
    }
}

impl VerifiedCode {
    /// What single use is keyed on.
    pub fn identity(&self) -> CodeIdentity {
        self.identity
    }

    /// The issuer's key.
    pub fn key_id(&self) -> KeyId {
        self.identity.key_id
    }

    /// Who showed the code.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// Display or payment.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The second in which the code was made.
    pub fn issued_at(&self) -> IssuedAt {
        self.identity.issued_at
    }

    /// 参保地, the place of insurance.
    pub fn region(&self) -> Region {
        self.region
    }

    /// How the holder proved presence.
    pub fn auth(&self) -> Auth {
        self.auth
    }

    /// The holder's voucher number. With a relation other than 0 the patient is
    /// (subject, relation), never the subject alone.
    pub fn subject(&self) -> Subject {
        self.sealed.subject
    }

    /// Grows by one each time the voucher is activated on a new device, per channel.
    pub fn epoch(&self) -> u16 {
        self.sealed.epoch
    }

    /// 0 = the holder; 1..=5 = that member of the holder's family account.
    pub fn relation(&self) -> u8 {
        self.sealed.relation
    }

    /// Milliseconds since the start of the second of issue; negative if that lies ahead.
    pub fn age(&self, now: UnixMillis) -> i64 {
        now.ms_since(self.issued_at().millis())
    }

    /// All that it says beside its identity.
    pub fn statement(&self) -> Statement {
        let Self { kind, region, auth, sealed, identity: _, channel: _ } = self;
        let number = u128::from(sealed.subject.get()) << 64
            | u128::from(region.get()) << 32
            | u128::from(sealed.epoch) << 16
            | u128::from(sealed.relation) << 8
            | u128::from(auth.byte());
        let mut bytes = [kind.nibble(); 17];
        let (_, rest) = bytes.split_at_mut(1);
        rest.copy_from_slice(&number.to_be_bytes());
        Statement(Said::Code(bytes))
    }
}

impl LateCode {
    /// What single use was keyed on.
    pub fn identity(&self) -> CodeIdentity {
        self.0.identity()
    }

    /// All that the code says, for reading. Code that admits or spends a code takes a
    /// [`VerifiedCode`] by value, so a late one cannot get there.
    pub fn look(&self) -> &VerifiedCode {
        &self.0
    }

    /// All that it says beside its identity.
    pub fn statement(&self) -> Statement {
        self.0.statement()
    }
}

impl fmt::Debug for LateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LateCode").field(&self.0).finish()
    }
}

/// The identity and the channel: what may stand in a log, not who the person is.
impl fmt::Debug for VerifiedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedCode")
            .field("identity", &format_args!("{}", self.identity))
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}
