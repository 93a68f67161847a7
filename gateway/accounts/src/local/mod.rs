//! The store of one node: `accounts.db`, by SQLite, which the two processes of an upgrade share.
//!
//! A change is committed, applied, then acknowledged. If the process dies in between, the other
//! one, or the next, finds it in the log.

mod clean_up;
mod database;
mod error;
mod integrity;
mod keeper;
mod rows;
mod store;
#[cfg(test)]
#[cfg(not(feature = "loom"))]
mod tests;

pub use self::{error::StoreError, integrity::check, keeper::Keeper, store::LocalStore};
