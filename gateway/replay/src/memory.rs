//! The memory of the table: a header and cache lines of eight slots, zero from the start.
//!
//! Only this file knows where they live: in memory of this process alone (tests, benches), or in a
//! file that several processes map.
#![allow(unsafe_code, reason = "memory shared between processes, or zero without being touched")]

use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::MmapRaw;

use crate::header::{HEADER_BYTES, Header};
use crate::sync::{ARE_PLAIN, AtomicU64, Ordering};

/// Slots in one cache line.
pub(crate) const LINE_SLOTS: usize = 8;
const LINE_BYTES: usize = 64;
/// The smallest page of the machines that this runs on.
const PAGE_BYTES: usize = 4096;

/// One cache line. A probe that stays in it costs one miss.
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [AtomicU64; LINE_SLOTS]);

const _: () = assert!(
    !ARE_PLAIN || size_of::<Line>() == LINE_BYTES && align_of::<Line>() == LINE_BYTES,
    "a line is a cache line"
);

/// A table's memory.
pub(crate) struct Memory {
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

/// Both parts, from boxes. Only its drop may make boxes of them again.
struct Heap(Span);

// SAFETY: the code uses what it points to only through shared references to atomics, and any thread
// may use those. Freeing it is the same in every thread.
unsafe impl Send for Span {}
// SAFETY: as above.
unsafe impl Sync for Span {}

impl Memory {
    /// Memory of this process, or `None` if the system has not enough.
    pub(crate) fn on_heap(line_count: usize) -> Option<Self> {
        let lines = zeroed(line_count)?;
        occupy(&lines);
        let lines = NonNull::from(Box::leak(lines));
        let header = NonNull::from(Box::leak(Box::new(Header::empty())));
        let span = Span { header, lines };
        Some(Self { span, _owner: Owner::Heap(Arc::new(Heap(span))) })
    }

    /// A mapped file: its first page, then as many lines as it holds. `None` if it is too short for
    /// a header, or does not end with a line.
    ///
    /// The file must keep its length while it is mapped: touching what was cut off is a SIGBUS.
    pub(crate) fn in_file(mapping: MmapRaw) -> Option<Self> {
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
    pub(crate) fn beside(&self) -> Self {
        let Owner::Heap(heap) = &self._owner else { panic!("map the file again") };
        Self { span: self.span, _owner: Owner::Heap(Arc::clone(heap)) }
    }

    #[inline]
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the owner lives as long as `self` and holds a whole header there, aligned to its
        // box or page. Every bit pattern is a header, and all of it are atomics, so a write of
        // another thread or process is no data race.
        unsafe { self.span.header.as_ref() }
    }

    #[inline]
    pub(crate) fn lines(&self) -> &[Line] {
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

/// `count` lines of zeroes, or `None` if the system has not enough memory.
///
/// The pages are not touched: an allocator that knows fresh memory to be zero (mimalloc) returns
/// it as it is. [`occupy`] touches them.
fn zeroed(count: usize) -> Option<Box<[Line]>> {
    if !ARE_PLAIN {
        let line = || Line(std::array::from_fn(|_| AtomicU64::new(0)));
        return Some(std::iter::repeat_with(line).take(count).collect());
    }
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
    // SAFETY: the global allocator gave this memory for exactly the layout of `[Line; count]`, and
    // no other code has it. All bits zero are a valid `Line`, as the atomics are plain.
    Some(unsafe { Box::from_raw(lines) })
}

/// Writes to every page of a fresh table.
///
/// The kernel clears a page at the first write to it. For a huge page on a virtual machine this
/// takes milliseconds, and a request would wait for it. A machine with too little memory fails
/// here, at the start, and not under load.
fn occupy(lines: &[Line]) {
    for Line([first, ..]) in lines.iter().step_by(PAGE_BYTES / LINE_BYTES) {
        // The compiler makes a mere read of `fetch_or(0)`, as it changes nothing.
        first.swap(0, Ordering::Relaxed);
    }
}

/// Lines for so many slots; at least one.
pub(crate) fn line_count(slots: usize) -> usize {
    slots.div_ceil(LINE_SLOTS).max(1)
}

/// The bytes that `count` lines take.
pub(crate) const fn bytes(count: usize) -> usize {
    count * LINE_BYTES
}

/// Asks the processor to fetch a line. Does nothing where there is no such instruction.
#[inline]
#[cfg_attr(any(not(target_arch = "x86_64"), miri), expect(unused_variables, reason = "no hint"))]
pub(crate) fn prefetch(line: &Line) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch is a hint that neither reads nor faults, and SSE is part of every
        // x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(line).cast()) }
    }
}
