//! The lock-free table: who is the first to claim a code?
//!
//! A code's *path* is a fixed order of slots: its home line, then the lines behind it. A claim goes
//! along the path and swaps its entry into the first slot that is free to it ([`Entry::judge`]).
//!
//! # Why a code is claimed at most once
//!
//! 1. A slot's issue second only grows: a swap needs a free slot, and free means never used, the
//!    same code, or a code issued at least 80 s before. Released and taken back keep the second.
//! 2. So what is not free to a code never becomes free to it again, except its own entry by its own
//!    release.
//! 3. Say two claims of one code both swapped, A into slot a and B into slot b, with no release
//!    between. If a = b, the later of the two swaps found that slot free after the code had
//!    been in it: against 2. Else let a stand before b on the path. B passed a because it was not
//!    free and did not hold the code, so by 2 A's swap, which found a free, came earlier in the
//!    life of slot a than B's look at it; after that swap a look finds the code (`Used`) or a code
//!    issued 80 s later (`Over`), and B would have ended there. So there are no such two claims.
//!
//! Each step speaks of one slot at a time, so it needs only that all threads see the values of one
//! slot in one order, which any atomic gives. It needs no clock: a thread may sleep for days
//! between any two steps. It needs no second look at slots passed before, and no scan of the rest
//! of the path: a copy of the code can not stand behind a slot that is free to it.
//!
//! Hence two simplifications. The slots of a line may be looked at all together, to find where to
//! stop: one that was seen living is passed for good. And after a lost swap only that one slot is
//! judged again, with what the winner put there.

use siphasher::sip128::{Hash128, SipHasher13};

use super::entry::{Entry, Standing};
use super::header::Header;
use super::memory::{self, LINE_SLOTS, Line, Memory};
use super::sync::{AtomicU64, Ordering};
use sys::failpoint::{self, Point};

/// The lines that a code may stand in. A claim that finds them full of living codes is refused.
///
/// Bounds the work, not the load: while at most 60 % of the slots hold living codes, a path of n
/// lines is full with a probability that falls by 0.41 a line: below 1e-24 at 64
/// (`tests::a_path_is_never_full_at_the_planned_load`). A page of 4 KiB at the worst.
pub(super) const PATH_LINES: usize = 64;

/// Lines sampled to estimate how full the table is.
const SAMPLE_LINES: usize = 4_096;
const _: () = assert!(LINE_SLOTS == 8, "a lane is three bits of the hash and one bit of a byte");

pub(super) struct Table {
    memory: Memory,
    hasher: SipHasher13,
}

/// Where one code stands: its path and its entry.
#[derive(Copy, Clone, Debug)]
pub(super) struct Place {
    pub(super) home: usize,
    pub(super) first: u32,
    pub(super) entry: Entry,
    /// The half of the keyed hash that `home` is made of.
    pub(super) hash: u64,
}

/// The slot that a code was claimed in.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) line: usize,
    lane: usize,
    entry: Entry,
}

#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(super) enum Unclaimed {
    /// The code stands in the table.
    Used,
    /// A code issued at least 80 s later stands where this one would: this one is over.
    Over,
    /// Only living codes on the whole path.
    Full,
}

impl Table {
    /// The table whose header and slots are in `memory`.
    pub(super) fn new(memory: Memory) -> Self {
        let hasher = SipHasher13::new_with_key(&memory.header().key());
        Self { memory, hasher }
    }

    /// One on the heap.
    #[cfg(test)]
    pub(super) fn with_key(slots: usize, key: [u8; 16]) -> Self {
        super::Replay::with_key(slots, None, key).expect("a small table").table
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) fn header(&self) -> &Header {
        self.memory.header()
    }

    /// Are codes placed by this key?
    pub(super) fn has_key(&self, key: [u8; 16]) -> bool {
        let (mine, theirs) = (&self.hasher, SipHasher13::new_with_key(&key));
        mine.hash(&[]) == theirs.hash(&[])
    }

    fn lines(&self) -> &[Line] {
        self.memory.lines()
    }

    /// Slots, at least as many as were asked for.
    pub(super) fn slots(&self) -> usize {
        self.lines().len() * LINE_SLOTS
    }

    pub(super) fn bytes(&self) -> usize {
        memory::bytes(self.lines().len())
    }

    #[inline]
    pub(super) fn place(&self, identity: &[u8; 16], issued_at_s: u32) -> Place {
        let Hash128 { h1, h2 } = self.hasher.hash(identity);
        let entry = Entry::spent(issued_at_s, h2);
        let first = u32::try_from(h2 >> 61).expect("three bits");
        Place { home: scale(h1, self.lines().len()), first, entry, hash: h1 }
    }

