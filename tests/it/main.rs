//! End-to-end tests: the real binary, real sockets, a backend that records every byte.

mod harness;

mod bodies;
mod framing;
mod leaving;
mod licences;
mod limits;
mod outcomes;
mod paths;
mod pay;
mod refusals;
mod scrub;
mod single_use;
mod tidy;
mod timers;
