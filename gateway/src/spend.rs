//! Spending a code: in the table of this node, and where nodes share registers, for all of them.
//!
//! The local table comes first, so that a code shown twice to one node costs no round trip. What it
//! does not know the registers decide; their answer alone lets a transaction pass.
//!
//! What becomes of the local slot when the registers deny the code:
//! - `code_used`, `code_expired`: it stays spent. The code is good for nothing any more.
//! - `warming_up`, `replay_store_unavailable`: it is released, as this claim was never forwarded,
//!   and the registers' own votes for it are taken back. So the code works again as soon as a
//!   majority does. A vote that cannot be taken back (its connection broke) makes the code
//!   `code_used` there: a wrong no, never a wrong yes.
//!
//! Restarting a node that shares registers needs no fence: its codes are known to a majority of
//! registers for 120 s, and what registers forget they know to have forgotten ([`crate::state`]
//! says when there is a fence all the same).

use std::{future::Future, rc::Rc};

use keyring::{
    code::{CodeIdentity, Kind},
    time::UnixMillis,
    verify::VerifiedCode,
};
use registers::{ClaimNote, ClaimVerdict, Claimed, Registers};

use crate::{
    call::{Call, Refused},
    metrics::Limit,
    refusal::Refusal,
    replay::{RedeemError, Redemption},
    worker::Worker,
};

/// A spent code: the right to forward its transaction, once. Dropping it leaves the code spent.
#[must_use = "the code is spent; forward its transaction or give it back"]
#[derive(Debug)]
pub(crate) struct Spent {
    redemption: Redemption,
    /// Where nodes share registers.
    claimed: Option<Claimed>,
}

/// A code that this node has spent. Where nodes share registers, that is not enough.
#[must_use = "the code is spent on this node"]
#[derive(Debug)]
pub(crate) struct SpentHere {
    redemption: Redemption,
    /// The time by which the code was found fresh.
    judged_at: UnixMillis,
}

impl Spent {
    /// The code that was spent.
    pub(crate) fn identity(&self) -> CodeIdentity {
        self.redemption.identity()
    }

    /// Whether the code's life is over.
    pub(crate) fn is_over(&self, now: UnixMillis) -> bool {
        self.redemption.is_over(now)
    }
}

/// Spends the code on this node. From here on answers name the redemption.
pub(crate) fn spend_here(call: &Call, code: &VerifiedCode) -> Result<SpentHere, Refused> {
    let worker = &call.worker;
    let rules = &call.snapshot.config.codes;
    // The body may have taken its time: freshness is judged again, by the time of this moment.
    let judged_at = worker.clock().now();
    let redeemed = worker.replay().redeem(&code.identity(), judged_at, rules, worker.clock());
    call.names(code.identity());
    match redeemed {
        Ok(redemption) => Ok(SpentHere { redemption, judged_at }),
        Err(error) => Err(Refused::from(match error {
            RedeemError::Used => Refusal::CodeUsed,
            RedeemError::Expired => Refusal::CodeExpired,
            RedeemError::WarmingUp => Refusal::WarmingUp,
            RedeemError::Unavailable => Refusal::ReplayStoreUnavailable,
            RedeemError::Full => {
                worker.hit(Limit::Replay);
                Refusal::ReplayFull
            }
        })),
    }
}

/// The refusal of a code behind the fence, before its request is entered among those that run:
/// another transaction with the same code would hear `code_used` of a request that is not forwarded.
/// `warming_up`, or `code_expired` if the code is over.
pub(crate) fn refuse_fenced(call: &Call, code: &VerifiedCode) -> Refused {
    spend_here(call, code).expect_err("a fence never falls")
}

impl SpentHere {
    /// Where there are no registers, this node is all there is.
    pub(crate) fn alone(self) -> Spent {
        Spent { redemption: self.redemption, claimed: None }
    }

    /// Spends the code for all nodes, which may read `note` then. To be run to its end: it is part of what outlives a client.
    ///
    /// Cancel safe in the sense that matters: dropped before its end it forwards nothing, and the
    /// code is spent on this node, on others perhaps.
    pub(crate) fn everywhere(
        self,
        call: &Rc<Call>,
        registers: &Rc<Registers>,
        note: ClaimNote,
    ) -> impl Future<Output = Result<Spent, Refused>> + use<> {
        let Self { redemption, judged_at } = self;
        let identity = redemption.identity();
        let rules = &call.snapshot.config.codes;
        let end_of_life = rules.end_of_life(Kind::Payment, identity.issued_at);
        let claiming = registers.claim(identity, end_of_life, judged_at, note);
        let call = Rc::clone(call);
        async move {
            match claiming.await {
                Ok(claimed) => Ok(Spent { redemption, claimed: Some(claimed) }),
                Err(verdict) => Err(denied(&call.worker, redemption, verdict)),
            }
        }
    }
}

fn denied(worker: &Worker, redemption: Redemption, verdict: ClaimVerdict) -> Refused {
    let refusal = match verdict {
        // A claim that won too late to be forwarded comes as `Over` or `Unavailable`.
        ClaimVerdict::Used | ClaimVerdict::Won => Refusal::CodeUsed,
        ClaimVerdict::Over => Refusal::CodeExpired,
        ClaimVerdict::Warming => Refusal::WarmingUp,
        ClaimVerdict::Unavailable => Refusal::ReplayStoreUnavailable,
    };
    if matches!(verdict, ClaimVerdict::Warming | ClaimVerdict::Unavailable) {
        worker.replay().release(redemption);
    }
    refusal.into()
}

/// Gives a code back of whose request not one byte was sent: to all nodes first, then here, so
/// that no request finds it free here and spent there.
///
/// Not cancel safe: it is only run inside an exchange, which outlives its client. Ends within
/// `replay.timeout_ms`.
pub(crate) async fn give_back(worker: &Worker, spent: Spent) {
    let Spent { redemption, claimed } = spent;
    if let (Some(claimed), Some(registers)) = (claimed, &worker.registers) {
        registers.release(claimed).await;
    }
    worker.replay().release(redemption);
}
