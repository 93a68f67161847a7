//! End-to-end tests: the real binary, real sockets, a backend that records every byte.

#![allow(
    clippy::indexing_slicing,
    reason = "all of this is test code: an index that is not there fails the test, as it should"
)]

mod harness;

mod admin;
mod bodies;
mod drain;
mod engines;
mod faults;
mod framing;
mod leaving;
mod licences;
mod limits;
mod loadtest;
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
mod single_use;
mod start;
mod state;
mod tidy;
mod timers;
mod upgrade;
