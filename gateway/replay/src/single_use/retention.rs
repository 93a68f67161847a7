//! How long a table remembers what is spent in it. There are two kinds of table, and all code
//! serves both.

use keyring::verify::{PAYMENT_LIFE_MS, SKEW_MS_MAX};

use self::kind::TableKind;

/// A kind of table, by how long it remembers. [`Codes`] and [`Passes`] are all there are.
pub trait Retention: TableKind {
    /// How many seconds apart two entries must be before the younger may overwrite the older.
    ///
    /// The older is refused from its second + life + skew on. The younger is accepted from its own
    /// second - skew on. So the skew counts twice. It is the largest skew, not the node's own: a
    /// node with another setting may share the table. The commonest bug of replay caches is to
    /// remember for less.
    const REMEMBER_S: i64;
}

/// The table of spent codes: the file `replay`.
#[derive(Copy, Clone, Debug)]
pub enum Codes {}

/// The table of spent passes, and of reservations of opaque codes: the file `passes`.
#[derive(Copy, Clone, Debug)]
pub enum Passes {}

/// The longest life of a pass, counted from the second in which it was minted.
pub(crate) const PASS_LIFE_MS_MAX: i64 = 900_000;

impl Retention for Codes {
    const REMEMBER_S: i64 = (PAYMENT_LIFE_MS + 2 * SKEW_MS_MAX) / 1_000;
}

impl Retention for Passes {
    const REMEMBER_S: i64 = (PASS_LIFE_MS_MAX + 2 * SKEW_MS_MAX) / 1_000;
}

const _: () = assert!(Codes::REMEMBER_S == 80, "capacity is planned as rate x 80 s / 0.6");
const _: () = assert!(Passes::REMEMBER_S == 920, "capacity is planned as rate x 920 s / 0.6");

pub(crate) mod kind {
    use super::{Codes, Passes, SKEW_MS_MAX};

    /// What else tells the kinds of table apart.
    pub trait TableKind: Copy + std::fmt::Debug + 'static {
        /// The first word of the file: no table is ever taken for one of another kind.
        const MAGIC: u64;
        /// The file's name in the data directory.
        const FILE: &'static str;
        /// The setting that says how many slots there are.
        const CAPACITY_KEY: &'static str;
        /// A lower skew than this counts as this in the table's fences.
        const SKEW_MS_LEAST: i64;
    }

    impl TableKind for Codes {
        const MAGIC: u64 = u64::from_le_bytes(*b"yanmaspt");
        const FILE: &'static str = "replay";
        const CAPACITY_KEY: &'static str = "[replay] capacity";
        const SKEW_MS_LEAST: i64 = 0;
    }

    /// A pass may be minted by a clock that is the largest skew ahead, whatever the node's own
    /// setting for codes. So the fence counts with that.
    impl TableKind for Passes {
        const MAGIC: u64 = u64::from_le_bytes(*b"yanmapas");
        const FILE: &'static str = "passes";
        const CAPACITY_KEY: &'static str = "[passes] capacity";
        const SKEW_MS_LEAST: i64 = SKEW_MS_MAX;
    }
}
