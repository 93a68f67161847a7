//! The keeper of several nodes against real etcd servers, among faults.
//!
//! `YANMA_ETCD_ROUNDS` repeats each fault of a member: 1 if it is not set.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "all of this is test code: what is not there fails the test, as it should"
)]

mod cluster;
mod faults;
mod keeping;
mod node;
mod people;
mod relay;
mod restores;
mod secured;

/// One cluster at a time: elections take 200 ms only where the machine is not crowded.
#[expect(clippy::disallowed_types, reason = "a test's")]
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
