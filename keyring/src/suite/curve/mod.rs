//! What the engines of all curves share. Nothing here knows a curve.

pub(crate) mod digits;
pub(crate) mod engine;
pub(crate) mod inverse;
pub(crate) mod layout;
pub(crate) mod limbs;
pub(crate) mod plan;
pub(crate) mod table;
pub(crate) mod terms;
