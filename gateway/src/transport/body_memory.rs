//! Memory for bodies that are held whole, bounded in bytes over all workers.
//!
//! Each body may hold [`limits::BODY_FREE_BYTES`] without asking, so that the usual request costs
//! nothing here and large uploads never keep small ones out. What is larger asks whenever it grows,
//! for what it really takes, not for what its head declares: a head alone takes nothing from others.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::limits;

/// The bytes that all bodies hold beyond what each may hold without asking.
#[derive(Debug, Default)]
pub struct BodyMemory(AtomicUsize);

impl BodyMemory {
    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// There is no room for a body that grows.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) struct NoRoom;

/// What one body holds of the memory; dropping it gives all of it back.
#[derive(Debug)]
pub(crate) struct Held {
    memory: Arc<BodyMemory>,
    bytes: usize,
}

impl Held {
    /// Nothing yet.
    pub(crate) fn nothing(memory: &Arc<BodyMemory>) -> Self {
        Self { memory: Arc::clone(memory), bytes: 0 }
    }

    /// The body takes `bytes` from now on, more than it took.
    ///
    /// # Errors
    /// [`NoRoom`] if all bodies together would then hold more than `bytes_max`. Absent: the body is
    /// owed to its client, and it is those after it that find no room.
    pub(crate) fn grow_to(&mut self, bytes: usize, bytes_max: Option<usize>) -> Result<(), NoRoom> {
        let charged = bytes.saturating_sub(limits::BODY_FREE_BYTES);
        let more = charged.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let grown = |held: usize| {
            let held = held.checked_add(more)?;
            bytes_max.is_none_or(|max| held <= max).then_some(held)
        };
        self.memory.0.fetch_update(Relaxed, Relaxed, grown).map_err(|_| NoRoom)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: usize = limits::BODY_FREE_BYTES;

    #[test]
    fn a_body_is_charged_for_what_it_takes_beyond_its_free_bytes() {
        let memory = Arc::new(BodyMemory::default());
        let mut held = Held::nothing(&memory);
        for (bytes, charged) in [(1, 0), (FREE, 0), (FREE + 1, 1), (FREE + 100, 100)] {
            assert_eq!(held.grow_to(bytes, Some(100)), Ok(()));
            assert_eq!(memory.bytes(), charged, "{bytes}");
        }
        assert_eq!(held.grow_to(FREE + 101, Some(100)), Err(NoRoom));
        assert_eq!(memory.bytes(), 100, "what was refused is not held");
        drop(held);
        assert_eq!(memory.bytes(), 0);
    }

    #[test]
    fn what_is_owed_is_held_beyond_the_bound_and_keeps_others_out() {
        let memory = Arc::new(BodyMemory::default());
        let (mut owed, mut upload) = (Held::nothing(&memory), Held::nothing(&memory));
        assert_eq!(owed.grow_to(FREE + 1_000, None), Ok(()));
        assert_eq!(upload.grow_to(FREE, Some(100)), Ok(()), "free bytes are free at any time");
        assert_eq!(upload.grow_to(FREE + 1, Some(100)), Err(NoRoom));
        drop(owed);
        assert_eq!(upload.grow_to(FREE + 1, Some(100)), Ok(()));
    }

    #[test]
    fn nothing_is_lost_while_all_workers_grow_and_give_back() {
        let memory = Arc::new(BodyMemory::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for bytes in 0..10_000 {
                        let mut held = Held::nothing(&memory);
                        let _may_be_full = held.grow_to(FREE + bytes % 64, Some(128));
                        assert!(memory.bytes() <= 128);
                    }
                });
            }
        });
        assert_eq!(memory.bytes(), 0);
    }
}
