//! The memory of the table: a header and cache lines of eight slots, zero from the start.
//!
//! The one place that knows where they live: in memory of this process alone (tests, benches), or
//! in a file that several processes map.
#![allow(unsafe_code, reason = "memory shared between processes, or zero without being touched")]

use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::MmapRaw;

use super::header::{HEADER_BYTES, Header};
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

/// A table's memory.
pub(super) struct Memory {
    span: Span,
    /// Frees what the span points to, after the last use.
    _owner: Owner,
}

/// Where header and slots are.
#[derive(Copy, Clone)]
struct Span {
    header: NonNull<Header>,
    lines: NonNull<[Line]>,
}

enum Owner {
    Heap(#[allow(dead_code, reason = "held for its drop")] Arc<Heap>),
    File(#[allow(dead_code, reason = "held for its drop")] MmapRaw),
}

/// Both parts as boxes gave them; nothing else may make a box of them again.
struct Heap(Span);

// SAFETY: what it points to is only ever used through shared references to atomics, which any
// thread may use, or freed, which is the same in every thread.
unsafe impl Send for Span {}
// SAFETY: as above.
unsafe impl Sync for Span {}

impl Memory {
    /// Memory of this process, or nothing if the system has none.
    pub(super) fn on_heap(line_count: usize) -> Option<Self> {
        let lines = zeroed(line_count)?;
        occupy(&lines);
        let lines = NonNull::from(Box::leak(lines));
        let header = NonNull::from(Box::leak(Box::new(Header::empty())));
        let span = Span { header, lines };
        Some(Self { span, _owner: Owner::Heap(Arc::new(Heap(span))) })
    }

    /// A mapped file: its first page, then as many lines as it holds. Nothing if it is too short
    /// for a header or does not end with a line.
    ///
    /// The file must keep its length while it is mapped: touching what was cut off is a SIGBUS.
    pub(super) fn in_file(mapping: MmapRaw) -> Option<Self> {
        let bytes = mapping.len().checked_sub(HEADER_BYTES)?;
        let line_count = bytes / LINE_BYTES;
        let start = NonNull::new(mapping.as_mut_ptr())?;
        if !start.addr().get().is_multiple_of(PAGE_BYTES) || bytes != line_count * LINE_BYTES {
            return None;
        }
        // SAFETY: the mapping has at least `HEADER_BYTES` bytes.
        let lines = unsafe { start.add(HEADER_BYTES) }.cast::<Line>();
        let lines = NonNull::slice_from_raw_parts(lines, line_count);
        Some(Self { span: Span { header: start.cast(), lines }, _owner: Owner::File(mapping) })
    }

    /// The same memory as another process would see it.
    #[cfg(test)]
    pub(super) fn beside(&self) -> Self {
        let Owner::Heap(heap) = &self._owner else { panic!("map the file again") };
        Self { span: self.span, _owner: Owner::Heap(Arc::clone(heap)) }
    }

    #[inline]
    pub(super) fn header(&self) -> &Header {
        // SAFETY: the owner, alive as long as `self`, holds a whole header there, aligned to its
        // box or page. Every bit pattern is one, and all of it are atomics, so whoever else writes
        // there, in this process or another, is no data race.
        unsafe { self.span.header.as_ref() }
    }

    #[inline]
    pub(super) fn lines(&self) -> &[Line] {
        // SAFETY: as for the header; so many lines, aligned as a box or a page and a page's length.
        unsafe { self.span.lines.as_ref() }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: both came from boxes, and the last view of them is gone.
        drop(unsafe { Box::from_raw(self.0.header.as_ptr()) });
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(self.0.lines.as_ptr()) });
    }
}

/// `count` lines of zeroes, or nothing if the system has no such memory.
///
/// The pages are not touched: an allocator that knows fresh memory to be zero (mimalloc) hands
/// them out as they come. [`occupy`] is what makes them ours.
#[cfg(not(feature = "loom"))]
fn zeroed(count: usize) -> Option<Box<[Line]>> {
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
fn zeroed(count: usize) -> Option<Box<[Line]>> {
    let line = || Line(std::array::from_fn(|_| AtomicU64::new(0)));
    Some(std::iter::repeat_with(line).take(count).collect())
}

/// Writes to every page of a fresh table.
///
/// The kernel clears a page when it is first written to: milliseconds for a huge one on a virtual
/// machine, and a request would have to wait for that. A machine that has not the memory shows it
/// here, at the start, and not under load.
fn occupy(lines: &[Line]) {
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
