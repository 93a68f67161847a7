//! End-to-end tests: the real binary, real sockets, a backend that records every byte.

mod harness;
mod licences;
mod tidy;
