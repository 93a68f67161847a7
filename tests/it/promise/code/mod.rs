//! Which codes are accepted, and what a refused one is answered.

mod engines;
mod opaque;
mod python;
mod qr;
mod refusals;
