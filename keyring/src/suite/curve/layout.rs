//! Comb tables: for one point P, multiples of P * 2^offset for each row of digits, so that a
//! multiplication by a scalar needs additions only (Lim and Lee 1994; Brickell, Gordon,
//! McCurley and Wilson 1992).
//!
//! A scalar of 256 bits is cut into rows of digits. A digit of a row of width w is in
//! (-2^(w-1), 2^(w-1)], so a row holds 2^(w-1) points: a negative is
//! computed from its point.

/// Bytes of an entry, a cache line: x, then y, each as four 64-bit words, the least first, in
/// Montgomery form with R = 2^256.
pub(crate) const ENTRY_BYTES: usize = 64;
/// One point of a table.
pub(crate) type Entry = [u8; ENTRY_BYTES];

/// The kernel's huge page. Entries are picked at random, and large pages save address lookups: 5 %
/// of the time where tables are many.
const HUGE_PAGE_BYTES: usize = 2 << 20;
const SCALAR_BITS: u32 = 256;

/// How the bits of a scalar are shared out among the rows of a table. The first rows are a bit
/// wider than the others unless the number of rows divides 256.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Layout {
    rows: u32,
}

impl Layout {
    /// # Panics
    /// Unless a digit has 2 to 16 bits.
    pub(crate) const fn of_rows(rows: u32) -> Self {
        assert!(rows >= 16 && rows <= 128, "a digit has 2 to 16 bits");
        Self { rows }
    }

    pub(crate) const fn rows(&self) -> u32 {
        self.rows
    }

    /// Bits of each row's digit, the least significant row first. A row of width w has the
    /// entries of digits 1 to 2^(w-1), and follows the row before it.
    pub(crate) fn widths(&self) -> impl Iterator<Item = u32> + use<> {
        let (width, wider) = (SCALAR_BITS / self.rows, SCALAR_BITS % self.rows);
        (0..self.rows).map(move |row| width + u32::from(row < wider))
    }

    /// Points of all rows.
    pub(crate) fn entries(&self) -> usize {
        self.widths().map(|width| 1 << (width - 1)).sum()
    }

    /// Memory that a table takes: whole huge pages, where they are not mostly empty.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = self.entries() * ENTRY_BYTES;
        if bytes > HUGE_PAGE_BYTES / 2 { bytes.next_multiple_of(HUGE_PAGE_BYTES) } else { bytes }
    }
}

/// [`Layout::bytes`] as a `u64`, for sums.
pub(crate) fn bytes_of(layout: Layout) -> u64 {
    u64::try_from(layout.bytes()).expect("at most 32 MiB")
}
