//! Connections to backends: one pool per worker, and the gate that proves what was sent.
//!
//! A request future that is dropped does not unsend: hyper flushes what it has encoded before
//! it closes. So whether a code may be given back is decided below hyper, where bytes are
//! handed to the kernel. The gate (`gate::Gate`) is shut first and read after, with nothing in between.

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
