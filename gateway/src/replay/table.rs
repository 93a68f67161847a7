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
//! Losing a swap is no exception: the slot is judged again, with what the winner put there.

use siphasher::sip128::{Hash128, SipHasher13};

use super::entry::{Entry, Standing};
use super::memory::{self, LINE_SLOTS, Line};
use super::sync::{AtomicU64, Ordering};

/// The lines that a code may stand in. A claim that finds them full of living codes is refused.
///
/// Bounds the work, not the load: while at most 60 % of the slots hold living codes, a path of n
/// lines is full with a probability that falls by 0.41 a line: below 1e-24 at 64
/// (`tests::a_path_is_never_full_at_the_planned_load`). A page of 4 KiB at the worst.
pub(super) const PATH_LINES: usize = 64;

/// Lines sampled to estimate how full the table is.
const SAMPLE_LINES: usize = 4_096;

pub(super) struct Table {
    lines: Box<[Line]>,
    hasher: SipHasher13,
}

/// Where one code stands: its path and its entry.
#[derive(Copy, Clone, Debug)]
pub(super) struct Place {
    pub(super) home: usize,
    pub(super) first: usize,
    pub(super) entry: Entry,
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
    /// A table of at least `slots` slots, at least one line; nothing if there is no memory for it.
    pub(super) fn new(slots: usize, key: [u8; 16]) -> Option<Self> {
        let lines = memory::zeroed(slots.div_ceil(LINE_SLOTS).max(1))?;
        Some(Self { lines, hasher: SipHasher13::new_with_key(&key) })
    }

    /// Slots, at least as many as were asked for.
    pub(super) fn slots(&self) -> usize {
        self.lines.len() * LINE_SLOTS
    }

    pub(super) fn bytes(&self) -> usize {
        memory::bytes(self.lines.len())
    }

    pub(super) fn place(&self, identity: &[u8; 16], issued_at_s: u32) -> Place {
        let Hash128 { h1, h2 } = self.hasher.hash(identity);
        let entry = Entry::spent(issued_at_s, h2);
        Place { home: scale(h1, self.lines.len()), first: scale(h2, LINE_SLOTS), entry }
    }

    pub(super) fn prefetch(&self, place: &Place) {
        if let Some(line) = self.lines.get(place.home) {
            memory::prefetch(line);
        }
    }

    /// Claims the code: of all calls for one code, at most one is answered `Ok` (until that claim
    /// is given back).
    pub(super) fn claim(&self, place: &Place) -> Result<Claim, Unclaimed> {
        for (line, lane, slot) in self.path(place) {
            match take(slot, place.entry) {
                Standing::Free => return Ok(Claim { line, lane, entry: place.entry }),
                Standing::Spent => return Err(Unclaimed::Used),
                Standing::Overtaken => return Err(Unclaimed::Over),
                Standing::Living => {}
            }
        }
        Err(Unclaimed::Full)
    }

    /// Gives a claim back, in place: the slot is never emptied, or it would become free to older
    /// codes that passed it. False if a younger code has taken the slot.
    pub(super) fn give_back(&self, claim: Claim) -> bool {
        let Some(slot) = self.lines.get(claim.line).and_then(|line| line.0.get(claim.lane)) else {
            return false;
        };
        let (spent, released) = (claim.entry.to_bits(), claim.entry.released().to_bits());
        slot.compare_exchange(spent, released, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether the code is known to be spent. Entries of dead codes stay until a younger code
    /// needs their slot, so a yes is certain (but for a tag of 30 bits) and a no is not.
    pub(super) fn remembers(&self, place: &Place) -> bool {
        for (_, _, slot) in self.path(place) {
            match place.entry.judge(look(slot)) {
                Standing::Spent => return true,
                Standing::Free => return false,
                Standing::Living | Standing::Overtaken => {}
            }
        }
        false
    }

    /// How many slots hold codes that live at `now_s`, reckoned from a sample of the lines.
    pub(super) fn living(&self, now_s: i64) -> usize {
        let stride = self.lines.len().div_ceil(SAMPLE_LINES);
        let sample = self.lines.iter().step_by(stride);
        let sampled = sample.len();
        let is_living = |slot: &&AtomicU64| look(slot).is_living_at(now_s);
        let living = sample.flat_map(|line| &line.0).filter(is_living).count();
        (living * self.lines.len()).div_ceil(sampled)
    }

    /// The slots of a path in their order, each with its line and its lane in the line.
    fn path(&self, place: &Place) -> impl Iterator<Item = (usize, usize, &AtomicU64)> {
        let Place { home, first, .. } = *place;
        let lines = self.lines.iter().enumerate();
        let from_home = lines.clone().skip(home).chain(lines.take(home));
        from_home.take(PATH_LINES).flat_map(move |(number, line)| {
            let lanes = (first..LINE_SLOTS).chain(0..first);
            lanes.filter_map(move |lane| Some((number, lane, line.0.get(lane)?)))
        })
    }
}

/// Swaps `mine` into the slot if it is free to it. `Free`: it was, and mine is in it now. A swap
/// is lost only to another claim or release, so this ends.
fn take(slot: &AtomicU64, mine: Entry) -> Standing {
    let mut found = look(slot);
    loop {
        let standing = mine.judge(found);
        if standing != Standing::Free {
            return standing;
        }
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
