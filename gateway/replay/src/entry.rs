//! The eight bytes that remember one spent code, and what they mean to the next code.
//!
//! The words here are those of codes. A pass is the same: its issue second is the one in which it
//! was minted. Only how long it is remembered differs ([`Retention`]).
//!
//! Everything here is a pure function of two entries: mine, and the one found in a slot. The time
//! of day is no input. So racing threads agree, however long one of them pauses.

use crate::single_use::Retention;

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
/// right places can both spend one code (`tests/model/` shows it). The price is the shorter tag:
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

    /// The same bytes, spent in another second.
    #[inline]
    pub(crate) const fn in_second(self, issued_at_s: u32) -> Self {
        Self::spent(issued_at_s, self.0)
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
    pub(crate) fn is_living_at<R: Retention>(self, now_s: i64) -> bool {
        self != Self::EMPTY && now_s - self.issued_at_s() < R::REMEMBER_S
    }

    /// What `found` means to the code whose entry is `self`.
    #[inline]
    pub(crate) fn judge<R: Retention>(self, found: Self) -> Standing {
        if found == Self::EMPTY {
            return Standing::Free;
        }
        match self.issued_at_s() - found.issued_at_s() {
            d if d >= R::REMEMBER_S => Standing::Free,
            d if d <= -R::REMEMBER_S => Standing::Overtaken,
            _ if found == self => Standing::Spent,
            _ if found == self.released() => Standing::Free,
            _ => Standing::Living,
        }
    }

    /// Whether `found` is the entry of another, living code: the most frequent answer of `judge`,
    /// without a branch.
    #[inline]
    pub(crate) fn goes_past<R: Retention>(self, found: Self) -> bool {
        let d = self.issued_at_s() - found.issued_at_s();
        let is_near = d.unsigned_abs() < R::REMEMBER_S.unsigned_abs();
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

    pub(crate) fn second(self) -> u32 {
        u32::try_from(self.identity() >> TAG_BITS).expect("32 bits")
    }
}

#[allow(clippy::as_conversions, reason = "`u64::from` is not const; the cast widens")]
const fn widen(seconds: u32) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::single_use::{Codes, Passes};

    const MINE: Entry = Entry::spent(1_800_000_000, 7);

    /// Another code's entry, issued so that mine is `d` seconds younger.
    fn other(d: i64) -> Entry {
        Entry::spent(u32::try_from(1_800_000_000 - d).expect("an issue second"), 8)
    }

    fn every_edge_second<R: Retention>(remember_s: i64) {
        let edges = [
            (-4_194_304, Standing::Overtaken),
            (-remember_s - 1, Standing::Overtaken),
            (-remember_s, Standing::Overtaken),
            (1 - remember_s, Standing::Living),
            (0, Standing::Living),
            (remember_s - 1, Standing::Living),
            (remember_s, Standing::Free),
            (remember_s + 1, Standing::Free),
            (4_194_304, Standing::Free),
        ];
        for (d, standing) in edges {
            assert_eq!(MINE.judge::<R>(other(d)), standing, "d = {d}");
            assert_eq!(MINE.judge::<R>(other(d).released()), standing, "released, d = {d}");
            assert_eq!(MINE.goes_past::<R>(other(d)), standing == Standing::Living, "d = {d}");
        }
    }

    #[test]
    fn every_edge_second_of_the_window() {
        every_edge_second::<Codes>(80);
        every_edge_second::<Passes>(920);
    }

    #[test]
    fn the_seconds_never_wrap() {
        let first = Entry::spent(0, 7);
        let last = Entry::spent(u32::MAX, 7);
        assert_eq!(last.judge::<Codes>(first), Standing::Free);
        assert_eq!(first.judge::<Codes>(last), Standing::Overtaken);
        assert_eq!(last.judge::<Passes>(first), Standing::Free);
        assert_eq!(first.judge::<Passes>(last), Standing::Overtaken);
    }

    #[test]
    fn my_own_entry_is_spent_or_free_again() {
        assert_eq!(MINE.judge::<Codes>(MINE), Standing::Spent);
        assert_eq!(MINE.judge::<Codes>(MINE.released()), Standing::Free);
        assert_eq!(MINE.judge::<Codes>(Entry::EMPTY), Standing::Free);
        for stop in [MINE, MINE.released(), Entry::EMPTY] {
            assert!(!MINE.goes_past::<Codes>(stop));
            assert!(!Entry::spent(0, 7).goes_past::<Codes>(Entry::EMPTY));
        }
    }

    #[test]
    fn the_same_tag_in_another_second_is_another_code() {
        assert_eq!(MINE.judge::<Codes>(Entry::spent(1_800_000_001, 7)), Standing::Living);
        assert_eq!(MINE.judge::<Codes>(Entry::spent(1_799_999_999, 7)), Standing::Living);
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let full = Entry::spent(u32::MAX, u64::MAX);
        assert_eq!(full.to_bits(), SPENT | (SPENT - 1));
        assert_eq!(full.released().to_bits(), RELEASED | (SPENT - 1));
        assert_ne!(Entry::spent(0, 0), Entry::EMPTY);
        assert_eq!(full.issued_at_s(), i64::from(u32::MAX));
        assert_eq!(full.released().in_second(0), Entry::spent(0, u64::MAX));
        assert_eq!(MINE.in_second(1_800_000_460), Entry::spent(1_800_000_460, 7));
    }

    #[test]
    fn an_entry_lives_as_long_as_its_table_remembers() {
        assert!(MINE.is_living_at::<Codes>(1_800_000_079));
        assert!(!MINE.is_living_at::<Codes>(1_800_000_080));
        assert!(MINE.is_living_at::<Passes>(1_800_000_919));
        assert!(!MINE.is_living_at::<Passes>(1_800_000_920));
        assert!(MINE.is_living_at::<Codes>(1_799_999_990));
        assert!(!Entry::EMPTY.is_living_at::<Codes>(0));
    }
}
