//! Time limits without timers: one sweep per worker, [`limits::SWEEP_MS`] apart.
//!
//! A runtime timer costs two list operations a request, and a limit of seconds does not need its
//! precision. A limit here never ends early, and ends at most two sweeps late.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use slab::Slab;

use crate::limits::{BODY_STALL_MS, SWEEP_MS};

/// The coarse clock of one worker, and the futures that wait for it. Milliseconds since the worker
/// started.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    now_ms: Cell<u64>,
    /// Whether stalled uploads are given up.
    is_crowded: Cell<bool>,
    waiting: RefCell<Slab<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    at_ms: u64,
    stalled_ms: u64,
    waker: Waker,
}

impl Sweep {
    /// The time of the last sweep.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Sets whether there is a crowd, from the next sweep on.
    pub(crate) fn crowd(&self, is_crowded: bool) {
        self.is_crowded.set(is_crowded);
    }

    /// Sets the time and wakes each future whose limit has passed.
    pub(crate) fn advance_to(&self, now_ms: u64) {
        self.now_ms.set(now_ms);
        for (_, waiting) in self.waiting.borrow().iter() {
            if self.has_passed(waiting.at_ms, waiting.stalled_ms) {
                waiting.waker.wake_by_ref();
            }
        }
    }

    fn has_passed(&self, at_ms: u64, stalled_ms: u64) -> bool {
        let now_ms = self.now_ms();
        at_ms <= now_ms || stalled_ms <= now_ms && self.is_crowded.get()
    }

    /// A future that ends `after_ms` from now. It costs nothing until it is polled.
    pub(crate) fn deadline(self: &Rc<Self>, after_ms: u64) -> Deadline {
        Deadline {
            sweep: Rc::clone(self),
            at_ms: self.in_ms(after_ms),
            stalled_ms: u64::MAX,
            key: None,
        }
    }

    /// The same for an upload. In a crowd it also ends when no byte arrives for [`BODY_STALL_MS`].
    pub(crate) fn deadline_of_upload(self: &Rc<Self>, after_ms: u64) -> Deadline {
        let mut deadline = self.deadline(after_ms);
        deadline.stalled_ms = self.in_ms(BODY_STALL_MS);
        deadline
    }

    /// The last sweep may be a whole period ago. Without the margin a limit could end early.
    fn in_ms(&self, after_ms: u64) -> u64 {
        self.now_ms().saturating_add(after_ms).saturating_add(SWEEP_MS)
    }
}

/// Ends when its time has come. Cancel safe; dropping it removes it from the sweep.
#[derive(Debug)]
pub(crate) struct Deadline {
    sweep: Rc<Sweep>,
    at_ms: u64,
    /// For uploads alone: when this one has stalled for too long, if there is a crowd.
    stalled_ms: u64,
    key: Option<usize>,
}

impl Deadline {
    /// Whether the time has come. Does not register for a wake-up.
    pub(crate) fn has_passed(&self) -> bool {
        self.sweep.has_passed(self.at_ms, self.stalled_ms)
    }

    /// Part of the upload has arrived.
    pub(crate) fn sees_progress(&mut self) {
        if self.stalled_ms != u64::MAX {
            self.stalled_ms = self.sweep.in_ms(BODY_STALL_MS);
        }
    }

    /// Runs `future` until it or this deadline ends; `None` when the deadline came first.
    pub(crate) async fn limit<F: Future + Unpin>(&mut self, mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match Pin::new(&mut future).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => Pin::new(&mut *self).poll(cx).map(|()| None),
        })
        .await
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_passed() {
            return Poll::Ready(());
        }
        let sweep = Rc::clone(&self.sweep);
        let mut slab = sweep.waiting.borrow_mut();
        match self.key.and_then(|key| slab.get_mut(key)) {
            Some(waiting) => {
                waiting.stalled_ms = self.stalled_ms;
                waiting.waker.clone_from(cx.waker());
            }
            None => {
                let (at_ms, stalled_ms) = (self.at_ms, self.stalled_ms);
                let waiting = Waiting { at_ms, stalled_ms, waker: cx.waker().clone() };
                self.key = Some(slab.insert(waiting));
            }
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.sweep.waiting.borrow_mut().try_remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(deadline: &mut Deadline) -> Poll<()> {
        Pin::new(deadline).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn never_ends_early_even_if_the_last_sweep_is_old() {
        let sweep = Rc::new(Sweep::default());
        let mut deadline = sweep.deadline(1_000);
        sweep.advance_to(1_000);
        assert!(poll(&mut deadline).is_pending());
        sweep.advance_to(1_000 + SWEEP_MS);
        assert!(poll(&mut deadline).is_ready());
    }

    #[test]
    fn in_a_crowd_an_upload_that_stands_still_is_given_up() {
        let sweep = Rc::new(Sweep::default());
        let mut deadlines = [sweep.deadline_of_upload(60_000), sweep.deadline(60_000)];
        let mut poll_at = |now_ms, is_crowded| {
            sweep.crowd(is_crowded);
            sweep.advance_to(now_ms);
            deadlines.each_mut().map(|deadline| poll(deadline).is_ready())
        };
        let late_ms = BODY_STALL_MS + SWEEP_MS;
        assert_eq!(poll_at(late_ms - 1, true), [false, false]);
        assert_eq!(poll_at(late_ms, false), [false, false], "there is room for all");
        assert_eq!(poll_at(late_ms, true), [true, false], "only uploads");
        deadlines.iter_mut().for_each(Deadline::sees_progress);
        assert_eq!(deadlines.each_mut().map(|one| poll(one).is_ready()), [false, false]);
        sweep.advance_to(2 * late_ms);
        assert_eq!(deadlines.each_mut().map(|one| poll(one).is_ready()), [true, false]);
    }

    #[test]
    fn a_dropped_deadline_is_forgotten() {
        let sweep = Rc::new(Sweep::default());
        let mut deadline = sweep.deadline(10);
        assert!(poll(&mut deadline).is_pending());
        assert_eq!(sweep.waiting.borrow().len(), 1);
        drop(deadline);
        assert!(sweep.waiting.borrow().is_empty());
    }
}
