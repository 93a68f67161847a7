//! Below HTTP: sockets, connections and their time limits, bodies, and what a client may send where
//! line ends and frames are concerned.

pub(crate) mod body;
pub(crate) mod body_memory;
pub(crate) mod client_stream;
pub(crate) mod connection_state;
pub(crate) mod deadline;
pub(crate) mod frames;
pub mod listener;
pub(crate) mod shares;
pub mod strict;
