//! What phones want to know of the record.

mod codes;
mod usage;

pub(super) use self::{codes::Codes, usage::Usage};
