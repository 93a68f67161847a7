#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod directory;
mod entry;
mod file;
mod guard;
mod header;
mod limits;
mod memory;
mod replay;
mod single_use;
mod sync;
mod table;

#[cfg(test)]
#[cfg(feature = "loom")]
mod interleavings;
#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

pub use self::file::{MapError, create, map, open_file_id};
pub use self::header::{Birth, Mismatch, Remains, Store};
pub use self::replay::{Known, RedeemError, Redemption, Replay, ReplayError};
pub use self::single_use::{Codes, PassLife, Passes, Reservation, Retention, SingleUse};
