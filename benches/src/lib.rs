//! Measuring the gateway from outside: what the programs `compare` and `instructions` share.

pub mod lines;
pub mod process;
pub mod site;
