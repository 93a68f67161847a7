//! The eight bytes that remember one spent code, and what they mean to the next code.
//!
//! Everything here is a pure function of two entries: mine, and the one found in a slot. The time
//! of day is no input. So racing threads agree, however long one of them pauses.

use keyring::verify::{PAYMENT_LIFE_MS, SKEW_MS_MAX};

/// How many seconds apart two codes must be issued before the younger may overwrite the older.
///
/// The older is refused from its issue + life + skew on. The younger is accepted from its own
/// issue - skew on. So the skew counts twice. It is the largest skew, not the node's own: a node
/// with another setting may share the table. The commonest bug of replay caches is to remember for
/// less.
pub(crate) const REMEMBER_S: i64 = (PAYMENT_LIFE_MS + 2 * SKEW_MS_MAX) / 1_000;
const _: () = assert!(REMEMBER_S == 80, "capacity is planned as rate x 80 s / 0.6");

const TAG_BITS: u32 = 30;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;
const ISSUED_BITS: u32 = 32;
const SPENT: u64 = 1 << (TAG_BITS + ISSUED_BITS);
const RELEASED: u64 = 2 << (TAG_BITS + ISSUED_BITS);
const _: () = assert!(2 + ISSUED_BITS + TAG_BITS == u64::BITS);

/// What a slot holds: 2 bits of state, the 32 bits of the signed issue second, 30 bits of a keyed
/// hash over the code's identity.
///
/// The issue second is kept whole. A shorter one would leave more bits for the tag, but it wraps.
/// Then a slot of an earlier turn reads like a living one, and two redeemers that paused in the
/// right places can both spend one code (`tests/model.rs` shows it). The price is the shorter tag:
/// once in 2^30 two codes of one second on one path have the same tag, and the second of them is
/// refused as used. At the planned load a code meets 0.02 living codes of its own second.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub(crate) struct Entry(u64);

/// What the entry found in a slot means to a code that wants to be spent.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub(crate) enum Standing {
    /// Mine may take the slot: it was never used, or my own code was released from it. Or its code
    /// was issued so long before mine that it is over whenever mine is in time.
    Free,
    /// Mine, spent already.
    Spent,
    /// Another code's that may still be presented: mine goes on along its path.
    Living,
    /// Another code's, issued so long after mine that mine is over. Mine may have been in this slot
    /// before, so it must not go on.
    Overtaken,
}

impl Entry {
    /// What zeroed memory holds: never used.
    pub(crate) const EMPTY: Self = Self(0);

    /// The entry of a spent code; of `hash` only the lowest 30 bits are kept.
    #[inline]
    pub(crate) const fn spent(issued_at_s: u32, hash: u64) -> Self {
        Self(SPENT | widen(issued_at_s) << TAG_BITS | hash & TAG_MASK)
    }

    /// The same code, released.
    #[inline]
    pub(crate) const fn released(self) -> Self {
        Self(self.identity() | RELEASED)
    }

    #[inline]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[inline]
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    /// Whether this entry's code must still be remembered at `now_s`.
    pub(crate) fn is_living_at(self, now_s: i64) -> bool {
        self != Self::EMPTY && now_s - self.issued_at_s() < REMEMBER_S
    }

    /// What `found` means to the code whose entry is `self`.
    #[inline]
    pub(crate) fn judge(self, found: Self) -> Standing {
        if found == Self::EMPTY {
            return Standing::Free;
        }
        match self.issued_at_s() - found.issued_at_s() {
            REMEMBER_S.. => Standing::Free,
            ..=NEGATIVE_REMEMBER_S => Standing::Overtaken,
            _ if found == self => Standing::Spent,
            _ if found == self.released() => Standing::Free,
            _ => Standing::Living,
        }
    }

    /// Whether `found` is the entry of another, living code: the most frequent answer of `judge`,
    /// without a branch.
    #[inline]
    pub(crate) fn passes(self, found: Self) -> bool {
        let d = self.issued_at_s() - found.issued_at_s();
        let is_near = d.unsigned_abs() < REMEMBER_S.unsigned_abs();
        let is_mine = found.identity() == self.identity();
        is_near & !is_mine & (found != Self::EMPTY)
    }

    #[inline]
    const fn identity(self) -> u64 {
        self.0 & (SPENT - 1)
    }

    #[inline]
    pub(crate) fn issued_at_s(self) -> i64 {
        i64::try_from(self.identity() >> TAG_BITS).expect("32 bits fit")
    }
}

const NEGATIVE_REMEMBER_S: i64 = -REMEMBER_S;

#[allow(clippy::as_conversions, reason = "`u64::from` is not const; the cast widens")]
const fn widen(seconds: u32) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Entry = Entry::spent(1_800_000_000, 7);

    /// Another code's entry, issued so that mine is `d` seconds younger.
    fn other(d: i64) -> Entry {
        Entry::spent(u32::try_from(1_800_000_000 - d).expect("an issue second"), 8)
    }

    #[test]
    fn every_edge_second_of_the_window() {
        let edges = [
            (-4_194_304, Standing::Overtaken),
            (-81, Standing::Overtaken),
            (-80, Standing::Overtaken),
            (-79, Standing::Living),
            (0, Standing::Living),
            (79, Standing::Living),
            (80, Standing::Free),
            (81, Standing::Free),
            (4_194_304, Standing::Free),
        ];
        for (d, standing) in edges {
            assert_eq!(MINE.judge(other(d)), standing, "d = {d}");
            assert_eq!(MINE.judge(other(d).released()), standing, "released, d = {d}");
            assert_eq!(MINE.passes(other(d)), standing == Standing::Living, "d = {d}");
        }
    }

    #[test]
    fn the_seconds_never_wrap() {
        let first = Entry::spent(0, 7);
        let last = Entry::spent(u32::MAX, 7);
        assert_eq!(last.judge(first), Standing::Free);
        assert_eq!(first.judge(last), Standing::Overtaken);
    }

    #[test]
    fn my_own_entry_is_spent_or_free_again() {
        assert_eq!(MINE.judge(MINE), Standing::Spent);
        assert_eq!(MINE.judge(MINE.released()), Standing::Free);
        assert_eq!(MINE.judge(Entry::EMPTY), Standing::Free);
        for stop in [MINE, MINE.released(), Entry::EMPTY] {
            assert!(!MINE.passes(stop));
            assert!(!Entry::spent(0, 7).passes(Entry::EMPTY));
        }
    }

    #[test]
    fn the_same_tag_in_another_second_is_another_code() {
        assert_eq!(MINE.judge(Entry::spent(1_800_000_001, 7)), Standing::Living);
        assert_eq!(MINE.judge(Entry::spent(1_799_999_999, 7)), Standing::Living);
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let full = Entry::spent(u32::MAX, u64::MAX);
        assert_eq!(full.to_bits(), SPENT | (SPENT - 1));
        assert_eq!(full.released().to_bits(), RELEASED | (SPENT - 1));
        assert_ne!(Entry::spent(0, 0), Entry::EMPTY);
        assert_eq!(full.issued_at_s(), i64::from(u32::MAX));
    }

    #[test]
    fn an_entry_lives_for_eighty_seconds() {
        assert!(MINE.is_living_at(1_800_000_079));
        assert!(!MINE.is_living_at(1_800_000_080));
        assert!(MINE.is_living_at(1_799_999_990));
        assert!(!Entry::EMPTY.is_living_at(0));
    }
}
