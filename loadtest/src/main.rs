//! Load for the gateway.
fn main() {}
