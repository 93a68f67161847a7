//! Gateways and registers as processes, and the faults that a scenario makes in them.

pub mod events;
pub mod life;
pub mod link;
pub mod measured;
pub mod node;
pub mod register;
pub mod registers;
