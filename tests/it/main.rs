//! End-to-end tests: the real binary, real sockets, a backend that records every byte.

#![allow(
    clippy::indexing_slicing,
    reason = "all of this is test code: an index that is not there fails the test, as it should"
)]

mod harness;

mod admin;
mod answers;
mod bodies;
mod closing;
mod documents;
mod drain;
mod engines;
mod faults;
mod files;
mod framing;
mod h2_floods;
mod host;
mod leaving;
mod licences;
mod limits;
mod loadtest;
mod log;
mod outcomes;
mod parking;
mod paths;
mod pay;
mod python;
mod qr;
mod record;
mod refusals;
mod registers;
mod registers_check;
mod registers_memory;
mod reload;
mod retry;
mod routing;
mod sandbox;
mod scrub;
mod shares;
mod single_use;
mod start;
mod state;
mod strict;
mod threads;
mod tidy;
mod timers;
mod upgrade;
mod upstream;
