//! What the engines of all curves share. Nothing here knows a curve.

pub(crate) mod comb;
pub(crate) mod digits;
pub(crate) mod engine;
pub(crate) mod inverse;
pub(crate) mod limbs;
pub(crate) mod plan;
