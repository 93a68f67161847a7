//! The first page of a table: for which file and boot it was made, its high-water mark, its fence.
//!
//! All processes that redeem from the table share this page. So everything in it is an atomic, and
//! every value that changes only grows.

use keyring::code::IssuedAt;
use keyring::time::UnixMillis;

use crate::single_use::TableKind;
use crate::single_use::{Codes, Passes, Retention};
use crate::sync::{ARE_PLAIN, AtomicI64, AtomicU64, Ordering};

/// Bytes before the first slot: one page, so that the slots begin on a cache line.
pub(crate) const HEADER_BYTES: usize = 4096;
/// Counts up with each change for which another version would read a table wrongly.
const LAYOUT: u64 = 1;

/// The page. All zero: no table yet.
#[repr(C)]
pub(crate) struct Header {
    birth: BirthLine,
    high_water: HighWaterLine,
    bounds: BoundsLine,
    watch: WatchLine,
}

/// Written once, the magic last. A line of its own, like each of the following.
#[repr(C, align(64))]
struct BirthLine {
    magic: AtomicU64,
    layout: AtomicU64,
    lines: AtomicU64,
    key: [AtomicU64; 2],
    file: [AtomicU64; 2],
    boot: [AtomicU64; 2],
    store: AtomicU64,
}

/// The high-water mark: the latest time by which any code was judged. Every redeem reads it; it is
/// written once a millisecond at most.
#[repr(C, align(64))]
struct HighWaterLine(AtomicI64);

/// Every redeem reads them; they are hardly ever written.
#[repr(C, align(64))]
struct BoundsLine {
    /// An issue second; 0: none.
    fence: AtomicI64,
    /// The largest of all processes that ever redeemed from the table.
    skew_ms: AtomicI64,
}

/// When a process last found that the table is still the one of its directory: nanoseconds of
/// CLOCK_BOOTTIME.
#[repr(C, align(64))]
struct WatchLine(AtomicI64);

const _: () = assert!(
    !ARE_PLAIN || size_of::<Header>() <= HEADER_BYTES && align_of::<Header>() == 64,
    "it fits its page, and its lines are cache lines"
);

/// What remembers the codes that are redeemed from a table.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Store {
    /// The table alone.
    Local,
    /// Registers that several nodes share; the table stands in front of them.
    Registers,
}

impl Store {
    fn to_word(self) -> u64 {
        match self {
            Self::Local => 1,
            Self::Registers => 2,
        }
    }
}

/// What a table is made with.
#[derive(Copy, Clone, Debug)]
pub struct Birth {
    /// The key of the hash that places codes; random.
    pub key: [u8; 16],
    /// The boot in which the table is made.
    pub boot: u128,
    /// Device and inode number of its file; those of a copy differ.
    pub file: [u64; 2],
    /// What else remembers its codes.
    pub store: Store,
    /// Codes issued up to this second are refused.
    pub fence: Option<IssuedAt>,
    /// The skew of the process that makes it, in milliseconds.
    pub skew_ms: i64,
    /// The latest known time by which any code was judged.
    pub high_water_mark: UnixMillis,
}

/// What is left of a table that cannot be used any more.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Remains {
    /// The latest time by which any of its codes was judged.
    pub high_water_mark: UnixMillis,
    /// The largest skew that it was used with, in milliseconds.
    pub skew_ms: i64,
    /// Its fence.
    pub fence: Option<IssuedAt>,
    /// Whether registers know all that it knew.
    pub is_shared: bool,
}

/// Why a file is not the table that is wanted.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// There is no file.
    #[error("there is none yet")]
    Missing,
    /// Shorter or longer than its header says, or not one at all.
    #[error("its file is damaged or not one of a table")]
    Damaged,
    /// It is a table that remembers for another time: one of passes where codes belong, or the
    /// reverse.
    #[error("its file is a table of another kind")]
    Retention,
    /// A version of this program with another layout made it.
    #[error("its file is of another version")]
    Layout,
    /// It holds another number of slots.
    #[error("its file has {slots} slots")]
    Capacity {
        /// How many.
        slots: u64,
    },
    /// It was made for another [`Store`]. Registers do not know what the table alone knew, and the
    /// table does not know what other nodes spent.
    #[error("[replay] store was another when its file was made")]
    Store,
    /// It was made before the machine was last started: perhaps not all pages were written.
    #[error("its file is from before the machine was last started")]
    Boot,
    /// The file is a copy: codes may have been spent after the copy was made.
    #[error("its file is a copy")]
    Copy,
}

impl Header {
    pub(crate) fn empty() -> Self {
        let (zero, signed) = (|| AtomicU64::new(0), || AtomicI64::new(0));
        Self {
            birth: BirthLine {
                magic: zero(),
                layout: zero(),
                lines: zero(),
                key: [zero(), zero()],
                file: [zero(), zero()],
                boot: [zero(), zero()],
                store: zero(),
            },
            high_water: HighWaterLine(signed()),
            bounds: BoundsLine { fence: signed(), skew_ms: signed() },
            watch: WatchLine(signed()),
        }
    }

