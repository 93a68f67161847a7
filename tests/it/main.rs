//! End-to-end tests: the real binary, real sockets, a backend that records every byte.

mod harness;

mod admin;
mod bodies;
mod drain;
mod framing;
mod leaving;
mod licences;
mod limits;
mod outcomes;
mod paths;
mod pay;
mod python;
mod qr;
mod refusals;
mod reload;
mod routing;
mod sandbox;
mod scrub;
mod single_use;
mod start;
mod tidy;
mod timers;
