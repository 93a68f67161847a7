//! How long passes live, and how many spent ones are remembered.

use ::replay::PassLife;

use crate::config::table::Table;
use crate::limits;

/// `[passes]`. It is read at the start alone.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct PassesConfig {
    /// How long a pass may be used, counted from the second in which its code was spent.
    pub life_s: u32,
    /// Slots of [`limits::SLOT_BYTES`] bytes.
    pub capacity: usize,
}

impl PassesConfig {
    pub(in crate::config) fn read(table: &mut Table<'_>) -> Self {
        let passes = Self {
            life_s: table.number("life_s", limits::PASS_LIFE_S),
            capacity: table.number("capacity", limits::PASSES_CAPACITY),
        };
        table.finish();
        passes
    }

    /// The same for the table.
    pub(crate) fn life(&self) -> PassLife {
        PassLife::new(self.life_s).expect("the setting allows what a table allows")
    }
}
