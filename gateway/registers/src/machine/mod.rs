//! A worker's side of the protocol as a pure state machine: inputs are events, outputs are effects.
//!
//! It reads no clock, no socket, no random source and no thread. [`crate::client`] drives it with
//! sockets, `crate::simulation` with schedules.
//!
//! | input | method |
//! |---|---|
//! | a connection is up, or ended | [`Machine::connected`], [`Machine::lost`] |
//! | bytes arrived | [`Machine::received`] |
//! | bytes may be written, and were | [`Machine::unwritten`], [`Machine::wrote`] |
//! | a request wants something | [`Machine::claim`], [`Machine::conclude`], [`Machine::release`], [`Machine::strip`], [`Machine::ask`] |
//! | time passed | [`Machine::tick`], [`Machine::end_overdue`] |
//!
//! After each input the driver takes the [`Effects`] and carries them out.

mod connection;
mod effects;
mod operations;
mod replies;
mod requests;
mod state;
#[cfg(test)]
mod tests;
mod upkeep;

#[cfg(test)]
pub(crate) use self::connection::State;
pub use self::requests::{Claimed, NoMajority};
pub(crate) use self::{
    effects::{Broken, Effects, Moment, Notice},
    operations::{Enough, RegisterAnswer, Ticket},
    state::Machine,
};