    pub(super) fn prefetch(&self, place: &Place) {
        if let Some(line) = self.lines().get(place.home) {
            memory::prefetch(line);
        }
    }

    /// Claims the code: of all calls for one code, at most one is answered `Ok` (until that claim
    /// is given back).
    #[inline]
    pub(super) fn claim(&self, place: &Place) -> Result<Claim, Unclaimed> {
        for (number, line) in self.path(place) {
            for lane in Lanes::not_passed(line, place) {
                let Some(slot) = line.0.get(lane) else { continue };
                match take(slot, place.entry) {
                    Standing::Free => return Ok(Claim { line: number, lane, entry: place.entry }),
                    Standing::Spent => return Err(Unclaimed::Used),
                    Standing::Overtaken => return Err(Unclaimed::Over),
                    Standing::Living => {}
                }
            }
        }
        Err(Unclaimed::Full)
    }

    /// Gives a claim back, in place: the slot is never emptied, or it would become free to older
    /// codes that passed it. False if a younger code has taken the slot.
    pub(super) fn give_back(&self, claim: Claim) -> bool {
        let Some(slot) = self.lines().get(claim.line).and_then(|line| line.0.get(claim.lane))
        else {
            return false;
        };
        let (spent, released) = (claim.entry.to_bits(), claim.entry.released().to_bits());
        slot.compare_exchange(spent, released, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether the code is known to be spent. Entries of dead codes stay until a younger code
    /// needs their slot, so a yes is certain (but for a tag of 30 bits) and a no is not.
    pub(super) fn remembers(&self, place: &Place) -> bool {
        for (_, line) in self.path(place) {
            for lane in Lanes::not_passed(line, place) {
                let Some(slot) = line.0.get(lane) else { continue };
                match place.entry.judge(look(slot)) {
                    Standing::Spent => return true,
                    Standing::Free => return false,
                    Standing::Living | Standing::Overtaken => {}
                }
            }
        }
        false
    }

    /// How many slots hold codes that live at `now_s`, reckoned from a sample of the lines.
    pub(super) fn living(&self, now_s: i64) -> usize {
        let stride = self.lines().len().div_ceil(SAMPLE_LINES);
        let sample = self.lines().iter().step_by(stride);
        let sampled = sample.len();
        let is_living = |slot: &&AtomicU64| look(slot).is_living_at(now_s);
        let living = sample.flat_map(|line| &line.0).filter(is_living).count();
        (living * self.lines().len()).div_ceil(sampled)
    }

    /// The lines of a path in their order, each with its number. None comes twice.
    fn path(&self, place: &Place) -> impl Iterator<Item = (usize, &Line)> {
        let lines = self.lines().iter().enumerate();
        lines.clone().skip(place.home).chain(lines.take(place.home)).take(PATH_LINES)
    }
}

/// The lanes of a line at which a code may have to stop, in the order of its path.
///
/// Found for all eight at once and without a branch: where a walk stops can not be predicted, and a
/// mispredicted branch per slot costs more than eight comparisons.
struct Lanes {
    first: u32,
    /// Bit n: the lane n places on from the first.
    open: u8,
}

impl Lanes {
    #[inline]
    fn not_passed(line: &Line, place: &Place) -> Self {
        let mut open = 0;
        for (slot, bit) in line.0.iter().zip([1, 2, 4, 8, 16, 32, 64, 128]) {
            open |= if place.entry.passes(look(slot)) { 0 } else { bit };
        }
        Self { first: place.first, open: u8::rotate_right(open, place.first) }
    }
}

impl Iterator for Lanes {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let nearest = self.open.trailing_zeros();
        self.open &= self.open.checked_sub(1)?;
        usize::try_from((self.first + nearest) % u8::BITS).ok()
    }
}

/// Swaps `mine` into the slot if it is free to it. `Free`: it was, and mine is in it now. A swap
/// is lost only to another claim or release, so this ends.
#[inline]
fn take(slot: &AtomicU64, mine: Entry) -> Standing {
    let mut found = look(slot);
    loop {
        let standing = mine.judge(found);
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

/// Acquire, with the swaps' release: who sees an entry also sees the mark of time that its redeemer
/// raised before. The claims themselves would need no order (see above).
fn look(slot: &AtomicU64) -> Entry {
    Entry::from_bits(slot.load(Ordering::Acquire))
}

/// Maps a hash evenly to `0..below`, by its highest bits.
fn scale(hash: u64, below: usize) -> usize {
    let below = u128::try_from(below).expect("an address is at most 64 bits");
    usize::try_from((u128::from(hash) * below) >> 64).expect("smaller than `below`")
}
