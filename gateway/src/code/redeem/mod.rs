//! Redeeming a code or a pass: in the table of this node, and where nodes share registers, for all
//! of them.
//!
//! The local table comes first, so that a code shown twice to one node costs no round trip. What it
//! does not know the registers decide. Their answer alone lets a transaction pass.
//!
//! When the registers deny the code, the local slot stays or goes:
//! - `code_used`, `code_expired`: it stays. The code is good for nothing any more.
//! - `warming_up`, `replay_store_unavailable`: it is released, as this claim was never forwarded.
//!   The registers' own votes for it are taken back. So the code works again as soon as a majority
//!   does. A vote cannot be taken back if its connection broke: then the code is `code_used` there,
//!   a wrong no and never a wrong yes.
//!
//! Restarting a node that shares registers needs no fence. Its codes are known to a majority of
//! registers for 120 s, and registers know what they have forgotten. ([`replay::directory`] says when
//! there is a fence all the same.)

use std::{future::Future, rc::Rc};

use keyring::{
    code::{CodeIdentity, IssuedAt, OpaqueId},
    pass::{Credential, PassId, RedemptionId, Token},
    time::UnixMillis,
    verify::TimeRules,
};

use clock::Clock;
use registers::{ClaimNote, ClaimVerdict, Claimed, Registers};
use replay::{
    Known, PassLife, Passes, RedeemError, Redemption, Replay, Reservation, SingleUse as _,
};

use crate::refusal::{Limit, Refusal, Refused};

/// Where spent codes and passes are remembered on this node, and for how long they may be spent.
#[derive(Copy, Clone)]
pub(crate) struct Memory<'a> {
    pub(crate) codes: &'a Replay,
    /// Absent where no route takes passes.
    pub(crate) passes: Option<&'a Replay<Passes>>,
    pub(crate) code_rules: &'a TimeRules,
    pub(crate) pass_life: PassLife,
    /// By which all is judged. An opaque code is dated by it too.
    pub(crate) clock: &'a Clock,
}

impl Memory<'_> {
    /// Whether it is so old that an earlier table may have known it as spent.
    pub(crate) fn is_behind_fence(&self, id: &RedemptionId) -> bool {
        match (id, self.passes) {
            (RedemptionId::Code(identity), _) => self.codes.is_behind_fence(identity),
            (RedemptionId::Pass(id), Some(passes)) => passes.is_behind_fence(id),
            (RedemptionId::Opaque(id), Some(passes)) => {
                passes.is_behind_fence(&self.reservation(*id))
            }
            (RedemptionId::Pass(_) | RedemptionId::Opaque(_), None) => false,
        }
    }

    fn reservation(&self, id: OpaqueId) -> Reservation {
        Reservation::new(id.to_bytes(), self.clock.now())
    }

    /// Whether it is known to be spent, also past its life. Best effort.
    pub(crate) fn remembers(&self, id: &RedemptionId) -> bool {
        match (id, self.passes) {
            (RedemptionId::Code(identity), _) => self.codes.remembers(identity),
            (RedemptionId::Pass(id), Some(passes)) => passes.remembers(id),
            (RedemptionId::Opaque(id), Some(passes)) => passes.remembers(&self.reservation(*id)),
            (RedemptionId::Pass(_) | RedemptionId::Opaque(_), None) => false,
        }
    }

    /// What this node's tables know of it, for a person who asks. Nothing is spent.
    ///
    /// # Errors
    /// `replay_store_unavailable`.
    pub(crate) fn look(&self, id: &RedemptionId) -> Result<Known, Refused> {
        let clock = self.clock;
        let known = match (id, self.passes) {
            (RedemptionId::Code(identity), _) => self.codes.look(identity, self.code_rules, clock),
            (RedemptionId::Pass(id), Some(passes)) => passes.look(id, &self.pass_life, clock),
            (RedemptionId::Opaque(id), Some(passes)) => {
                passes.look(&self.reservation(*id), &(), clock)
            }
            (RedemptionId::Pass(_) | RedemptionId::Opaque(_), None) => {
                Ok(Known::Forgotten { is_over: true })
            }
        };
        known.map_err(|_| Refusal::ReplayStoreUnavailable.into())
    }

    /// A keyed hash, by a key that no client knows.
    pub(crate) fn hash(&self, id: &RedemptionId) -> u64 {
        match (id, self.passes) {
            (RedemptionId::Code(identity), _) => self.codes.hash(identity),
            (RedemptionId::Pass(id), Some(passes)) => passes.hash(id),
            (RedemptionId::Pass(id), None) => id.tag,
            // The same in every window: it tells one code's requests from another's.
            (RedemptionId::Opaque(id), Some(passes)) => {
                passes.hash(&Reservation::new(id.to_bytes(), UnixMillis::from_seconds(0)))
            }
            (RedemptionId::Opaque(_), None) => 0,
        }
    }

    /// Whether a pass that is made in this second could never be spent: the table of passes is too
    /// young.
    pub(crate) fn would_waste_a_pass(&self, now: UnixMillis) -> bool {
        let fence = self.passes.and_then(Replay::fence);
        fence.is_some_and(|fence| now < fence.millis().plus_ms(1_000))
    }
}

