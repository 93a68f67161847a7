//! The protocol by itself: no network, no clock, no threads.

mod change;
mod gateway;
mod model;
mod register;
mod simulation;
