//! The verification of codes: the cheap checks, then the signature, then the seal.

mod verified;

use arrayvec::ArrayVec;

use crate::{
    code::{Claims, CodeIdentity, IssuedAt, KeyId, Kind, Kinds, SIGNED_PREFIX, UnverifiedCode},
    key::{Channel, IssuerKey, KeyState},
    key_set::KeySet,
    suite::{Claim, GROUP_MAX, Verifier},
    time::UnixMillis,
};
pub use verified::{LateCode, Statement, VerifiedCode};

/// How long a payment code lives.
pub const PAYMENT_LIFE_MS: i64 = 60_000;
/// The largest skew that may be set.
pub const SKEW_MS_MAX: i64 = 10_000;
const MS_PER_DAY: i64 = 86_400_000;
/// A code from further in the future than this means that a clock is wrong.
const FUTURE_MS_MAX: i64 = 300_000;
/// Up to this age a payment code that is past its time can still be recognised.
pub const LATE_MS_MAX: i64 = 600_000;

/// When a code is in its time.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct TimeRules {
    /// How far clocks may differ, 0..=10_000 ms.
    pub skew_ms: i64,
    /// How long a display code lives, in days.
    pub display_days: u32,
}

/// Why a code is out of its time.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum TimeError {
    /// Issued in the future, by up to five minutes.
    NotYetValid,
    /// Issued more than five minutes in the future.
    ClockSuspect,
    /// Its life is over.
    Expired,
}

impl TimeRules {
    /// In its time is `issued_at - skew <= now < issued_at + life + skew`.
    ///
    /// # Errors
    /// [`TimeError`] says on which side `now` lies, and how far in the first case.
    pub fn judge(&self, kind: Kind, issued_at: IssuedAt, now: UnixMillis) -> Result<(), TimeError> {
        let age_ms = now.ms_since(issued_at.millis());
        if age_ms < -FUTURE_MS_MAX {
            Err(TimeError::ClockSuspect)
        } else if age_ms < -self.skew_ms {
            Err(TimeError::NotYetValid)
        } else if now >= self.end_of_life(kind, issued_at) {
            Err(TimeError::Expired)
        } else {
            Ok(())
        }
    }

    /// The first moment at which the code has expired.
    pub fn end_of_life(&self, kind: Kind, issued_at: IssuedAt) -> UnixMillis {
        let life_ms = match kind {
            Kind::Payment => PAYMENT_LIFE_MS,
            Kind::Display => i64::from(self.display_days) * MS_PER_DAY,
        };
        issued_at.millis().plus_ms(life_ms).plus_ms(self.skew_ms)
    }
}

/// What a code is judged by.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// The kinds that may serve here.
    pub kinds: Kinds,
    /// When a code is in its time.
    pub time: TimeRules,
    /// Whether a payment code past its time is verified if it is younger than [`LATE_MS_MAX`]. This
    /// tells it from a forged one: see [`LateCode`].
    pub recognise_late: bool,
}

/// Why a well-formed code is refused, in the order of the checks.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Rejection {
    /// A code of this kind may not serve here.
    WrongKind(Kind),
    /// No key has the id that the code names.
    KeyUnknown,
    /// The key is revoked.
    KeyRevoked,
    /// The key is announced only, or the code was issued outside the key's dates.
    KeyNotActive,
    /// The code's life is over.
    Expired,
    /// The code is from the future, by up to five minutes.
    NotYetValid,
    /// The code is from the future, by more than five minutes.
    ClockSuspect,
    /// The key did not sign this.
    SignatureInvalid,
    /// The sealed verification code does not open, or holds what is not allowed.
    SealInvalid,
}

impl From<TimeError> for Rejection {
    fn from(error: TimeError) -> Self {
        match error {
            TimeError::NotYetValid => Self::NotYetValid,
            TimeError::ClockSuspect => Self::ClockSuspect,
            TimeError::Expired => Self::Expired,
        }
    }
}