/// A redeemed code or pass: the right to forward its transaction, once. Dropping it leaves it used.
#[must_use = "it is used; forward its transaction or release it"]
#[derive(Debug)]
pub(crate) struct Redeemed {
    spent: Spent,
    /// Where nodes share registers.
    claimed: Option<Claimed>,
}

/// A code or pass that is redeemed on this node. Where nodes share registers, that is not enough.
#[must_use = "it is used on this node"]
#[derive(Debug)]
pub(crate) struct LocalRedemption {
    spent: Spent,
    /// The time by which it was found fresh.
    judged_at: UnixMillis,
}

/// A code or pass that the registers do not let pass. [`Unclaimed::settle`] decides about its local
/// slot.
#[must_use = "its local slot may have to be released"]
#[derive(Debug)]
pub(crate) struct Unclaimed {
    spent: Spent,
    verdict: ClaimVerdict,
}

/// What is spent in which table.
#[derive(Debug)]
enum Spent {
    Code(Redemption<CodeIdentity>),
    Pass(Redemption<PassId>),
    Opaque(Redemption<Reservation>),
}

impl Spent {
    fn id(&self) -> RedemptionId {
        match self {
            Self::Code(redemption) => RedemptionId::Code(redemption.identity()),
            Self::Pass(redemption) => RedemptionId::Pass(redemption.identity()),
            Self::Opaque(redemption) => {
                RedemptionId::Opaque(OpaqueId::from_bytes(redemption.identity().to_bytes()))
            }
        }
    }

    /// The first moment at which it may not be forwarded any more.
    fn end_of_life(&self) -> UnixMillis {
        match self {
            Self::Code(redemption) => redemption.end_of_life(),
            Self::Pass(redemption) => redemption.end_of_life(),
            Self::Opaque(redemption) => redemption.end_of_life(),
        }
    }

    fn is_over(&self, now: UnixMillis) -> bool {
        now >= self.end_of_life()
    }

    fn release(self, memory: Memory<'_>) {
        match self {
            Self::Code(redemption) => {
                memory.codes.release(redemption);
            }
            Self::Pass(redemption) => {
                memory.passes.expect(HAS_TABLE).release(redemption);
            }
            Self::Opaque(redemption) => {
                memory.passes.expect(HAS_TABLE).release(redemption);
            }
        }
    }
}

const HAS_TABLE: &str = "a pass was spent in it";

