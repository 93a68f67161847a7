//! The rules of the protocol, each a pure function: what is written to a register, what its answers
//! mean, and when a majority has decided.

pub(crate) mod claim;
pub(crate) mod claim_id;
pub(crate) mod conditions;
pub(crate) mod eligibility;
pub(crate) mod layout;
pub(crate) mod resp;
