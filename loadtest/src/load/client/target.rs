//! Where a connection goes.

use crate::net::address::Address;
use crate::scenario::settings::Protocol;

/// Where a connection goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// The node's number.
    pub node: usize,
    /// Its address.
    pub address: Address,
    /// How requests travel.
    pub protocol: Protocol,
    /// Requests at once on one HTTP/2 connection.
    pub streams: usize,
}
