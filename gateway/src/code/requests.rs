//! How many requests are under way with one code. A few are allowed, from all clients together.
//!
//! A table of small counters that all workers share, indexed by a keyed hash of the code's identity.
//! It knows counts, no codes: two codes that meet in one cell share its few requests. With the cells
//! that [`CodeRequests::new`] makes there is one request under way for eight cells at the most, so a
//! code meets eight strangers in its cell with a probability of 1e-12 (Poisson with mean 1/8). A
//! reload that raises `requests_in_flight_max` eightfold makes that 1e-5.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::limits::{CODE_CELLS_MIN, CODE_CELLS_PER_REQUEST, CODE_REQUESTS_MAX};

/// Requests under way, by code.
#[derive(Debug)]
pub struct CodeRequests(Box<[AtomicU8]>);

/// One request's part of its code's count. It ends with [`CodeRequests::leave`]; it cannot be
/// copied, so no count falls below what is there.
#[derive(Debug)]
#[must_use = "the count falls only when it leaves"]
pub(crate) struct Entered(usize);

impl CodeRequests {
    /// Cells for so many requests in flight, a byte each; a power of two.
    #[must_use]
    pub fn new(requests_in_flight_max: usize) -> Self {
        let cells = requests_in_flight_max.saturating_mul(CODE_CELLS_PER_REQUEST);
        let cells = cells.max(CODE_CELLS_MIN).next_power_of_two();
        Self((0..cells).map(|_| AtomicU8::new(0)).collect())
    }

    /// Counts one more request with the code of this hash. `None`: there are too many.
    ///
    /// The count never passes the bound, not even for a moment, so it cannot run over.
    #[inline]
    pub(crate) fn enter(&self, hash: u64) -> Option<Entered> {
        let low = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0);
        let cell = low & (self.0.len() - 1);
        let one_more = |count: u8| (count < CODE_REQUESTS_MAX).then(|| count + 1);
        self.0.get(cell)?.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        Some(Entered(cell))
    }

    /// The request has ended.
    #[inline]
    pub(crate) fn leave(&self, entered: Entered) {
        if let Some(cell) = self.0.get(entered.0) {
            cell.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 8;

    #[test]
    fn the_next_request_with_a_code_waits_until_one_has_left() {
        let requests = CodeRequests::new(1);
        let mut entered: Vec<_> = (0..MAX).map(|_| requests.enter(7).expect("room")).collect();
        assert!(requests.enter(7).is_none());
        assert!(requests.enter(7).is_none(), "who is refused takes no room");
        let other = requests.enter(8).expect("another code's cell");
        requests.leave(entered.pop().expect("one"));
        entered.push(requests.enter(7).expect("room again"));
        entered.into_iter().chain([other]).for_each(|one| requests.leave(one));
        assert!(requests.0.iter().all(|cell| cell.load(Relaxed) == 0));
    }

    #[test]
    fn there_are_cells_enough_for_all_requests() {
        for (requests, cells) in [(1, 65_536), (8_192, 65_536), (8_193, 131_072), (16_384, 131_072)]
        {
            assert_eq!(CodeRequests::new(requests).0.len(), cells, "{requests}");
        }
    }

    #[test]
    fn every_hash_has_a_cell() {
        let requests = CodeRequests::new(1);
        for hash in [0, 65_535, 65_536, u64::MAX] {
            requests.leave(requests.enter(hash).expect("a cell"));
        }
    }

    #[test]
    fn the_bound_holds_and_nothing_is_lost_while_all_workers_count() {
        let (requests, inside) = (CodeRequests::new(1), AtomicU8::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let Some(entered) = requests.enter(3) else { continue };
                        assert!(inside.fetch_add(1, Relaxed) < CODE_REQUESTS_MAX);
                        inside.fetch_sub(1, Relaxed);
                        requests.leave(entered);
                    }
                });
            }
        });
        assert_eq!(requests.0[3].load(Relaxed), 0);
    }
}
