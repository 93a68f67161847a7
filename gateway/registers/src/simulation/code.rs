//! A code of the simulation: a payment code, a pass, or an opaque code.

use keyring::{
    code::{CodeIdentity, IssuedAt, Serial},
    time::UnixMillis,
};

use crate::protocol::{
    claim_id::ClaimId,
    conditions::{Condition, Conditions},
};

/// The issuers' and gateways' allowed skew.
pub(super) const SKEW_MS: i64 = 10_000;
/// How long an opaque code is shown.
const OPAQUE_SHOWN_MS: i64 = 120_000;

/// A code that is shown again and again.
pub(super) struct Code {
    pub(super) number: usize,
    pub(super) issued_s: i64,
    pub(super) kind: Kind,
}

/// What kind of code it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    Pass,
    Opaque,
}

impl Code {
    pub(super) fn payment(number: usize, issued_s: i64) -> Self {
        Self { number, issued_s, kind: Kind::Code }
    }

    pub(super) fn identity(&self) -> CodeIdentity {
        CodeIdentity {
            key_id: "7001".parse().unwrap(),
            issued_at: self.second(),
            serial: Serial::new(u64::try_from(self.number).unwrap()),
        }
    }

    fn second(&self) -> IssuedAt {
        IssuedAt::new(u32::try_from(self.issued_s).unwrap())
    }

    /// What a gateway claims by `now`. Without the condition, a pass is claimed like a code, and an
    /// opaque code like a pass that is minted now.
    pub(super) fn claim_id(&self, conditions: Conditions, now: UnixMillis) -> ClaimId {
        let identity = self.identity();
        let pass = |minted_at: IssuedAt| {
            let name = format!("p1-{minted_at}-{:016x}", self.number);
            ClaimId::pass(identity.to_bytes(), minted_at, &name).unwrap()
        };
        match (self.kind, conditions.hold(Condition::Kind)) {
            (Kind::Code, _) | (Kind::Pass, false) => identity.into(),
            (Kind::Pass, true) => pass(self.second()),
            (Kind::Opaque, true) => ClaimId::opaque(identity.to_bytes()),
            (Kind::Opaque, false) => ClaimId::pass(
                identity.to_bytes(),
                IssuedAt::from_time(now).unwrap(),
                &format!("p{}", self.number),
            )
            .unwrap(),
        }
    }

    pub(super) fn issued_at(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.issued_s)
    }

    /// Whether a gateway accepts it: `now` is by the gateway's clock, `true_now` by none.
    ///
    /// No gateway can read the age of an opaque code. Its issuer stops showing it.
    pub(super) fn is_fresh(&self, now: UnixMillis, true_now: UnixMillis) -> bool {
        match self.kind {
            Kind::Code | Kind::Pass => {
                self.issued_at().plus_ms(-SKEW_MS) <= now && now < self.end_of_life(now)
            }
            Kind::Opaque => {
                (self.issued_at()..=self.issued_at().plus_ms(OPAQUE_SHOWN_MS)).contains(&true_now)
            }
        }
    }

    /// When it is over, if it is judged by `now`.
    pub(super) fn end_of_life(&self, now: UnixMillis) -> UnixMillis {
        match self.kind {
            Kind::Code => self.issued_at().plus_ms(60_000 + SKEW_MS),
            Kind::Pass => self.issued_at().plus_ms(900_000),
            Kind::Opaque => UnixMillis::from_seconds(now.seconds() / 460 * 460).plus_ms(900_000),
        }
    }
}
