//! The lock-free table: it decides which of several claims of one code is the first.
//!
//! A code's *path* is a fixed order of slots: its home line, then the lines behind it. A claim goes
//! along the path and swaps its entry into the first slot that is free to it ([`Entry::judge`]).
//!
//! # Why a code is claimed at most once
//!
//! The table remembers for n seconds: 80 for codes, 920 for passes ([`Retention`]).
//!
//! 1. A slot's issue second only grows: a swap needs a free slot, and free means never used, the
//!    same code, or a code issued at least n seconds before. Released and taken back keep the
//!    second.
//! 2. So a slot that is not free to a code never becomes free to it again. The one exception is the
//!    code's own entry after its own release.
//! 3. Say two claims of one code both swapped, A into slot a and B into slot b, with no release
//!    between.
//!    - If a = b, the later of the two swaps found that slot free after the code had been in it.
//!      This contradicts 2.
//!    - Else let a come before b on the path. B passed a: it was not free and did not hold the
//!      code. A's swap found a free, so by 2 it came earlier in the life of slot a than B's load.
//!      A load after that swap finds the code (`Used`) or a code issued n seconds later
//!      (`Expired`), and B would have ended there.
//!
//!    So there are no such two claims.
//!
//! Each step is about one slot at a time. It needs only that all threads see the values of one slot
//! in one order, which any atomic gives. It needs no clock: a thread may sleep for days between any
//! two steps. It needs no second load of slots passed before. And it needs no scan of the rest of
//! the path: a copy of the code cannot be behind a slot that is free to it.
//!
//! Hence two simplifications. A claim may load the slots of a line all together, to find where to
//! stop: a slot that was living once is passed for good. And after a lost swap the claim judges
//! only that one slot again, with what the winner put there.
//!
//! # The same bytes in the seconds beside
//!
//! A reservation's second is a window of time, so the same bytes can be claimed in two windows at
//! once, in two slots. After its swap such a claim looks for both neighbours
//! ([`Table::is_spent_beside`]). Between its swap and its look it has a sequentially consistent
//! fence. Of two such fences one is first. The thread of the other sees the swap of the first: a
//! store, a fence and a load in each of two threads cannot both miss the other's store
//! (Dekker 1965). So at most one of the two goes on, and perhaps none. A claim that does not go on
//! is released. The one that goes on keeps its entry, so a later look finds it. Codes and passes
//! have no such fence and no look: their second is part of what they are.

use std::marker::PhantomData;

use siphasher::sip128::{Hash128, SipHasher13};

use keyring::code::IssuedAt;
use keyring::time::UnixMillis;
use sys::failpoint::{self, Point};

use crate::entry::{Entry, Standing};
use crate::header::{Birth, Header, Store};
use crate::memory::{self, LINE_SLOTS, Line, Memory, line_count};
use crate::single_use::Retention;
use crate::sync::{AtomicU64, Ordering, fence};

/// The lines of a code's path. A claim that finds them full of living codes is refused.
///
/// Bounds the work, not the load: while at most 60 % of the slots hold living codes, a path of n
/// lines is full with a probability that falls by 0.41 a line: below 1e-24 at 64
/// (`tests::a_path_is_never_full_at_the_planned_load`). A path is a page of 4 KiB at most.
pub(crate) const PATH_LINES: usize = 64;

/// Lines sampled to estimate how full the table is.
const SAMPLE_LINES: usize = 4_096;
const _: () = assert!(LINE_SLOTS == 8, "a lane is three bits of the hash and one bit of a byte");

pub(crate) struct Table<R> {
    memory: Memory,
    hasher: SipHasher13,
    retention: PhantomData<R>,
}

/// Where one code belongs: its path and its entry.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Place {
    pub(crate) home: usize,
    pub(crate) first: u32,
    pub(crate) entry: Entry,
    /// The half of the keyed hash that `home` is made of.
    pub(crate) hash: u64,
}

/// The slot in which a code was claimed.
#[derive(Debug)]
pub(crate) struct SlotClaim {
    pub(crate) line: usize,
    lane: usize,
    entry: Entry,
}

/// Why a code was not claimed.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum ClaimError {
    /// The code is in the table.
    Used,
    /// A code issued later by as much as the table remembers is in a slot of its path: this code is over.
    Expired,
    /// Every slot of the whole path holds a living code.
    Full,
}

/// What became of a search for a code, without claiming it.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Trace {
    /// It is spent.
    Spent,
    /// It is not there.
    None,
    /// It may have been in a slot that holds a code now which is younger by as much as the table
    /// remembers.
    Overtaken,
}

