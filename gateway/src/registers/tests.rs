//! The protocol by itself: no network, no clock, no threads.

mod gateway;
mod model;
mod register;
mod simulation;
