//! What clients can hold: each wait ends, and each size has a limit.

mod h2_floods;
mod h2_refusals;
mod limits;
mod shares;
mod timers;