    /// Fills the page in. No other thread or process may see it yet.
    pub(crate) fn initialize<R: Retention>(&self, birth: &Birth, lines: usize) {
        let line = &self.birth;
        let relaxed = Ordering::Relaxed;
        line.layout.store(LAYOUT, relaxed);
        line.lines.store(u64::try_from(lines).expect("an address is at most 64 bits"), relaxed);
        store_pair(&line.key, u128::from_le_bytes(birth.key));
        store_pair(&line.boot, birth.boot);
        line.store.store(birth.store.to_word(), relaxed);
        for (cell, half) in line.file.iter().zip(birth.file) {
            cell.store(half, relaxed);
        }
        self.high_water.0.store(birth.high_water_mark.get(), relaxed);
        self.bounds.fence.store(birth.fence.map_or(0, |fence| i64::from(fence.get())), relaxed);
        self.bounds.skew_ms.store(birth.skew_ms, relaxed);
        line.magic.store(R::MAGIC, Ordering::Release);
    }

    /// Is this the page of a table of this kind and of so many lines, made in this boot, in this
    /// very file?
    pub(crate) fn check<R: Retention>(
        &self,
        lines: usize,
        boot: u128,
        file: [u64; 2],
    ) -> Result<(), Mismatch> {
        let line = &self.birth;
        match line.magic.load(Ordering::Acquire) {
            magic if magic == R::MAGIC => {}
            magic if [Codes::MAGIC, Passes::MAGIC].contains(&magic) => {
                return Err(Mismatch::Retention);
            }
            _ => return Err(Mismatch::Damaged),
        }
        if line.layout.load(Ordering::Relaxed) != LAYOUT {
            return Err(Mismatch::Layout);
        }
        let found = line.lines.load(Ordering::Relaxed);
        if Ok(found) != u64::try_from(lines) {
            return Err(Mismatch::Capacity { slots: found.saturating_mul(8) });
        }
        if load_pair(&line.boot) != boot {
            return Err(Mismatch::Boot);
        }
        let is_own = line.file.each_ref().map(|cell| cell.load(Ordering::Relaxed)) == file;
        if is_own { Ok(()) } else { Err(Mismatch::Copy) }
    }

    /// Was the table made for this store?
    pub(crate) fn is_for(&self, store: Store) -> bool {
        self.birth.store.load(Ordering::Relaxed) == store.to_word()
    }

    /// What the page says of the past, if it is one that this version can read.
    pub(crate) fn remains<R: Retention>(&self) -> Option<Remains> {
        let line = &self.birth;
        let is_readable = line.magic.load(Ordering::Acquire) == R::MAGIC
            && line.layout.load(Ordering::Relaxed) == LAYOUT;
        let is_shared = self.is_for(Store::Registers);
        let (high_water_mark, skew_ms, fence) =
            (self.high_water_mark(), self.skew_ms(), self.fence());
        is_readable.then_some(Remains { high_water_mark, skew_ms, fence, is_shared })
    }

    pub(crate) fn key(&self) -> [u8; 16] {
        load_pair(&self.birth.key).to_le_bytes()
    }

    /// `fetch_max`, but the line is written only if the mark rises. Returns the mark after that, or
    /// a later one.
    #[inline]
    pub(crate) fn raise_high_water_mark(&self, time: UnixMillis) -> UnixMillis {
        let found = self.high_water.0.load(Ordering::Relaxed);
        if found >= time.get() {
            return UnixMillis::new(found);
        }
        time.max(UnixMillis::new(self.high_water.0.fetch_max(time.get(), Ordering::Relaxed)))
    }

    #[inline]
    pub(crate) fn high_water_mark(&self) -> UnixMillis {
        UnixMillis::new(self.high_water.0.load(Ordering::Relaxed))
    }

    /// The fence only rises, so this is safe at any time. A redeemer that does not see the new
    /// fence yet is like one that came a moment earlier.
    pub(crate) fn raise_fence(&self, fence: IssuedAt) {
        self.bounds.fence.fetch_max(i64::from(fence.get()), Ordering::Relaxed);
    }

    pub(crate) fn fence(&self) -> Option<IssuedAt> {
        let second = u32::try_from(self.bounds.fence.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        (second > 0).then(|| IssuedAt::new(second))
    }

    #[inline]
    pub(crate) fn is_behind_fence(&self, issued_at: IssuedAt) -> bool {
        i64::from(issued_at.get()) <= self.bounds.fence.load(Ordering::Relaxed)
    }

    pub(crate) fn raise_skew(&self, skew_ms: i64) {
        self.bounds.skew_ms.fetch_max(skew_ms, Ordering::Relaxed);
    }

    pub(crate) fn skew_ms(&self) -> i64 {
        self.bounds.skew_ms.load(Ordering::Relaxed)
    }

    /// Notes a check at `boot_ns`. Returns when the last check of any process was; 0 if there was
    /// none.
    pub(crate) fn note_check(&self, boot_ns: i64) -> i64 {
        self.watch.0.fetch_max(boot_ns, Ordering::Relaxed)
    }
}

fn store_pair(pair: &[AtomicU64; 2], value: u128) {
    let [low, high] = pair;
    let mask = u128::from(u64::MAX);
    low.store(u64::try_from(value & mask).expect("64 bits"), Ordering::Relaxed);
    high.store(u64::try_from(value >> 64).expect("64 bits"), Ordering::Relaxed);
}

fn load_pair(pair: &[AtomicU64; 2]) -> u128 {
    let [low, high] = pair.each_ref().map(|half| u128::from(half.load(Ordering::Relaxed)));
    high << 64 | low
}
