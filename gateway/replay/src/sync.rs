//! The atomics of the table: the machine's, or loom's when its tests search the interleavings.
//!
//! The code of the crate asks for the feature `loom` only here.

#[cfg(feature = "loom")]
pub(crate) use loom::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};
#[cfg(not(feature = "loom"))]
pub(crate) use std::sync::atomic::{AtomicI64, AtomicU64, Ordering, fence};

/// True if an atomic is plain memory: as large as its value, and zero where its bytes are zero.
/// Loom's atomics are not.
pub(crate) const ARE_PLAIN: bool = cfg!(not(feature = "loom"));
