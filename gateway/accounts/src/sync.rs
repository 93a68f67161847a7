//! The atomics of the look and the screen: the machine's, or loom's when its tests search the
//! interleavings.

#[cfg(feature = "loom")]
pub(crate) use loom::sync::atomic::{AtomicI64, Ordering};
#[cfg(not(feature = "loom"))]
pub(crate) use std::sync::atomic::{AtomicI64, Ordering};
