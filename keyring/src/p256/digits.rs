//! A scalar as signed digits, and what each digit adds.

use arrayvec::ArrayVec;

use super::{
    comb::{Entry, Layout, Table},
    limbs::U256,
};

/// Rows of the widest choice of a table.
pub(super) const ROWS_MAX: usize = 43;

/// The entries of one table that add up to a scalar's multiple of its point, in the order of the
/// rows. Digits that are 0 add nothing and are not here.
#[derive(Debug)]
pub(super) struct Addends<'a> {
    entries: &'a [Entry],
    /// Twice the index of an entry, plus 1 if it is subtracted.
    picks: ArrayVec<u32, ROWS_MAX>,
}

impl<'a> Addends<'a> {
    /// Of a scalar below 2^255, whose multiple is negated if `negative`.
    pub(super) fn of(scalar: U256, negative: bool, table: &'a Table) -> Self {
        debug_assert!(scalar[3] >> 63 == 0, "scalars are halved first");
        let mut addends = Self { entries: table.entries(), picks: ArrayVec::new() };
        for_each_digit(scalar, table.layout(), |first, digit| {
            if digit != 0 {
                let index = first + (digit.unsigned_abs() - 1);
                let is_subtracted = negative != (digit < 0);
                addends.picks.push((index << 1) | u32::from(is_subtracted));
            }
        });
        addends
    }

    /// All of them, the lowest row first.
    pub(super) fn run(&self) -> Run<'_> {
        Run { entries: self.entries, picks: &self.picks }
    }
}

/// A stretch of [`Addends`].
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Run<'a> {
    entries: &'a [Entry],
    picks: &'a [u32],
}

impl<'a> Run<'a> {
    pub(super) fn len(&self) -> usize {
        self.picks.len()
    }

    /// The entry at that place, and whether it is subtracted.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<(&'a Entry, bool)> {
        let pick = *self.picks.get(place)?;
        let index = usize::try_from(pick >> 1).ok()?;
        Some((self.entries.get(index)?, pick & 1 == 1))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = (&'a Entry, bool)> {
        (0..self.len()).filter_map(move |place| self.get(place))
    }

    /// The stretch as `parts` stretches of about the same length, of which this is number `part`.
    pub(super) fn part(self, part: usize, parts: usize) -> Self {
        let cut = |part: usize| self.len() * part / parts;
        let picks = self.picks.get(cut(part)..cut(part + 1)).unwrap_or_default();
        Self { entries: self.entries, picks }
    }
}

/// Calls `found` with the entry of digit 1 of each row and the row's digit, the lowest first.
///
/// A digit is in (-2^(w-1), 2^(w-1)], the upper end included: a value above it becomes negative
/// and carries 1 into the next row. Below 2^255 the last row never carries: its value is below
/// 2^(w-1), so with a carry it is at most 2^(w-1), which is still a digit.
#[inline]
pub(super) fn for_each_digit(scalar: U256, layout: Layout, mut found: impl FnMut(u32, i32)) {
    let mut rest = scalar;
    let mut carry = 0;
    let mut first = 0;
    for width in layout.widths() {
        let half = 1_u32 << (width - 1);
        let value = low_bits(&rest, width) + carry;
        rest = shifted_right(rest, width);
        carry = u32::from(value > half);
        let digit = value.wrapping_sub(carry << width).cast_signed();
        found(first, digit);
        first += half;
    }
    debug_assert!(carry == 0 && rest == [0; 4], "every digit is counted");
}

/// The lowest bits, at most 16.
#[inline]
fn low_bits(a: &U256, width: u32) -> u32 {
    let mask = (1_u64 << width) - 1;
    u32::try_from(a[0] & mask).unwrap_or_default()
}

#[inline]
const fn shifted_right(a: U256, bits: u32) -> U256 {
    let up = 64 - bits;
    [
        (a[0] >> bits) | (a[1] << up),
        (a[1] >> bits) | (a[2] << up),
        (a[2] >> bits) | (a[3] << up),
        a[3] >> bits,
    ]
}
