//! The edge: connections are accepted, spread over the workers and served.

pub(crate) mod acceptor;
mod connection;
mod http1;
mod http2;
mod lingering_close;
pub(crate) mod worker_thread;
