//! Load for the gateway, and a judge of what it promised.

pub mod backend;
pub mod class;
pub mod client;
pub mod clock;
pub mod codes;
pub mod dice;
pub mod judge;
pub mod ledger;
pub mod load;
pub mod outcome;
pub mod pacer;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod shelf;
pub mod signer;
pub mod site;
pub mod stream;
pub mod tally;
