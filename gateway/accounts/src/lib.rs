//! Account states: what is known of a person, the look at it, and the store of one node.
//!
//! The promise: an acknowledged change is honoured within `stale_ms`, or nothing is admitted.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod accounts;
pub mod change;
pub mod entry;
mod limits;
pub mod local;
mod looker;
mod memory;
#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod simulation;
pub mod status;
pub mod store;
mod sync;
mod verdict;

#[cfg(test)]
#[cfg(feature = "loom")]
mod interleavings;

pub use self::{
    accounts::{Accounts, Cleared, NotCleared},
    looker::Looker,
    memory::{Blocks, Full, Table},
    verdict::{Claim, Refused},
};
