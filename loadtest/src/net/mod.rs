//! Addresses, and connections to them.

pub mod address;
pub mod stream;
