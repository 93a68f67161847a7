//! Tells of most people that nothing is known of them, by one line of memory.
//!
//! A split-block Bloom filter (Putze, Sanders and Singler 2007): 64-byte lines, one bit in each of
//! eight words. Bits are never cleared. All orders are relaxed: what must be seen is ordered by the
//! freshness of the look.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::limits::SCREEN_BITS;

const LINE_BITS: usize = 512;
/// Odd numbers, one for each word of a line: those of Parquet's filter.
const SALTS: [u32; 8] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

pub(super) struct Screen(Box<[Line]>);

impl Screen {
    pub(super) fn new(people: usize) -> Self {
        let lines = people.saturating_mul(SCREEN_BITS).div_ceil(LINE_BITS).max(1);
        Self(std::iter::repeat_with(Line::default).take(lines).collect())
    }

    /// Brings the line near. Nothing waits for what is loaded, so the processor goes on.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        if let Some(Line([first, ..])) = self.line(hash) {
            std::hint::black_box(first.load(Relaxed));
        }
    }

    /// False: never added.
    #[inline]
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        let Some(line) = self.line(hash) else { return true };
        // All eight at once: which of them lacks its bit, no processor can foresee.
        bits(hash).zip(&line.0).fold(0, |lacks, (bit, word)| lacks | (bit & !word.load(Relaxed)))
            == 0
    }

    pub(super) fn add(&self, hash: u64) {
        let Some(line) = self.line(hash) else { return };
        for (bit, word) in bits(hash).zip(&line.0) {
            word.fetch_or(bit, Relaxed);
        }
    }

    /// The upper half of the hash chooses the line (Lemire's reduction).
    #[inline]
    fn line(&self, hash: u64) -> Option<&Line> {
        let lines = u64::try_from(self.0.len()).ok()?;
        let number = (u128::from(hash) * u128::from(lines)) >> 64;
        self.0.get(usize::try_from(number).ok()?)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len() * size_of::<Line>()
    }
}

/// The lower half chooses the bits.
#[inline]
fn bits(hash: u64) -> impl Iterator<Item = u64> {
    let [a, b, c, d, ..] = hash.to_le_bytes();
    let low = u32::from_le_bytes([a, b, c, d]);
    SALTS.into_iter().map(move |salt| 1 << (low.wrapping_mul(salt) >> 26))
}

#[cfg(test)]
mod tests {
    use super::super::table::hash;
    use super::*;

    #[test]
    fn all_that_were_added_may_be_held_and_few_others() {
        let people = 100_000;
        let screen = Screen::new(people);
        (1..=100_000).for_each(|subject| screen.add(hash(subject)));
        assert!((1..=100_000).all(|subject| screen.may_hold(hash(subject))));
        let wrong = (1_000_001..=1_100_000).filter(|subject| screen.may_hold(hash(*subject)));
        assert!(wrong.count() < 1_000, "one in a hundred");
        assert_eq!(screen.bytes(), people * 2);
    }
}
