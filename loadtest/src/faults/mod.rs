//! Gateways and registers as processes, and the faults that a scenario makes in them.

pub mod child;
pub mod injector;
pub mod measured;
pub mod node;
pub mod register;
pub mod register_proxy;
pub mod registers;
