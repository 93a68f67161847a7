//! Comb tables: for one point P, multiples of P * 2^offset for each row of digits, so that a
//! multiplication by a scalar is nothing but additions (Lim and Lee 1994; Brickell, Gordon,
//! McCurley and Wilson 1992).
//!
//! A scalar of 256 bits is cut into rows of digits. A digit of a row of width w is in
//! (-2^(w-1), 2^(w-1)], so a row holds 2^(w-1) points: the negatives cost nothing.

use std::{fmt, io, sync::Arc};

use arc_swap::ArcSwapOption;
use memmap2::Mmap;
use sha2::{Digest as _, Sha256};

use super::digits::Rows;

/// Bytes of an entry, a cache line: x, then y, each as four 64-bit words, the least first, in
/// Montgomery form with R = 2^256.
pub(crate) const ENTRY_BYTES: usize = 64;
/// One point of a table.
pub(crate) type Entry = [u8; ENTRY_BYTES];

/// The kernel's huge page. Entries are picked at random, and with pages of this size the way to
/// one is short: it makes 5 % where tables are many.
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

/// The same for adding up.
pub(crate) fn bytes_of(layout: Layout) -> u64 {
    u64::try_from(layout.bytes()).expect("at most 32 MiB")
}

/// The multiples of one point. Immutable and mapped read-only from the moment it is whole.
pub(crate) struct Table {
    layout: Layout,
    rows: Rows,
    memory: Mmap,
    hash: [u8; 32],
}

impl Table {
    /// Seals what was built.
    ///
    /// # Errors
    /// The system's error if the memory cannot be made read-only.
    pub(crate) fn seal(layout: Layout, memory: memmap2::MmapMut) -> io::Result<Self> {
        assert_eq!(memory.len(), layout.bytes(), "a table is whole");
        let memory = memory.make_read_only()?;
        let hash = Sha256::digest(&memory).into();
        Ok(Self { layout, rows: Rows::of(layout), memory, hash })
    }

    /// As if its memory had changed since it was sealed.
    #[cfg(test)]
    pub(crate) fn spoiled(self) -> Self {
        Self { hash: self.hash.map(|byte| !byte), ..self }
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// How scalars are read for this table.
    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        self.memory.as_chunks().0
    }

    pub(crate) fn bytes(&self) -> u64 {
        bytes_of(self.layout)
    }

    /// Whether the memory still holds what was built.
    pub(crate) fn is_sound(&self) -> bool {
        self.hash == *Sha256::digest(&self.memory)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// A place for a table that is built later, off the way of requests. Readers never wait.
#[derive(Debug, Default)]
pub(crate) struct TableSlot(ArcSwapOption<Table>);

impl TableSlot {
    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<Table>>> {
        self.0.load()
    }

    pub(crate) fn layout(&self) -> Option<Layout> {
        self.load().as_ref().map(|table| table.layout())
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.load().as_ref().map_or(0, |table| table.bytes())
    }

    pub(crate) fn put(&self, table: Option<Table>) {
        self.0.store(table.map(Arc::new));
    }

    /// Takes a table whose memory has changed out of use; says whether it had to.
    pub(crate) fn drop_if_unsound(&self) -> bool {
        let unsound = self.load().as_ref().is_some_and(|table| !table.is_sound());
        if unsound {
            self.put(None);
        }
        unsound
    }
}