impl<R: Retention> Table<R> {
    /// The table whose header and slots are in `memory`.
    pub(crate) fn new(memory: Memory) -> Self {
        let hasher = SipHasher13::new_with_key(&memory.header().key());
        Self { memory, hasher, retention: PhantomData }
    }

    /// An empty table of at least `slots` slots in memory of this process alone. `None` if the
    /// system has not enough memory.
    pub(crate) fn on_heap(slots: usize, fence: Option<IssuedAt>, key: [u8; 16]) -> Option<Self> {
        let birth = Birth {
            key,
            boot: 0,
            file: [0; 2],
            store: Store::Local,
            fence,
            skew_ms: 0,
            high_water_mark: UnixMillis::new(0),
        };
        let memory = Memory::on_heap(line_count(slots))?;
        memory.header().initialize::<R>(&birth, memory.lines().len());
        Some(Self::new(memory))
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        self.memory.header()
    }

    /// Whether the table places codes by this key.
    pub(crate) fn has_key(&self, key: [u8; 16]) -> bool {
        let (mine, theirs) = (&self.hasher, SipHasher13::new_with_key(&key));
        mine.hash(&[]) == theirs.hash(&[])
    }

    #[inline]
    fn lines(&self) -> &[Line] {
        self.memory.lines()
    }

    /// Slots; at least as many as the table was made with.
    pub(crate) fn slots(&self) -> usize {
        self.lines().len() * LINE_SLOTS
    }

    pub(crate) fn bytes(&self) -> usize {
        memory::bytes(self.lines().len())
    }

    #[inline]
    pub(crate) fn place(&self, identity: &[u8; 16], issued_at_s: u32) -> Place {
        let Hash128 { h1, h2 } = self.hasher.hash(identity);
        let entry = Entry::spent(issued_at_s, h2);
        let first = u32::try_from(h2 >> 61).expect("three bits");
        Place { home: scale(h1, self.lines().len()), first, entry, hash: h1 }
    }

    #[inline]
    pub(crate) fn prefetch(&self, place: &Place) {
        if let Some(line) = self.lines().get(place.home) {
            memory::prefetch(line);
        }
    }

    /// Claims the code: of all calls for one code, at most one returns `Ok` (until that claim is
    /// released).
    #[inline]
    pub(crate) fn claim(&self, place: &Place) -> Result<SlotClaim, ClaimError> {
        for (number, line) in self.path(place) {
            for lane in Lanes::not_passed::<R>(line, place) {
                let Some(slot) = line.0.get(lane) else { continue };
                match take::<R>(slot, place.entry) {
                    Standing::Free => {
                        return Ok(SlotClaim { line: number, lane, entry: place.entry });
                    }
                    Standing::Spent => return Err(ClaimError::Used),
                    Standing::Overtaken => return Err(ClaimError::Expired),
                    Standing::Living => {}
                }
            }
        }
        Err(ClaimError::Full)
    }

