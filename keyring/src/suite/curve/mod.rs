//! What the engines of all curves share. Nothing here knows a curve.
//!
//! | file, low to high | what is there |
//! |---|---|
//! | `limbs`, `inverse` | numbers of 256 bits, and inversion modulo an odd number |
//! | `layout` | how the bits of a scalar are shared out among the rows of a table |
//! | `digits` | a scalar as signed digits |
//! | `table` | the entries, in memory that is read-only |
//! | `terms` | the entries that a scalar adds up |
//! | `plan` | how wide tables are for a budget |
//! | `engine` | the names of the engines, and whether this CPU has them |

pub(crate) mod digits;
pub(crate) mod engine;
pub(crate) mod inverse;
pub(crate) mod layout;
pub(crate) mod limbs;
pub(crate) mod plan;
pub(crate) mod table;
pub(crate) mod terms;
