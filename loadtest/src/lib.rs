//! Load for the gateway, and a judge of what it promised.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod address;
pub mod admin;
pub mod backend;
pub mod class;
pub mod cli;
pub mod client;
pub mod clock;
pub mod codes;
pub mod crew;
pub mod dice;
pub mod events;
pub mod judge;
pub mod ledger;
pub mod life;
pub mod link;
pub mod measured;
pub mod node;
pub mod outage;
pub mod outcome;
pub mod pacer;
pub mod procfs;
pub mod register;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod shelf;
pub mod signer;
pub mod site;
pub mod stream;
pub mod summary;
pub mod sweep;
pub mod tally;
pub mod timeline;
