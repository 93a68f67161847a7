//! Single use: a table in memory that knows the codes spent.
//!
//! The promise: of all calls of [`Replay::redeem`] for one code, at most one is answered with a
//! [`Redemption`], or one more after each that was given back. A wrong yes would let a payment
//! settle twice; a wrong no refuses a good customer. Wrong noes there are three: the table is
//! full ([`RedeemError::Full`]), it was made after the code ([`RedeemError::WarmingUp`]), or
//! another code of the same second has the same 30 bits of a keyed hash and stood in the way.
//!
//! The layers, top down: this file knows codes, times and the fence; `table` knows slots, and why a
//! code is claimed once; `entry` knows what one slot says; `memory` knows where the slots live.

mod entry;
mod memory;
mod sync;
mod table;

#[cfg(test)]
#[cfg(feature = "loom")]
mod interleavings;
#[cfg(test)]
#[cfg(not(any(feature = "loom", miri)))]
mod model;
#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

use keyring::code::{CodeIdentity, IssuedAt, Kind};
use keyring::time::UnixMillis;
use keyring::verify::TimeRules;

use crate::clock::Clock;

use self::sync::{AtomicI64, AtomicU64, Ordering};
use self::table::{Claim, Place, Table, Unclaimed};

/// The replay table of a node. Lock-free; allocates nothing after [`Replay::new`].
pub struct Replay {
    table: Table,
    mark: Mark,
    releases: AtomicU64,
    fence: Option<IssuedAt>,
}

/// The right to forward one code's transaction. Dropping it leaves the code spent.
#[must_use = "the code is spent; forward its transaction or release it"]
#[derive(Debug)]
pub struct Redemption {
    identity: CodeIdentity,
    claim: Claim,
}

/// Why a code is not redeemed.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, thiserror::Error)]
pub enum RedeemError {
    /// The code is spent.
    #[error("the code is used")]
    Used,
    /// Every slot that the code could take holds a living code. Nothing is ever evicted.
    #[error("the replay table is full")]
    Full,
    /// The code's life is over, be it since the call began.
    #[error("the code has expired")]
    Expired,
    /// The code was issued before the fence: whether it is spent was forgotten.
    #[error("the code is older than the replay table")]
    WarmingUp,
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The system has no such memory.
    #[error("no memory for a replay table of {slots} slots of 8 bytes")]
    Memory {
        /// The capacity asked for.
        slots: usize,
    },
    /// The system gave no random key.
    #[error("no random key for the replay table: {0}")]
    Random(getrandom::Error),
}

/// The latest time by which any code was judged. On a line of its own: it is read by every redeem
/// and written once a millisecond at most.
#[repr(align(64))]
struct Mark(AtomicI64);

impl Replay {
    /// An empty table of at least `capacity_slots` slots of 8 bytes, rounded up to lines of eight.
    /// Plan for rate x 80 s / 0.6.
    ///
    /// Codes issued at or before `fence` are refused for ever: an earlier table may have known
    /// them.
    ///
    /// # Errors
    /// [`ReplayError`] when the system has no memory or no randomness to give.
    pub fn new(capacity_slots: usize, fence: Option<IssuedAt>) -> Result<Self, ReplayError> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(ReplayError::Random)?;
        Self::with_key(capacity_slots, fence, key)
    }

    /// Asks the processor to fetch the code's line: 100 ns ahead of `redeem` is best.
    pub fn prefetch(&self, identity: &CodeIdentity) {
        self.table.prefetch(&self.place(identity));
    }

    /// Spends a payment code that was found genuine and, by the time `judged_at`, in its time.
    ///
    /// The mark is raised before the table is touched, and mark and clock are read again after: a
    /// thread that was paused meanwhile does not go on with a code that is over. No lock, no
    /// waiting, no allocation; nothing to cancel.
    ///
    /// # Errors
    /// [`RedeemError`]; after each of them the transaction must not be forwarded.
    pub fn redeem(
        &self,
        identity: &CodeIdentity,
        judged_at: UnixMillis,
        rules: &TimeRules,
        clock: &Clock,
    ) -> Result<Redemption, RedeemError> {
        let end_of_life = rules.end_of_life(Kind::Payment, identity.issued_at);
        if judged_at >= end_of_life {
            return Err(RedeemError::Expired);
        }
        if self.fence.is_some_and(|fence| identity.issued_at <= fence) {
            return Err(RedeemError::WarmingUp);
        }
        self.mark.raise(judged_at);
        let claim = self.table.claim(&self.place(identity))?;
        if self.mark.get().max(clock.now()) >= end_of_life {
            return Err(RedeemError::Expired);
        }
        Ok(Redemption { identity: *identity, claim })
    }

    /// Gives a redemption back: the code may be presented again. Only while not one byte of its
    /// request was sent. False if it is too late, the code's slot having been taken by a code
    /// issued 80 s later: nothing is lost, as the code is over.
    pub fn release(&self, redemption: Redemption) -> bool {
        let given_back = self.table.give_back(redemption.claim);
        if given_back {
            self.releases.fetch_add(1, Ordering::Relaxed);
        }
        given_back
    }

    /// Whether the code is known to be spent, also past its life. Best effort: true is certain but
    /// for 1 in 2^30, false only says that no trace was found.
    pub fn remembers(&self, identity: &CodeIdentity) -> bool {
        self.table.remembers(&self.place(identity))
    }

    /// How many codes the table must remember at `now`: exact up to 32,768 slots, beyond reckoned
    /// from that many, evenly spread (at 60 % load right to about 0.5 %).
    pub fn entries(&self, now: UnixMillis) -> usize {
        self.table.living(now.seconds())
    }

    /// Slots in the table.
    pub fn capacity(&self) -> usize {
        self.table.slots()
    }

    /// Bytes of memory for the slots.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Redemptions given back since the start.
    pub fn releases(&self) -> u64 {
        self.releases.load(Ordering::Relaxed)
    }

    /// Codes issued up to this second are refused.
    pub fn fence(&self) -> Option<IssuedAt> {
        self.fence
    }

    /// The latest time by which any code was judged here.
    pub fn mark(&self) -> UnixMillis {
        self.mark.get()
    }

    fn with_key(slots: usize, fence: Option<IssuedAt>, key: [u8; 16]) -> Result<Self, ReplayError> {
        let table = Table::new(slots, key).ok_or(ReplayError::Memory { slots })?;
        Ok(Self { table, mark: Mark::new(), releases: AtomicU64::new(0), fence })
    }

    fn place(&self, identity: &CodeIdentity) -> Place {
        self.table.place(&identity.to_bytes(), identity.issued_at.get())
    }
}

impl Redemption {
    /// The code that was spent.
    pub fn identity(&self) -> CodeIdentity {
        self.identity
    }
}

impl From<Unclaimed> for RedeemError {
    fn from(unclaimed: Unclaimed) -> Self {
        match unclaimed {
            Unclaimed::Used => Self::Used,
            Unclaimed::Over => Self::Expired,
            Unclaimed::Full => Self::Full,
        }
    }
}

impl Mark {
    fn new() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }

    /// `fetch_max`, but the line is written only when there is something to write.
    fn raise(&self, time: UnixMillis) {
        if self.0.load(Ordering::Relaxed) < time.get() {
            self.0.fetch_max(time.get(), Ordering::Relaxed);
        }
    }

    fn get(&self) -> UnixMillis {
        UnixMillis::new(self.0.load(Ordering::Relaxed))
    }
}
