//! Single use: a table that knows the codes spent.
//!
//! The promise: of all calls of [`Replay::redeem`] for one code, at most one is answered with a
//! [`Redemption`], or one more after each that was given back. A wrong yes would let a payment
//! settle twice; a wrong no refuses a good customer. Wrong noes there are four: the table is
//! full ([`RedeemError::Full`]), it was made after the code ([`RedeemError::WarmingUp`]), it may no
//! longer be the one of its directory ([`RedeemError::Unavailable`]), or another code of the same
//! second has the same 30 bits of a keyed hash and stood in the way.
//!
//! The layers, top down: this file knows codes, times and the fence; `guard` until when this
//! process may redeem; `table` knows slots, and why a code is claimed once; `entry` knows what one
//! slot says; `header` knows what goes before the slots; `memory` knows where both live, and `file`
//! how they come into a file. Which file, and who may touch it, is [`directory`]'s.

pub mod directory;
mod entry;
mod file;
mod guard;
mod header;
mod memory;
mod sync;
mod table;

#[cfg(test)]
#[cfg(feature = "loom")]
mod interleavings;
#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

use keyring::code::{CodeIdentity, IssuedAt, Kind};
use keyring::time::UnixMillis;
use keyring::verify::TimeRules;

use clock::{Clock, Reading};
use sys::failpoint::{self, Point};

pub use self::file::{Unmapped, create, file_bytes, file_id, map, open_file_id};
use self::guard::Guard;
use self::header::Header;
pub use self::header::{Birth, Mismatch, Remains, Store};
use self::memory::{LINE_SLOTS, Memory};
use self::sync::{AtomicU64, Ordering};
use self::table::{Claim, Place, Table, Unclaimed};

/// How long a look at the data directory lets a process redeem, and so how much later than its
/// start a new table's fence is.
pub const LEASE_MS: i64 = 1_000;
/// A table that nobody looked after for longer is behind a fence from then on: its directory may
/// have been elsewhere, or back in time, meanwhile.
pub const FORSAKEN_MS: i64 = 5_000;
const NS_PER_MS: i64 = 1_000_000;

/// The replay table of a node. Lock-free; allocates nothing after it was made.
pub struct Replay {
    table: Table,
    guard: Guard,
    releases: AtomicU64,
}

/// The right to forward one code's transaction. Dropping it leaves the code spent.
#[must_use = "the code is spent; forward its transaction or release it"]
#[derive(Debug)]
pub struct Redemption {
    identity: CodeIdentity,
    end_of_life: UnixMillis,
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
    /// The table may no longer be the one of its data directory, or the time by which the code is
    /// judged is not safe on disk yet. The code is as it was.
    #[error("the replay table may not be used now")]
    Unavailable,
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

impl Replay {
    /// An empty table in this process's own memory, of at least `capacity_slots` slots of 8 bytes,
    /// rounded up to lines of eight. Plan for rate x 80 s / 0.6.
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

    /// Asks the processor to fetch the code's line: 100 ns ahead of `redeem` is best. Returns
    /// [`Self::hash`], which it knows then.
    pub fn prefetch(&self, identity: &CodeIdentity) -> u64 {
        let place = self.place(identity);
        self.table.prefetch(&place);
        place.hash
    }

    /// A keyed hash of the code's identity, by a key that no client knows. Its low bits say nothing
    /// of the code's line.
    pub fn hash(&self, identity: &CodeIdentity) -> u64 {
        self.place(identity).hash
    }

    /// Spends a payment code that was found genuine and, by the time `judged_at`, in its time.
    ///
    /// The mark is raised before the table is touched, and mark and clock are read again after: a
    /// thread that was paused meanwhile does not go on with a code that is over. So are lease and
    /// fence, the fence last: who sees a lease sees the fence that was raised before it was given.
    /// No lock, no waiting, no allocation; nothing to cancel.
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
        if self.header().is_behind_fence(identity.issued_at) {
            return Err(RedeemError::WarmingUp);
        }
        self.header().raise_mark(judged_at);
        failpoint::at(Point::Claim);
        let claim = self.table.claim(&self.place(identity))?;
        let reading = clock.reading();
        if self.mark().max(reading.now) >= end_of_life {
            return Err(RedeemError::Expired);
        }
        if !self.guard.allows(reading) {
            return Err(self.undo(claim, RedeemError::Unavailable));
        }
        if self.header().is_behind_fence(identity.issued_at) {
            return Err(self.undo(claim, RedeemError::WarmingUp));
        }
        Ok(Redemption { identity: *identity, end_of_life, claim })
    }