    /// Releases a claim, in place: an emptied slot would become free to older codes that passed it.
    /// False if a younger code has taken the slot.
    #[inline]
    pub(crate) fn release(&self, claim: SlotClaim) -> bool {
        let Some(slot) = self.lines().get(claim.line).and_then(|line| line.0.get(claim.lane))
        else {
            return false;
        };
        let (spent, released) = (claim.entry.to_bits(), claim.entry.released().to_bits());
        slot.compare_exchange(spent, released, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether the code is known to be spent. The entry of a code that is over stays until a
    /// younger code needs its slot. So true is certain (but for a tag of 30 bits), and false is
    /// not.
    pub(crate) fn remembers(&self, place: &Place) -> bool {
        self.trace(place) == Trace::Spent
    }

    /// Whether the same bytes are known to be spent `apart_s` seconds before or after.
    pub(crate) fn remembers_beside(&self, place: &Place, apart_s: u32) -> bool {
        self.neighbours(place, apart_s).any(|place| self.remembers(&place))
    }

    /// Whether the same bytes may be spent `apart_s` seconds before or after. For a claim of
    /// `place` that has just been made. Of two claims in neighbouring seconds, at least one is told
    /// true, however their steps interleave.
    ///
    /// An entry that may have been overwritten counts as spent. That happens only in the last
    /// seconds of a window, where a pass was minted by a clock that is ahead, and to a thread that
    /// was paused. Without this, what was spent at the end of the window before could be forgotten.
    #[inline]
    pub(crate) fn is_spent_beside(&self, place: &Place, apart_s: u32) -> bool {
        fence(Ordering::SeqCst);
        self.is_seen_beside(place, apart_s)
    }

    /// The look without its fence: only behind one is it of use to a claim.
    pub(crate) fn is_seen_beside(&self, place: &Place, apart_s: u32) -> bool {
        self.neighbours(place, apart_s).any(|place| self.trace(&place) != Trace::None)
    }

    fn neighbours(&self, place: &Place, apart_s: u32) -> impl Iterator<Item = Place> {
        let own_s = place.entry.second();
        let beside = [own_s.checked_sub(apart_s), own_s.checked_add(apart_s)];
        let place = *place;
        let at = move |second| Place { entry: place.entry.in_second(second), ..place };
        beside.into_iter().flatten().map(at)
    }

    /// Goes along a path until it is certain. The code itself may be behind a slot that overtook
    /// it, so the search goes on from there.
    fn trace(&self, place: &Place) -> Trace {
        let mut trace = Trace::None;
        for (_, line) in self.path(place) {
            for lane in Lanes::not_passed::<R>(line, place) {
                let Some(slot) = line.0.get(lane) else { continue };
                match place.entry.judge::<R>(load(slot)) {
                    Standing::Spent => return Trace::Spent,
                    Standing::Free => return trace,
                    Standing::Overtaken => trace = Trace::Overtaken,
                    Standing::Living => {}
                }
            }
        }
        trace
    }

    /// How many slots hold codes that live at `now_s`, estimated from a sample of the lines.
    pub(crate) fn living(&self, now_s: i64) -> usize {
        let stride = self.lines().len().div_ceil(SAMPLE_LINES);
        let sample = self.lines().iter().step_by(stride);
        let sampled = sample.len();
        let is_living = |slot: &&AtomicU64| load(slot).is_living_at::<R>(now_s);
        let living = sample.flat_map(|line| &line.0).filter(is_living).count();
        (living * self.lines().len()).div_ceil(sampled)
    }

    /// The lines of a path in their order, each with its number. No line comes twice.
    #[inline]
    fn path(&self, place: &Place) -> impl Iterator<Item = (usize, &Line)> {
        let lines = self.lines().iter().enumerate();
        lines.clone().skip(place.home).chain(lines.take(place.home)).take(PATH_LINES)
    }
}

/// The lanes of a line at which a code may have to stop, in the order of its path.
///
/// They are found for all eight at once and without a branch. Where a claim stops cannot be
/// predicted, and one mispredicted branch costs more than eight comparisons.
struct Lanes {
    first: u32,
    /// Bit n: the lane n places on from the first.
    open: u8,
}

impl Lanes {
    #[inline]
    fn not_passed<R: Retention>(line: &Line, place: &Place) -> Self {
        let mut open = 0;
        for (slot, bit) in line.0.iter().zip([1, 2, 4, 8, 16, 32, 64, 128]) {
            open |= if place.entry.goes_past::<R>(load(slot)) { 0 } else { bit };
        }
        Self { first: place.first, open: u8::rotate_right(open, place.first) }
    }
}

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let nearest = self.open.trailing_zeros();
        self.open &= self.open.checked_sub(1)?;
        usize::try_from((self.first + nearest) % u8::BITS).ok()
    }
}

/// Swaps `mine` into the slot if the slot is free to it. `Free` means that it was, and `mine` is in
/// it now. A swap fails only if another claim or release changed the slot, so this ends.
#[inline]
fn take<R: Retention>(slot: &AtomicU64, mine: Entry) -> Standing {
    let mut found = load(slot);
    loop {
        let standing = mine.judge::<R>(found);
        if standing != Standing::Free {
            return standing;
        }
        failpoint::at(Point::Swap);
        let (old, new) = (found.to_bits(), mine.to_bits());
        match slot.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Standing::Free,
            Err(winner) => found = Entry::from_bits(winner),
        }
    }
}

/// Acquires what the swaps release: a thread that sees an entry also sees the high-water mark that
/// its redeemer raised before. The claims themselves need no order (see above).
#[inline]
fn load(slot: &AtomicU64) -> Entry {
    Entry::from_bits(slot.load(Ordering::Acquire))
}

/// Maps a hash evenly to `0..below`, by its highest bits.
#[inline]
fn scale(hash: u64, below: usize) -> usize {
    let below = u128::try_from(below).expect("an address is at most 64 bits");
    usize::try_from((u128::from(hash) * below) >> 64).expect("smaller than `below`")
}
