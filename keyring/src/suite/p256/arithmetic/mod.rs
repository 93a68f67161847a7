//! The numbers and points of P-256, low to high: scalar, field, field8 (eight lanes), point.

pub(crate) mod field;
#[cfg(target_arch = "x86_64")]
pub(crate) mod field8;
pub(crate) mod point;
pub(crate) mod scalar;
