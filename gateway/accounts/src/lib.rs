//! Account states: what is known of a person, the look at it, and the store of one node.
//!
//! The promise: an acknowledged change is honoured within `stale_ms`, or nothing is admitted.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod entry;
pub mod limits;
mod verdict;

pub use self::verdict::{Claim, Refused};