/// A refusal, and whose code it claims to be.
#[derive(Debug)]
pub struct Rejected {
    /// Why.
    pub rejection: Rejection,
    /// The channel of the key that the code names, if that key is known. A claim, not a fact.
    pub channel: Option<Channel>,
    /// The id that the code names, whether or not there is such a key. A claim, not a fact.
    pub key_id: Option<KeyId>,
    /// With [`Rejection::Expired`] alone, and only where [`Rules::recognise_late`] asks for it:
    /// the code is genuine, only too late. `None` says nothing.
    pub late: Option<LateCode>,
}

impl KeySet {
    /// The cheap checks: kind, key known, not revoked, active and within its dates, time.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn screen(
        &self,
        code: &UnverifiedCode,
        rules: &Rules,
        now: UnixMillis,
    ) -> Result<(), Rejected> {
        let rules = Rules { recognise_late: false, ..*rules };
        self.screened(code, &rules, now).map(|_| ())
    }

    /// Every check: [`screen`](Self::screen), the signature, the seal.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(
        &self,
        code: &UnverifiedCode,
        rules: &Rules,
        now: UnixMillis,
    ) -> Result<VerifiedCode, Rejected> {
        let Screened { key, is_late } = self.screened(code, rules, now)?;
        key.judge(code, self.verifier().verify(&key.claim(code)), is_late)
    }

    /// Verifies many codes, the signatures of up to [`GROUP_MAX`] together. The answers are those
    /// of [`verify`](Self::verify), one for each code in the order of `group`, and replace what
    /// `out` held; nothing is allocated if `out` has the room.
    pub fn verify_group<'a>(
        &self,
        group: impl IntoIterator<Item = (&'a UnverifiedCode, &'a Rules)>,
        now: UnixMillis,
        out: &mut Vec<Result<VerifiedCode, Rejected>>,
    ) {
        out.clear();
        let mut waiting = ArrayVec::<Waiting<'_>, GROUP_MAX>::new();
        for (code, rules) in group {
            let answer = self.screened(code, rules, now).map(|Screened { key, is_late }| {
                waiting.push(Waiting { place: out.len(), key, code, is_late });
                key.rejected(Rejection::SignatureInvalid)
            });
            // Refused until the signature is proven: a code that is forgotten here stays refused.
            out.push(Err(answer.unwrap_or_else(|rejected| rejected)));
            if waiting.is_full() {
                settle(self.verifier(), waiting.take(), out);
            }
        }
        settle(self.verifier(), waiting, out);
    }

    fn screened(
        &self,
        code: &UnverifiedCode,
        rules: &Rules,
        now: UnixMillis,
    ) -> Result<Screened<'_>, Rejected> {
        let Claims { kind, issued_at, .. } = code.claims();
        let key_id = code.key_id();
        let key = key_id.and_then(|id| self.get(id));
        let channel = key.map(IssuerKey::channel);
        let reject = |rejection| Rejected { rejection, channel, key_id, late: None };
        if !rules.kinds.contains(kind) {
            return Err(reject(Rejection::WrongKind(kind)));
        }
        let Some(key) = key else {
            return Err(reject(Rejection::KeyUnknown));
        };
        if key.state() == KeyState::Revoked {
            return Err(reject(Rejection::KeyRevoked));
        }
        if !key.accepts(issued_at) {
            return Err(reject(Rejection::KeyNotActive));
        }
        match rules.time.judge(kind, issued_at, now) {
            Ok(()) => Ok(Screened { key, is_late: false }),
            Err(TimeError::Expired) if rules.recognises(kind, issued_at, now) => {
                Ok(Screened { key, is_late: true })
            }
            Err(error) => Err(reject(error.into())),
        }
    }
}

impl Rules {
    /// Whether a code that has expired is worth its signature's verification.
    fn recognises(&self, kind: Kind, issued_at: IssuedAt, now: UnixMillis) -> bool {
        self.recognise_late
            && kind == Kind::Payment
            && now.ms_since(issued_at.millis()) < LATE_MS_MAX
    }
}

