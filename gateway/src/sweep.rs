//! Time limits without timers: one sweep per worker, [`limits::SWEEP_MS`] apart.
//!
//! A runtime timer costs two list operations a request; a limit of seconds does not need its
//! precision. A limit that is waited for here never ends early, and at most two sweeps late.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use slab::Slab;

use crate::limits::SWEEP_MS;

/// The coarse clock of one worker, and who waits on it. Milliseconds since the worker started.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    now_ms: Cell<u64>,
    waiting: RefCell<Slab<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    at_ms: u64,
    waker: Waker,
}

impl Sweep {
    /// The time of the last sweep.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Moves time on and wakes whoever's limit has passed.
    pub(crate) fn advance_to(&self, now_ms: u64) {
        self.now_ms.set(now_ms);
        for (_, waiting) in self.waiting.borrow().iter() {
            if waiting.at_ms <= now_ms {
                waiting.waker.wake_by_ref();
            }
        }
    }

    /// A future that ends `after_ms` from now. It costs nothing until it is polled.
    pub(crate) fn deadline(self: &Rc<Self>, after_ms: u64) -> Deadline {
        // The last sweep may be a whole period ago: without the margin a limit could end early.
        let at_ms = self.now_ms().saturating_add(after_ms).saturating_add(SWEEP_MS);
        Deadline { sweep: Rc::clone(self), at_ms, key: None }
    }
}

/// Ends when its time has come. Cancel safe; dropping it forgets it.
#[derive(Debug)]
pub(crate) struct Deadline {
    sweep: Rc<Sweep>,
    at_ms: u64,
    key: Option<usize>,
}

impl Deadline {
    /// Has the time come? Does not register for a wake-up.
    pub(crate) fn has_passed(&self) -> bool {
        self.at_ms <= self.sweep.now_ms()
    }

    /// Runs `future` until it ends or this deadline does; `None` when time ran out.
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
            Some(waiting) => waiting.waker.clone_from(cx.waker()),
            None => {
                let waiting = Waiting { at_ms: self.at_ms, waker: cx.waker().clone() };
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
    fn a_dropped_deadline_is_forgotten() {
        let sweep = Rc::new(Sweep::default());
        let mut deadline = sweep.deadline(10);
        assert!(poll(&mut deadline).is_pending());
        assert_eq!(sweep.waiting.borrow().len(), 1);
        drop(deadline);
        assert!(sweep.waiting.borrow().is_empty());
    }
}
