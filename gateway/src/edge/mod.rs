//! The edge: connections are accepted, spread over the workers and served.

pub(crate) mod acceptor;
pub(crate) mod connection;
pub(crate) mod worker_thread;
