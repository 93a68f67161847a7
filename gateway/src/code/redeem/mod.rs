//! Redeeming a code: in the table of this node, and where nodes share registers, for all of them.
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
    code::{CodeIdentity, Kind},
    time::UnixMillis,
    verify::{TimeRules, VerifiedCode},
};

use clock::Clock;
use registers::{ClaimNote, ClaimVerdict, Claimed, Registers};
use replay::{RedeemError, Redemption, Replay};

use crate::refusal::{Limit, Refusal, Refused};

/// A redeemed code: the right to forward its transaction, once. Dropping it leaves the code used.
#[must_use = "the code is used; forward its transaction or release it"]
#[derive(Debug)]
pub(crate) struct Redeemed {
    redemption: Redemption,
    /// Where nodes share registers.
    claimed: Option<Claimed>,
}

/// A code that is redeemed on this node. Where nodes share registers, that is not enough.
#[must_use = "the code is used on this node"]
#[derive(Debug)]
pub(crate) struct LocalRedemption {
    redemption: Redemption,
    /// The time by which the code was found fresh.
    judged_at: UnixMillis,
}

/// A code that the registers do not let pass. [`Unclaimed::settle`] decides about its local slot.
#[must_use = "its local slot may have to be released"]
#[derive(Debug)]
pub(crate) struct Unclaimed {
    redemption: Redemption,
    verdict: ClaimVerdict,
}

/// Redeems the code on this node, if it is still fresh: its body may have taken its time.
///
/// # Errors
/// `code_used`, `code_expired`, `warming_up`, `replay_store_unavailable`, `replay_full`.
pub(crate) fn redeem_here(
    code: &VerifiedCode,
    replay: &Replay,
    rules: &TimeRules,
    clock: &Clock,
) -> Result<LocalRedemption, Refused> {
    let judged_at = clock.now();
    match replay.redeem(&code.identity(), judged_at, rules, clock) {
        Ok(redemption) => Ok(LocalRedemption { redemption, judged_at }),
        Err(error) => Err(match error {
            RedeemError::Used => Refusal::CodeUsed.into(),
            RedeemError::Expired => Refusal::CodeExpired.into(),
            RedeemError::WarmingUp => Refusal::WarmingUp.into(),
            RedeemError::Unavailable => Refusal::ReplayStoreUnavailable.into(),
            RedeemError::Full => Refused::for_limit(Refusal::ReplayFull, Limit::Replay),
        }),
    }
}

impl LocalRedemption {
    /// The code.
    pub(crate) fn identity(&self) -> CodeIdentity {
        self.redemption.identity()
    }

    /// Where there are no registers, this node is all there is.
    pub(crate) fn alone(self) -> Redeemed {
        Redeemed { redemption: self.redemption, claimed: None }
    }

    /// Claims the code for all nodes, which may read `note` then. The claim goes out now. The future
    /// is to be run to its end: it is part of what outlives a client.
    ///
    /// Cancel safe in the sense that matters: dropped before its end it forwards nothing. The code
    /// is used on this node then, on others perhaps.
    pub(crate) fn claim(
        self,
        registers: &Rc<Registers>,
        rules: &TimeRules,
        note: ClaimNote,
    ) -> impl Future<Output = Result<Redeemed, Unclaimed>> + use<> {
        let Self { redemption, judged_at } = self;
        let identity = redemption.identity();
        let end_of_life = rules.end_of_life(Kind::Payment, identity.issued_at);
        let claiming = registers.claim(identity, end_of_life, judged_at, note);
        async move {
            match claiming.await {
                Ok(claimed) => Ok(Redeemed { redemption, claimed: Some(claimed) }),
                Err(verdict) => Err(Unclaimed { redemption, verdict }),
            }
        }
    }
}

impl Unclaimed {
    /// Releases the code on this node if it may still be used, and says what it is refused for.
    pub(crate) fn settle(self, replay: &Replay) -> Refused {
        let refusal = match self.verdict {
            // A claim that won too late to be forwarded comes as `Over` or `Unavailable`.
            ClaimVerdict::Used | ClaimVerdict::Won => Refusal::CodeUsed,
            ClaimVerdict::Over => Refusal::CodeExpired,
            ClaimVerdict::Warming => Refusal::WarmingUp,
            ClaimVerdict::Unavailable => Refusal::ReplayStoreUnavailable,
        };
        if matches!(self.verdict, ClaimVerdict::Warming | ClaimVerdict::Unavailable) {
            replay.release(self.redemption);
        }
        refusal.into()
    }
}

impl Redeemed {
    /// The code.
    pub(crate) fn identity(&self) -> CodeIdentity {
        self.redemption.identity()
    }

    /// Whether the code's life is over.
    pub(crate) fn is_over(&self, now: UnixMillis) -> bool {
        self.redemption.is_over(now)
    }

    /// Releases a code of whose request not one byte was sent: on all nodes first, then here, so
    /// that no request finds it free here and used there.
    ///
    /// Not cancel safe: it is only run inside an exchange, which outlives its client. Ends within
    /// `replay.timeout_ms`.
    pub(crate) async fn release(self, replay: &Replay, registers: Option<&Rc<Registers>>) {
        let Self { redemption, claimed } = self;
        if let (Some(claimed), Some(registers)) = (claimed, registers) {
            registers.release(claimed).await;
        }
        replay.release(redemption);
    }
}

#[cfg(test)]
mod tests;
