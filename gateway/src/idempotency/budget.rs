//! The memory budget of stored answers: bytes, number, and a caller's share of the bytes.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dashmap::DashMap;

use super::entry::Caller;
use crate::config::RetryConfig;

/// Why an answer is not stored.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum NoRoom {
    /// `retry.store_mib` is used up.
    Bytes,
    /// `retry.entries_max` is used up.
    Entries,
    /// The caller has used up its share.
    Caller,
}

/// What is in use; never more than allowed. A taker adds first, compares, and subtracts again if it
/// was too much. So if two takers meet at the limit, both may be refused.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Budget {
    bytes: AtomicUsize,
    entries: AtomicUsize,
    /// Bytes of each named caller with a stored answer. Locked while an addition takes place.
    shares: DashMap<Caller, usize>,
}

impl Budget {
    pub(super) fn take(
        &self,
        caller: &Caller,
        bytes: usize,
        bounds: &RetryConfig,
    ) -> Result<(), NoRoom> {
        add(&self.entries, 1, bounds.entries_max).ok_or(NoRoom::Entries)?;
        let taken = add(&self.bytes, bytes, bounds.store_bytes).ok_or(NoRoom::Bytes);
        let taken = taken.and_then(|()| {
            let fits = self.take_share(caller, bytes, bounds);
            fits.inspect_err(|_| sub(&self.bytes, bytes))
        });
        taken.inspect_err(|_| sub(&self.entries, 1))
    }

    pub(super) fn give_back(&self, caller: &Caller, bytes: usize) {
        sub(&self.entries, 1);
        sub(&self.bytes, bytes);
        if caller.is_named() {
            self.shares.remove_if_mut(caller, |_, used| {
                *used = used.saturating_sub(bytes);
                *used == 0
            });
        }
    }

    /// Bytes of all that is stored.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Answers that are stored.
    pub(super) fn entries(&self) -> usize {
        self.entries.load(Relaxed)
    }

    fn take_share(
        &self,
        caller: &Caller,
        bytes: usize,
        bounds: &RetryConfig,
    ) -> Result<(), NoRoom> {
        if !caller.is_named() {
            return Ok(());
        }
        let mut used = self.shares.entry(caller.clone()).or_default();
        if *used + bytes > bounds.share_bytes() {
            let is_new = *used == 0;
            drop(used);
            if is_new {
                self.shares.remove_if(caller, |_, used| *used == 0);
            }
            return Err(NoRoom::Caller);
        }
        *used += bytes;
        Ok(())
    }
}

fn add(cell: &AtomicUsize, more: usize, max: usize) -> Option<()> {
    let before = cell.fetch_add(more, Relaxed);
    if before.saturating_add(more) <= max {
        return Some(());
    }
    sub(cell, more);
    None
}

fn sub(cell: &AtomicUsize, less: usize) {
    let before = cell.fetch_sub(less, Relaxed);
    debug_assert!(before >= less, "only what was taken is given back");
}
