//! The memory of the table: cache lines of eight slots, zero from the start.
//!
//! The one place that knows where the slots live; a mapping shared between processes would go here.
#![allow(unsafe_code, reason = "memory that is zero without being touched; a prefetch")]

use super::sync::{AtomicU64, Ordering};

/// Slots in one cache line.
pub(super) const LINE_SLOTS: usize = 8;
const LINE_BYTES: usize = 64;
/// The smallest page of the machines that this runs on.
const PAGE_BYTES: usize = 4096;

/// One cache line. A probe that stays in it costs one miss.
#[repr(align(64))]
pub(super) struct Line(pub(super) [AtomicU64; LINE_SLOTS]);

#[cfg(not(feature = "loom"))]
const _: () = assert!(size_of::<Line>() == LINE_BYTES && align_of::<Line>() == LINE_BYTES);

/// `count` lines of zeroes, or nothing if the system has no such memory.
///
/// The pages are not touched: an allocator that knows fresh memory to be zero (mimalloc) hands
/// them out as they come. [`occupy`] is what makes them ours.
#[cfg(not(feature = "loom"))]
pub(super) fn zeroed(count: usize) -> Option<Box<[Line]>> {
    let layout = std::alloc::Layout::array::<Line>(count).ok()?;
    if layout.size() == 0 {
        return Some(Box::default());
    }
    // SAFETY: the size is not zero, as `alloc_zeroed` demands.
    let memory = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<Line>();
    if memory.is_null() {
        return None;
    }
    let lines = std::ptr::slice_from_raw_parts_mut(memory, count);
    // SAFETY: the global allocator gave this memory for exactly the layout of `[Line; count]`, it
    // belongs to nobody else, and all bits zero are a valid `Line`: atomics of the value 0.
    Some(unsafe { Box::from_raw(lines) })
}

/// Loom's atomics are no plain memory.
#[cfg(feature = "loom")]
pub(super) fn zeroed(count: usize) -> Option<Box<[Line]>> {
    let line = || Line(std::array::from_fn(|_| AtomicU64::new(0)));
    Some(std::iter::repeat_with(line).take(count).collect())
}

/// Writes to every page of a fresh table.
///
/// The kernel clears a page when it is first written to: milliseconds for a huge one on a virtual
/// machine, and a request would have to wait for that. A machine that has not the memory shows it
/// here, at the start, and not under load.
pub(super) fn occupy(lines: &[Line]) {
    for Line([first, ..]) in lines.iter().step_by(PAGE_BYTES / LINE_BYTES) {
        // An operation that visibly changes nothing, `fetch_or(0)`, is compiled to a mere read.
        first.swap(0, Ordering::Relaxed);
    }
}

/// The bytes that `count` lines take.
pub(super) const fn bytes(count: usize) -> usize {
    count * LINE_BYTES
}

/// Asks the processor to fetch a line; does nothing where there is no such instruction.
#[cfg(all(target_arch = "x86_64", not(miri), not(feature = "loom")))]
pub(super) fn prefetch(line: &Line) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch is a hint that neither reads nor faults, and SSE is part of every x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(line).cast()) }
}

/// Asks the processor to fetch a line; does nothing where there is no such instruction.
#[cfg(any(not(target_arch = "x86_64"), miri, feature = "loom"))]
pub(super) fn prefetch(_line: &Line) {}
