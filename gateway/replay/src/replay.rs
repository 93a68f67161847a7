//! Codes, times and the fence: which codes may be redeemed, and the right to forward one.
//!
//! The words are those of codes. Passes and reservations are redeemed by the same code, from a
//! table of their own ([`SingleUse`]).

use clock::{Clock, Reading};
use keyring::code::{CodeIdentity, IssuedAt};
use keyring::time::UnixMillis;
use keyring::verify::SKEW_MS_MAX;
use sys::failpoint::{self, Point};

use crate::guard::Guard;
use crate::header::Header;
use crate::limits::{LEASE_MS, UNATTENDED_MS};
use crate::memory::{LINE_SLOTS, Memory};
use crate::single_use::SingleUse;
use crate::single_use::{Codes, Retention};
use crate::sync::{AtomicU64, Ordering};
use crate::table::{ClaimError, Place, SlotClaim, Table};

const NS_PER_MS: i64 = 1_000_000;

/// A replay table of a node: that of codes, or that of passes. Lock-free; allocates nothing after
/// it was made.
pub struct Replay<R = Codes> {
    table: Table<R>,
    pub(crate) guard: Guard,
    releases: AtomicU64,
}

/// The right to forward one code's transaction. Dropping it leaves the code spent.
#[must_use = "the code is spent; forward its transaction or release it"]
#[derive(Debug)]
pub struct Redemption<S = CodeIdentity> {
    identity: S,
    end_of_life: UnixMillis,
    claim: SlotClaim,
}

/// What a table knows of a code, for a person who asks.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Known {
    /// It is spent.
    Spent,
    /// It is not spent, and the table would know. If its life is over it never will be.
    Unspent {
        /// It cannot be redeemed any more.
        is_over: bool,
    },
    /// It is from before the fence, or so old that its entry may have been overwritten. This table
    /// lets it pass in neither case.
    Forgotten {
        /// Its life is over, so that no other table lets it pass either.
        is_over: bool,
    },
}

/// Why a code is not redeemed.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, thiserror::Error)]
pub enum RedeemError {
    /// The code is spent.
    #[error("the code is used")]
    Used,
    /// Every slot of the code's path holds a living code. Nothing is ever evicted.
    #[error("the replay table is full")]
    Full,
    /// The code's life is over; perhaps it ended during the call.
    #[error("the code has expired")]
    Expired,
    /// The code was issued before the fence: an earlier table may have known it as spent.
    #[error("the code is older than the replay table")]
    WarmingUp,
    /// The table may no longer be the one of its data directory, or the time by which the code is
    /// judged is not safe on disk yet. The code's state is unchanged.
    #[error("the replay table may not be used now")]
    Unavailable,
}

/// Why no table was made.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The system has no such memory.
    #[error("no memory for a replay table of {slots} slots of 8 bytes")]
    Memory {
        /// The capacity asked for.
        slots: usize,
    },
    /// The system returned no random key.
    #[error("no random key for the replay table: {0}")]
    Random(getrandom::Error),
}

