//! The engines, and the sums that the fast ones add up.

pub(crate) mod group;
#[cfg(target_arch = "x86_64")]
pub(crate) mod ifma;
pub(crate) mod portable;
pub(crate) mod reference;
