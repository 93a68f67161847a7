//! The load: codes made as they are sent, connections, and threads that start each request on time.

pub mod client;
pub mod codes;
pub mod pacer;
pub mod signer;
pub mod threads;
