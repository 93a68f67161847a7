//! Comb tables: built once, immutable, kept in a slot that readers never wait for.

use std::{fmt, io, sync::Arc};

use arc_swap::ArcSwapOption;
use memmap2::Mmap;
use sha2::{Digest as _, Sha256};

use super::{
    digits::Rows,
    layout::{Entry, Layout, bytes_of},
};

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

/// A place for a table that another thread builds later. Readers never wait.
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

    /// Drops the table if its memory has changed. Returns whether it did.
    pub(crate) fn drop_if_unsound(&self) -> bool {
        let unsound = self.load().as_ref().is_some_and(|table| !table.is_sound());
        if unsound {
            self.put(None);
        }
        unsound
    }
}
