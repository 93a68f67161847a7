//! Drives the machine: the requests of one worker, its timer, and a task for each connection.
//! Never leaves its thread.

mod node;
mod notices;
mod registers;
#[cfg(test)]
mod servers;
mod socket;
mod values;

pub use self::{
    node::Node,
    registers::{Claiming, Registers, Reports},
};
