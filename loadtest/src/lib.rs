//! Load for the gateway, and a judge of what it promised.

pub mod report;
pub mod signer;
