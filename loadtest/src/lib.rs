//! Load for the gateway, and a judge of what it promised.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod backend;
pub mod cli;
pub mod clock;
pub mod faults;
pub mod judge;
pub mod load;
pub mod net;
pub mod procfs;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod site;