/// Redeems a code or pass on this node, if it is still fresh: its body may have taken its time.
///
/// # Errors
/// `code_used`, `code_expired`, `warming_up`, `replay_store_unavailable`, `replay_full`; for a pass
/// `pass_used`, `pass_expired`.
pub(crate) fn redeem_here(token: &Token, memory: Memory<'_>) -> Result<LocalRedemption, Refused> {
    let clock = memory.clock;
    let judged_at = clock.now();
    let spent = match token {
        Token::Genuine(Credential::Code(code)) => {
            let (identity, rules) = (code.identity(), memory.code_rules);
            memory.codes.redeem(&identity, judged_at, rules, clock).map(Spent::Code)
        }
        Token::Genuine(Credential::Pass(pass)) => match memory.passes {
            Some(passes) => {
                passes.redeem(&pass.id(), judged_at, &memory.pass_life, clock).map(Spent::Pass)
            }
            None => Err(RedeemError::Unavailable),
        },
        Token::Opaque(code) => match memory.passes {
            Some(passes) => {
                let reservation = Reservation::new(code.id().to_bytes(), judged_at);
                passes.redeem(&reservation, judged_at, &(), clock).map(Spent::Opaque)
            }
            None => Err(RedeemError::Unavailable),
        },
    };
    let id = token.id();
    match spent {
        Ok(spent) => Ok(LocalRedemption { spent, judged_at }),
        Err(error) => Err(match error {
            RedeemError::Used => Refusal::used(&id).into(),
            RedeemError::Expired => Refusal::expired(&id).into(),
            RedeemError::WarmingUp => Refusal::WarmingUp.into(),
            RedeemError::Unavailable => Refusal::ReplayStoreUnavailable.into(),
            RedeemError::Full => Refused::for_limit(Refusal::ReplayFull, Limit::Replay),
        }),
    }
}

impl LocalRedemption {
    /// The code or pass.
    pub(crate) fn id(&self) -> RedemptionId {
        self.spent.id()
    }

    /// The second in which it was spent.
    pub(crate) fn spent_at(&self) -> IssuedAt {
        IssuedAt::new(u32::try_from(self.judged_at.seconds()).unwrap_or(u32::MAX))
    }

    /// Where there are no registers, this node is all there is.
    pub(crate) fn alone(self) -> Redeemed {
        Redeemed { spent: self.spent, claimed: None }
    }

    /// Claims it for all nodes, which may read `note` then. The claim goes out now. The future is to
    /// be run to its end: it is part of what outlives a client.
    ///
    /// Cancel safe in the sense that matters: dropped before its end it forwards nothing. The code
    /// is used on this node then, on others perhaps.
    pub(crate) fn claim(
        self,
        registers: &Rc<Registers>,
        note: ClaimNote,
    ) -> impl Future<Output = Result<Redeemed, Unclaimed>> + use<> {
        let Self { spent, judged_at } = self;
        let claiming = registers.claim(spent.id(), spent.end_of_life(), judged_at, note);
        async move {
            match claiming.await {
                Ok(claimed) => Ok(Redeemed { spent, claimed: Some(claimed) }),
                Err(verdict) => Err(Unclaimed { spent, verdict }),
            }
        }
    }
}

impl Unclaimed {
    /// Releases the code on this node if it may still be used, and says what it is refused for.
    pub(crate) fn settle(self, memory: Memory<'_>) -> Refused {
        let id = self.spent.id();
        let refusal = match self.verdict {
            // A claim that won too late to be forwarded comes as `Over` or `Unavailable`.
            ClaimVerdict::Used | ClaimVerdict::Won => Refusal::used(&id),
            ClaimVerdict::Over => Refusal::expired(&id),
            ClaimVerdict::Warming => Refusal::WarmingUp,
            ClaimVerdict::Unavailable => Refusal::ReplayStoreUnavailable,
        };
        if matches!(self.verdict, ClaimVerdict::Warming | ClaimVerdict::Unavailable) {
            self.spent.release(memory);
        }
        refusal.into()
    }
}

impl Redeemed {
    /// The code or pass.
    pub(crate) fn id(&self) -> RedemptionId {
        self.spent.id()
    }

    /// Whether its life is over.
    pub(crate) fn is_over(&self, now: UnixMillis) -> bool {
        self.spent.is_over(now)
    }

    /// Releases a code of whose request not one byte was sent: on all nodes first, then here, so
    /// that no request finds it free here and used there.
    ///
    /// Not cancel safe: it is only run inside an exchange, which outlives its client. Ends within
    /// `replay.timeout_ms`.
    pub(crate) async fn release(self, memory: Memory<'_>, registers: Option<&Rc<Registers>>) {
        let Self { spent, claimed } = self;
        if let (Some(claimed), Some(registers)) = (claimed, registers) {
            registers.release(claimed).await;
        }
        spent.release(memory);
    }
}

#[cfg(test)]
mod tests;
