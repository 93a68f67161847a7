//! The protocol by itself: no network, no clock, no threads.

mod change;
mod code;
mod dice;
mod gateway;
mod memory;
mod model;
mod register;
mod world;
