//! End-to-end tests: the real binary, real sockets, a backend that records every byte.

#![allow(
    clippy::indexing_slicing,
    reason = "all of this is test code: an index that is not there fails the test, as it should"
)]

mod harness;
mod house;
mod http;
mod monitoring;
mod operator;
mod promise;
mod sandbox;
