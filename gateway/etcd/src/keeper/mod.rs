//! Keeps a node's account states fresh: load, watch, poll.

mod follow;
mod keep;
mod load;
mod memory;
mod revision;
mod status;
mod watch;

pub use self::keep::keep;