impl<R: Retention> Replay<R> {
    /// An empty table in this process's own memory. It has at least `capacity_slots` slots of 8
    /// bytes, rounded up to lines of eight. Plan for rate x [`Retention::REMEMBER_S`] / 0.6.
    ///
    /// Codes issued at or before `fence` are refused for ever: an earlier table may have known
    /// them.
    ///
    /// # Errors
    /// [`ReplayError`] if the system has not enough memory, or no randomness.
    pub fn new(capacity_slots: usize, fence: Option<IssuedAt>) -> Result<Self, ReplayError> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(ReplayError::Random)?;
        Self::with_key(capacity_slots, fence, key)
    }

    /// Asks the processor to fetch the code's line: 100 ns ahead of `redeem` is best. Returns
    /// [`Self::hash`], as it was computed for this.
    #[inline]
    pub fn prefetch<S: SingleUse<Retention = R>>(&self, identity: &S) -> u64 {
        let place = self.place(identity);
        self.table.prefetch(&place);
        place.hash
    }

    /// A keyed hash of the code's identity, by a key that no client knows. Its low bits do not
    /// depend on the code's line.
    #[inline]
    pub fn hash<S: SingleUse<Retention = R>>(&self, identity: &S) -> u64 {
        self.place(identity).hash
    }

    /// Redeems a payment code that is genuine and that was, at the time `judged_at`, in its life.
    ///
    /// The high-water mark is raised before the table is touched. Mark and clock are read again
    /// after the claim: a thread that was paused meanwhile does not go on with a code that is over.
    /// Then lease and fence are read, the fence last: a thread that sees a lease also sees the
    /// fence that was raised before the lease was given.
    ///
    /// A reservation also looks at the windows beside its own, after its claim.
    ///
    /// It takes no lock, does not wait and does not allocate; there is nothing to cancel.
    ///
    /// # Errors
    /// [`RedeemError`]; after each of them the transaction must not be forwarded.
    #[inline]
    pub fn redeem<S: SingleUse<Retention = R>>(
        &self,
        identity: &S,
        judged_at: UnixMillis,
        rules: &S::Rules,
        clock: &Clock,
    ) -> Result<Redemption<S>, RedeemError> {
        let end_of_life = identity.end_of_life(rules);
        debug_assert!(
            end_of_life.ms_since(identity.second().millis()) + SKEW_MS_MAX <= R::REMEMBER_S * 1_000,
            "it would be forgotten while it may be presented"
        );
        if judged_at >= end_of_life {
            return Err(RedeemError::Expired);
        }
        if self.is_behind_fence(identity) {
            return Err(RedeemError::WarmingUp);
        }
        self.header().raise_high_water_mark(judged_at);
        failpoint::at(Point::Claim);
        let place = self.place(identity);
        let claim = self.table.claim(&place)?;
        if let Some(apart_s) = S::NEIGHBOUR_S
            && self.table.is_spent_beside(&place, apart_s)
        {
            return Err(self.undo(claim, RedeemError::Used));
        }
        let reading = clock.reading();
        if self.high_water_mark().max(reading.now) >= end_of_life {
            return Err(RedeemError::Expired);
        }
        if !self.guard.allows(reading) {
            return Err(self.undo(claim, RedeemError::Unavailable));
        }
        if self.is_behind_fence(identity) {
            return Err(self.undo(claim, RedeemError::WarmingUp));
        }
        Ok(Redemption { identity: *identity, end_of_life, claim })
    }

    /// Whether the code is so old that an earlier table may have known it as spent. A fence never
    /// falls, so such a code stays refused. An opaque code, whose age is not known, is behind it
    /// until [`Reservation::SHOWN_S`](crate::Reservation::SHOWN_S) after the fence.
    #[inline]
    pub fn is_behind_fence<S: SingleUse<Retention = R>>(&self, identity: &S) -> bool {
        self.header().is_behind_fence(identity.earliest_use())
    }

    /// Releases a redemption: the code may be presented again. Call it only if no byte of the
    /// request was sent. Returns false if a code that is younger by [`Retention::REMEMBER_S`] has
    /// taken the slot; then nothing is lost, as this code is over.
    #[inline]
    pub fn release<S: SingleUse<Retention = R>>(&self, redemption: Redemption<S>) -> bool {
        let is_released = self.table.release(redemption.claim);
        if is_released {
            self.releases.fetch_add(1, Ordering::Relaxed);
        }
        is_released
    }

    /// Whether the code is known to be spent, also past its life. Best effort: true is certain but
    /// for 1 in 2^30, false means only that no trace was found. Of an opaque code, whether it is
    /// reserved in its window or in one beside it.
    pub fn remembers<S: SingleUse<Retention = R>>(&self, identity: &S) -> bool {
        let place = self.place(identity);
        self.table.remembers(&place)
            || S::NEIGHBOUR_S.is_some_and(|apart_s| self.table.remembers_beside(&place, apart_s))
    }

    /// What is known of a code. It changes nothing.
    ///
    /// The trace is looked for first, and the high-water mark is read after it. An entry is placed
    /// after the mark was raised. So if a younger entry had overwritten the trace, the mark shows it.
    ///
    /// # Errors
    /// [`RedeemError::Unavailable`]: nothing was found, and the table may no longer be the one of its
    /// data directory.
    pub fn look<S: SingleUse<Retention = R>>(
        &self,
        identity: &S,
        rules: &S::Rules,
        clock: &Clock,
    ) -> Result<Known, RedeemError> {
        if self.remembers(identity) {
            return Ok(Known::Spent);
        }
        let (mark, reading) = (self.high_water_mark(), clock.reading());
        if !self.guard.allows(reading) {
            return Err(RedeemError::Unavailable);
        }
        let may_be_overwritten =
            identity.second().millis().plus_ms(R::REMEMBER_S * 1_000 - SKEW_MS_MAX);
        let is_over = mark.max(reading.now) >= identity.end_of_life(rules);
        Ok(match self.is_behind_fence(identity) || mark >= may_be_overwritten {
            true => Known::Forgotten { is_over },
            false => Known::Unspent { is_over },
        })
    }

    /// How many codes the table must remember at `now`. Exact up to 32,768 slots; a larger table is
    /// estimated from that many slots, evenly spread (at 60 % load right to about 0.5 %).
    pub fn entries(&self, now: UnixMillis) -> usize {
        self.table.living(now.seconds())
    }

    /// Number of slots of the table.
    pub fn capacity(&self) -> usize {
        self.table.slots()
    }

    /// Bytes of memory of the slots.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Number of redemptions released since this process opened the table.
    pub fn releases(&self) -> u64 {
        self.releases.load(Ordering::Relaxed)
    }

    /// Codes issued up to this second are refused. `None`: there is no fence.
    pub fn fence(&self) -> Option<IssuedAt> {
        self.header().fence()
    }

    /// The high-water mark: the latest time by which any code was judged, in any process that
    /// shares the table.
    #[inline]
    pub(crate) fn high_water_mark(&self) -> UnixMillis {
        self.header().high_water_mark()
    }

    /// The largest skew that the table was ever used with, in milliseconds; for passes the largest
    /// there is.
    pub(crate) fn skew_ms(&self) -> i64 {
        self.header().skew_ms().max(R::SKEW_MS_LEAST)
    }

    /// Notes that a process with this skew redeems from the table.
    pub(crate) fn raise_skew(&self, skew_ms: i64) {
        self.header().raise_skew(skew_ms);
    }

    /// From now on, codes issued up to `fence` are refused. Safe at any time and in any process:
    /// the fence only rises, and more refusals let no code pass twice.
    pub(crate) fn raise_fence(&self, fence: IssuedAt) {
        self.header().raise_fence(fence);
    }

    /// Gives this process a lease of 1 s from `checked_at`, the begin of a check that found the
    /// files of the data directory to be those of this table.
    ///
    /// If no process had checked the table for 5 s, it was unattended, and the fence is raised
    /// first. Returns whether it was. The high-water mark rises too, also if nothing is redeemed.
    pub fn renew_lease(&self, checked_at: Reading) -> bool {
        let was_unattended = self.begin_watch(checked_at);
        let mark = self.header().raise_high_water_mark(checked_at.now);
        if was_unattended {
            self.raise_fence(fence_after(mark, self.skew_ms()));
        }
        self.guard.renew(checked_at.boot_ns + LEASE_MS * NS_PER_MS);
        was_unattended
    }

    /// Notes that a process checks the table from now on. Returns whether it was unattended: no
    /// process had checked it for [`UNATTENDED_MS`].
    pub(crate) fn begin_watch(&self, now: Reading) -> bool {
        let last_ns = self.header().note_check(now.boot_ns);
        last_ns > 0 && now.boot_ns - last_ns > UNATTENDED_MS * NS_PER_MS
    }

    /// Ends the lease: the table is no longer the one of its data directory, and no code is
    /// redeemed from it again.
    pub(crate) fn revoke_lease(&self) {
        self.guard.revoke();
    }

    /// Codes may be judged by any time up to `until` from now on: that time is on disk.
    pub fn promise(&self, until: UnixMillis) {
        self.guard.promise(until);
    }

    /// Whether the header is still this table's own, and its high-water mark is at least `mark`. It
    /// is not if another file was copied over it.
    pub(crate) fn is_intact(&self, boot: u128, file: [u64; 2], mark: UnixMillis) -> bool {
        let lines = self.table.slots() / LINE_SLOTS;
        self.header().check::<R>(lines, boot, file).is_ok()
            && self.table.has_key(self.header().key())
            && self.high_water_mark() >= mark
    }

    pub(crate) fn with_key(
        slots: usize,
        fence: Option<IssuedAt>,
        key: [u8; 16],
    ) -> Result<Self, ReplayError> {
        let table = Table::on_heap(slots, fence, key).ok_or(ReplayError::Memory { slots })?;
        Ok(Self::new_guarded(table, Guard::open()))
    }

    /// The same table as another process sees it: header and slots are shared, nothing else.
    #[cfg(test)]
    pub(crate) fn in_another_process(&self) -> Self {
        Self::of_file(self.table.memory().beside())
    }

    /// The table in a mapped file. It redeems nothing before its first lease and promise.
    pub(crate) fn of_file(memory: Memory) -> Self {
        Self::new_guarded(Table::new(memory), Guard::shut())
    }

    fn new_guarded(table: Table<R>, guard: Guard) -> Self {
        Self { table, guard, releases: AtomicU64::new(0) }
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        self.table.header()
    }

    /// Releases a claim that must not be used: the code's state is unchanged, nothing was sent.
    fn undo(&self, claim: SlotClaim, why: RedeemError) -> RedeemError {
        self.table.release(claim);
        why
    }

    /// Whether the same bytes are seen, or may have been overwritten, in a window beside this one.
    #[cfg(test)]
    #[cfg(not(feature = "loom"))]
    pub(crate) fn is_seen_beside(&self, place: &Place) -> bool {
        self.table.is_seen_beside(place, crate::single_use::Reservation::WINDOW_S)
    }

    #[inline]
    pub(crate) fn place<S: SingleUse<Retention = R>>(&self, identity: &S) -> Place {
        self.table.place(&identity.to_bytes(), identity.second().get())
    }
}

impl<S: SingleUse> Redemption<S> {
    /// The code that was redeemed.
    #[inline]
    pub fn identity(&self) -> S {
        self.identity
    }

    /// The first moment at which the code is over.
    #[inline]
    pub fn end_of_life(&self) -> UnixMillis {
        self.end_of_life
    }

    /// Whether the code's life is over at `now`. Its transaction must not be forwarded then: the
    /// cashier has asked again by now, or has charged another way.
    #[inline]
    pub fn is_over(&self, now: UnixMillis) -> bool {
        now >= self.end_of_life
    }
}

impl From<ClaimError> for RedeemError {
    #[inline]
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Used => Self::Used,
            ClaimError::Expired => Self::Expired,
            ClaimError::Full => Self::Full,
        }
    }
}

/// The fence of a table that is made at `time`, in issue seconds.
///
/// It is the last issue second of codes that another process may have redeemed: with times up to
/// `time`, this skew, and a lease that had just begun.
pub(crate) fn fence_after(time: UnixMillis, skew_ms: i64) -> IssuedAt {
    let seconds = (time.get() + skew_ms + LEASE_MS + 999).div_euclid(1_000);
    IssuedAt::new(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}
