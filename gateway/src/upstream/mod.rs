//! Connections to backends: one pool per worker, and the gate that proves what was sent.
//!
//! Dropping a request future does not unsend the request: hyper flushes what it has encoded before
//! it closes. So the proof that a code may be released is made below hyper, where bytes go to the
//! kernel. The `Gate` is shut first and read after, with nothing in between.

pub mod endpoints;
mod gate;
mod header_text;
mod pool;
pub(crate) mod request_head;
mod response_body;
pub(crate) mod response_head;

pub(crate) use self::{
    pool::{Lease, Pool, Sent, Silence},
    response_body::ResponseBody,
};

#[cfg(test)]
mod tests;
