//! Multiples of a table's point, and the table's entries that add up to them.

use arrayvec::ArrayVec;

use super::{digits::ROWS_MAX, layout::Entry, limbs::U256, table::Table};

/// A multiple of a table's point.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Term<'a> {
    /// Below 2^255.
    pub(crate) scalar: U256,
    /// Whether the multiple is to be negated.
    pub(crate) negative: bool,
    pub(crate) table: &'a Table,
}

/// An entry that is to be added.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Addend<'a> {
    pub(crate) entry: &'a Entry,
    /// Subtracted instead.
    pub(crate) negative: bool,
}

/// Entries that are to be added up. Those of two terms have room in it.
pub(crate) type Addends<'a> = ArrayVec<Addend<'a>, { 2 * ROWS_MAX }>;

impl<'a> Term<'a> {
    /// Adds the entries that make up this term to `lists`, the lowest rows to the first of them,
    /// about as many rows to each. Digits that are 0 add nothing.
    pub(crate) fn share_out(&self, lists: &mut [Addends<'a>]) {
        let entries = self.table.entries();
        let rows = self.table.rows();
        let biased = rows.biased(self.scalar);
        let each = rows.rows.len().div_ceil(lists.len());
        for (list, rows) in lists.iter_mut().zip(rows.rows.chunks(each)) {
            for row in rows {
                let digit = row.digit_of(&biased);
                if digit != 0 {
                    let entry = entries.get(row.place_of(digit));
                    let entry = entry.expect("a row has an entry for each digit");
                    list.push(Addend { entry, negative: self.negative != (digit < 0) });
                }
            }
        }
    }
}
