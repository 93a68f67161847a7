//! Which codes are accepted, and what a refused one is answered.

mod engines;
mod python;
mod qr;
mod refusals;
