//! Load for the gateway, and a judge of what it promised.

pub mod class;
pub mod clock;
pub mod dice;
pub mod judge;
pub mod ledger;
pub mod outcome;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod signer;