    /// Whether the code was issued so early that it may have been spent before this table began. A
    /// fence never falls, so such a code stays refused.
    pub fn is_behind_fence(&self, identity: &CodeIdentity) -> bool {
        self.header().is_behind_fence(identity.issued_at)
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
        self.header().fence()
    }

    /// The latest time by which any code was judged, in any process that shares the table.
    pub fn mark(&self) -> UnixMillis {
        self.header().mark()
    }

    /// The largest skew that the table was ever used with.
    pub fn skew_ms(&self) -> i64 {
        self.header().skew_ms()
    }

    /// Notes that a process with this skew redeems from the table.
    pub fn raise_skew(&self, skew_ms: i64) {
        self.header().raise_skew(skew_ms);
    }

    /// From now on, codes issued up to `fence` are refused. Safe at any time and in any process:
    /// the fence only rises, and more refusals let no code pass twice.
    pub fn raise_fence(&self, fence: IssuedAt) {
        self.header().raise_fence(fence);
    }

    /// The data directory's files were found to be this table's, by a look that began at `look`:
    /// this process may redeem for [`LEASE_MS`] from then. If no process had looked for longer than
    /// [`FORSAKEN_MS`], the fence is raised first. Returns whether it was.
    ///
    /// The mark rises too, so that it also does when nothing is redeemed.
    pub fn renew(&self, look: Reading) -> bool {
        let is_forsaken = self.begin_watch(look);
        let mark = self.header().raise_mark(look.now);
        if is_forsaken {
            self.raise_fence(fence_after(mark, self.skew_ms()));
        }
        self.guard.renew(look.boot_ns + LEASE_MS * NS_PER_MS);
        is_forsaken
    }

    /// Notes that a process looks after the table from now on. True if none had for longer than
    /// [`FORSAKEN_MS`].
    pub fn begin_watch(&self, look: Reading) -> bool {
        let last_ns = self.header().looked(look.boot_ns);
        last_ns > 0 && look.boot_ns - last_ns > FORSAKEN_MS * NS_PER_MS
    }

    /// The table is not its data directory's any more: nothing is redeemed from it again.
    pub fn revoke(&self) {
        self.guard.revoke();
    }

    /// A time that is later than `until` is on disk now: codes may be judged by any time up to it.
    pub fn promise(&self, until: UnixMillis) {
        self.guard.promise(until);
    }

    /// Is the page before the slots still this table's own, with a mark of at least `mark`? It is
    /// not, where somebody has written another file over it.
    pub fn is_intact(&self, boot: u128, file: [u64; 2], mark: UnixMillis) -> bool {
        let lines = self.table.slots() / LINE_SLOTS;
        self.header().check(lines, boot, file).is_ok()
            && self.table.has_key(self.header().key())
            && self.mark() >= mark
    }

    fn with_key(slots: usize, fence: Option<IssuedAt>, key: [u8; 16]) -> Result<Self, ReplayError> {
        let mark = UnixMillis::new(0);
        let store = Store::Local;
        let birth = Birth { key, boot: 0, file: [0; 2], store, fence, skew_ms: 0, mark };
        let memory = Memory::on_heap(line_count(slots)).ok_or(ReplayError::Memory { slots })?;
        memory.header().begin(&birth, memory.lines().len());
        Ok(Self::over(memory, Guard::open()))
    }

    /// The same table as another process sees it: header and slots are shared, nothing else.
    #[cfg(test)]
    fn in_another_process(&self) -> Self {
        Self::over(self.table.memory().beside(), Guard::shut())
    }

    fn of_file(memory: Memory) -> Self {
        Self::over(memory, Guard::shut())
    }

    fn over(memory: Memory, guard: Guard) -> Self {
        Self { table: Table::new(memory), guard, releases: AtomicU64::new(0) }
    }

    fn header(&self) -> &Header {
        self.table.header()
    }

    /// Gives back what must not be used: the code is as it was, nothing was sent.
    fn undo(&self, claim: Claim, why: RedeemError) -> RedeemError {
        self.table.give_back(claim);
        why
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

    /// Is the code's life over by now? Nothing is forwarded then: whoever presented it has long
    /// asked again, or been charged another way.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        now >= self.end_of_life
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

/// The last issue second of which a process may have spent a code that judged by times up to
/// `time`, with this skew and a lease that has just begun.
pub fn fence_after(time: UnixMillis, skew_ms: i64) -> IssuedAt {
    let seconds = (time.get() + skew_ms + LEASE_MS + 999).div_euclid(1_000);
    IssuedAt::new(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}

/// Lines for so many slots; at least one.
fn line_count(slots: usize) -> usize {
    slots.div_ceil(LINE_SLOTS).max(1)
}