/// What the cheap checks found of a code that is worth its signature's verification.
struct Screened<'a> {
    key: &'a IssuerKey,
    /// Past its time: it will be refused, also if signature and seal are good.
    is_late: bool,
}

/// A code that passed the cheap checks; its signature is about to be verified.
struct Waiting<'a> {
    place: usize,
    key: &'a IssuerKey,
    code: &'a UnverifiedCode,
    is_late: bool,
}

/// Verifies the signatures together and puts the answers in their places.
fn settle(
    verifier: &Verifier,
    waiting: ArrayVec<Waiting<'_>, GROUP_MAX>,
    out: &mut [Result<VerifiedCode, Rejected>],
) {
    let claims: ArrayVec<Claim<'_>, GROUP_MAX> =
        waiting.iter().map(|one| one.key.claim(one.code)).collect();
    let mut answers = [false; GROUP_MAX];
    let (answers, _) = answers.split_at_mut(claims.len());
    verifier.verify_group(&claims, answers);
    for (one, valid) in waiting.iter().zip(answers) {
        if let Some(answer) = out.get_mut(one.place) {
            *answer = one.key.judge(one.code, *valid, one.is_late);
        }
    }
}

impl IssuerKey {
    /// Whether this key signed `code`, whatever else is wrong with it. For showing to a person;
    /// decisions are [`KeySet::verify`]'s.
    pub fn signed(&self, code: &UnverifiedCode) -> bool {
        code.key_id() == Some(self.id()) && Verifier::reference().verify(&self.claim(code))
    }

    /// Whether the seal of `code` opens with this key's seal key and holds what is allowed. For
    /// showing to a person; decisions are [`KeySet::verify`]'s.
    pub fn opens(&self, code: &UnverifiedCode) -> bool {
        self.seal_key().open(code.body()).is_some()
    }

    /// Checks signature and seal alone: the maker of `code` holds both keys. The code's time and
    /// this key's state do not matter.
    pub(crate) fn prove(&self, code: &UnverifiedCode) -> Result<(), Rejection> {
        if code.key_id() != Some(self.id()) {
            Err(Rejection::KeyUnknown)
        } else if !self.signed(code) {
            Err(Rejection::SignatureInvalid)
        } else if !self.opens(code) {
            Err(Rejection::SealInvalid)
        } else {
            Ok(())
        }
    }

    fn claim<'a>(&'a self, code: &'a UnverifiedCode) -> Claim<'a> {
        Claim {
            key: self.verifying_key(),
            digest: self.public_key().digest([SIGNED_PREFIX, code.body()]),
            signature: code.signature(),
        }
    }

    /// The checks that follow the signature. A late code failed the check of its time first, so a
    /// forged one gets that answer too. [`Rejected::late`] says that it is genuine.
    fn judge(
        &self,
        code: &UnverifiedCode,
        valid: bool,
        is_late: bool,
    ) -> Result<VerifiedCode, Rejected> {
        let proven = self.proven(code, valid);
        if !is_late {
            return proven;
        }
        Err(Rejected { late: proven.ok().map(LateCode), ..self.rejected(Rejection::Expired) })
    }

    /// Only here is a verified code made.
    fn proven(&self, code: &UnverifiedCode, valid: bool) -> Result<VerifiedCode, Rejected> {
        if !valid {
            return Err(self.rejected(Rejection::SignatureInvalid));
        }
        let Some(sealed) = self.seal_key().open(code.body()) else {
            return Err(self.rejected(Rejection::SealInvalid));
        };
        let Claims { kind, issued_at, serial, region, auth, key_id: _ } = code.claims();
        let identity = CodeIdentity { key_id: self.id(), issued_at, serial };
        Ok(VerifiedCode { identity, channel: self.channel(), kind, region, auth, sealed })
    }

    fn rejected(&self, rejection: Rejection) -> Rejected {
        let (channel, key_id) = (Some(self.channel()), Some(self.id()));
        Rejected { rejection, channel, key_id, late: None }
    }
}

#[cfg(test)]
mod tests;
