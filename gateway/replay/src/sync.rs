//! The atomics of the table: the machine's, or loom's when the interleavings are searched.

#[cfg(feature = "loom")]
pub(super) use loom::sync::atomic::{AtomicI64, AtomicU64, Ordering};
#[cfg(not(feature = "loom"))]
pub(super) use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
