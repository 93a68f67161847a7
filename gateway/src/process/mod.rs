//! The process: it starts, runs, obeys signals and reloads, hands over and leaves.

pub(crate) mod accounts;
pub(crate) mod control;
pub mod key_tables;
mod observing;
pub mod reload;
pub(crate) mod run;
pub mod signals;
pub mod start;
pub(crate) mod systemd;
pub mod takeover;
