//! Codes are verified in groups: the codes of all requests that became ready in one turn of the
//! worker's event loop. No code waits for a timer, for another thread, or for a later code.
//!
//! The first code of a turn wakes the flusher, a task of the worker. The run queue is first in,
//! first out. So the flusher runs after every task that became ready in the same poll of the
//! sockets. Two cases do not wait for the flusher: eight waiting codes, and a code whose request is
//! the worker's only one.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use keyring::{
    code::{Kind, UnverifiedCode},
    suite::GROUP_MAX,
    time::UnixMillis,
    verify::{LateCode, Rejected, Rules, VerifiedCode},
};
use slab::Slab;

use crate::{
    code::clear::Inquiry,
    metrics::{Metrics, WorkerId},
    snapshot::Held,
};
use clock::Clock;
use replay::Replay;

/// Clock, table and metrics that verification needs.
#[derive(Copy, Clone)]
pub(crate) struct VerifyContext<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) replay: &'a Replay,
    /// Where account states are kept.
    pub(crate) accounts: Option<&'a Inquiry>,
    pub(crate) metrics: &'a Metrics,
    pub(crate) worker: WorkerId,
}

/// The verdict on a code, and the time that it was verified at.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Result<VerifiedCode, Rejected>,
    pub(crate) at: UnixMillis,
    /// A keyed hash of the code's identity, if the code is genuine.
    pub(crate) hash: u64,
}

/// A genuine code.
#[derive(Debug)]
pub(crate) enum Proof {
    InTime(VerifiedCode),
    /// Expired, on a route that redeems codes: it may have been redeemed in time.
    Late(LateCode),
}

impl Proof {
    /// # Errors
    /// Why the code is not genuine, or why its kind or time is refused here.
    pub(crate) fn of(outcome: Result<VerifiedCode, Rejected>) -> Result<Self, Rejected> {
        match outcome {
            Ok(code) => Ok(Self::InTime(code)),
            Err(Rejected { late: Some(late), .. }) => Ok(Self::Late(late)),
            Err(rejected) => Err(rejected),
        }
    }

    /// The code, for reading.
    pub(crate) fn code(&self) -> &VerifiedCode {
        match self {
            Self::InTime(code) => code,
            Self::Late(late) => late.look(),
        }
    }
}

/// The codes that wait for the end of the turn.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    slots: RefCell<Slots>,
    flusher: RefCell<Option<Waker>>,
}

#[derive(Debug, Default)]
struct Slots {
    all: Slab<Slot>,
    /// Keys of the slots that are not verified yet, in order of arrival.
    waiting: Vec<usize>,
    /// Memory for the results of a group, kept between groups.
    outcomes: Vec<Result<VerifiedCode, Rejected>>,
}

/// The slot of a request. It may outlive the request, so that a client that leaves does not disturb
/// the group.
#[derive(Debug)]
struct Slot {
    code: UnverifiedCode,
    rules: Rules,
    /// The configuration and keyring that the request began with.
    snapshot: Rc<Held>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not verified yet; holds the waker of the request.
    Waiting(Option<Waker>),
    Judged(Verdict),
    /// The request was dropped; its verdict is not read.
    Abandoned,
    /// Verifying the group panicked, which is a bug of ours. No verdict will come.
    Lost,
}

impl Batch {
    /// Verifies a code together with those of the other requests of this turn. If its request
    /// `is_alone`, it is verified at once.
    ///
    /// Cancel safe: dropping the future only gives up the answer.
    pub(crate) async fn verify(
        &self,
        snapshot: &Rc<Held>,
        code: UnverifiedCode,
        rules: Rules,
        is_alone: bool,
        means: VerifyContext<'_>,
    ) -> Verdict {
        let snapshot = Rc::clone(snapshot);
        let key = self.enter(Slot { code, rules, snapshot, state: State::Waiting(None) });
        let place = Place { batch: self, key };
        if is_alone || self.is_full() {
            self.flush(means);
        } else {
            self.wake_flusher();
        }
        place.await
    }

    /// The flusher of the worker: verifies the waiting codes each time it is woken. Never ends.
    pub(crate) async fn flush_each_turn(&self, means: VerifyContext<'_>) {
        poll_fn(|context| {
            *self.flusher.borrow_mut() = Some(context.waker().clone());
            self.flush(means);
            Poll::<()>::Pending
        })
        .await;
    }

    fn enter(&self, slot: Slot) -> usize {
        let mut slots = self.slots.borrow_mut();
        let key = slots.all.insert(slot);
        slots.waiting.push(key);
        key
    }

    fn is_full(&self) -> bool {
        self.slots.borrow().waiting.len() >= GROUP_MAX
    }

    /// One wake-up a turn is enough: later codes of the turn find the flusher woken.
    fn wake_flusher(&self) {
        if self.slots.borrow().waiting.len() == 1
            && let Some(flusher) = &*self.flusher.borrow()
        {
            flusher.wake_by_ref();
        }
    }

    fn flush(&self, means: VerifyContext<'_>) {
        let mut slots = self.slots.borrow_mut();
        while !slots.waiting.is_empty() {
            slots.judge_group(means);
        }
    }
}

impl Slots {
    /// Verifies codes of one snapshot: the code that waited longest, and up to seven more.
    fn judge_group(&mut self, means: VerifyContext<'_>) {
        let snapshot = self.waiting.first().and_then(|key| self.all.get(*key));
        let Some(snapshot) = snapshot.map(|slot| Rc::clone(&slot.snapshot)) else {
            return self.waiting.clear();
        };
        let mut group = [None; GROUP_MAX];
        let mut places = group.iter_mut();
        let all = &self.all;
        self.waiting.retain(|key| {
            let belongs = all.get(*key).is_some_and(|slot| Rc::ptr_eq(&slot.snapshot, &snapshot));
            let place = if belongs { places.next() } else { None };
            place.map(|place| *place = Some(*key)).is_none()
        });
        self.judge(means, &snapshot, &group);
    }

    fn judge(
        &mut self,
        means: VerifyContext<'_>,
        snapshot: &Held,
        group: &[Option<usize>; GROUP_MAX],
    ) {
        let outcomes = &mut self.outcomes;
        let group = Group { all: &mut self.all, keys: group };
        let all = &mut *group.all;
        let at = means.clock.now();
        let begun = means.clock.instant();
        let codes = group.keys.iter().flatten().filter_map(|key| all.get(*key));
        let codes = codes.map(|slot| (&slot.code, &slot.rules));
        snapshot.keys.verify_group(codes, at, outcomes);
        means.observe(outcomes.len(), begun.elapsed_ns(means.clock));
        for (key, outcome) in group.keys.iter().flatten().zip(outcomes.drain(..)) {
            let Some(slot) = all.get_mut(*key) else { continue };
            snapshot.count_verdict(means.worker, &outcome);
            let hash = means.fetch_ahead(&outcome);
            let verdict = Verdict { outcome, at, hash };
            match std::mem::replace(&mut slot.state, State::Judged(verdict)) {
                State::Waiting(waker) => waker.iter().for_each(Waker::wake_by_ref),
                _ => drop(all.try_remove(*key)),
            }
        }
    }
}

/// The slots of a group that is being verified. If this is dropped early, slots without a verdict
/// become `Lost`, so that no request waits for ever.
struct Group<'a> {
    all: &'a mut Slab<Slot>,
    keys: &'a [Option<usize>; GROUP_MAX],
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        for key in self.keys.iter().flatten() {
            let Some(slot) = self.all.get_mut(*key) else { continue };
            if let State::Waiting(waker) = &mut slot.state {
                let waker = waker.take();
                slot.state = State::Lost;
                waker.iter().for_each(Waker::wake_by_ref);
            }
        }
    }
}

impl VerifyContext<'_> {
    /// Returns the hash of a genuine code and prefetches its slot. Most codes in time are redeemed
    /// next, and the table is too large for any cache.
    fn fetch_ahead(&self, outcome: &Result<VerifiedCode, Rejected>) -> u64 {
        if let (Ok(code), Some(accounts)) = (outcome, self.accounts) {
            accounts.prefetch(code.subject());
        }
        match outcome {
            Ok(code) if code.kind() == Kind::Payment => self.replay.prefetch(&code.identity()),
            Ok(code) => self.replay.hash(&code.identity()),
            Err(Rejected { late: Some(late), .. }) => self.replay.hash(&late.identity()),
            Err(_) => 0,
        }
    }

    /// Counts each code of a group with its share of the group's time.
    fn observe(&self, codes: usize, ns: u64) {
        let count = u64::try_from(codes).unwrap_or(u64::MAX);
        self.metrics.batch(self.worker, count);
        for _ in 0..codes {
            self.metrics.verify_duration.observe_ns(self.worker, ns / count.max(1));
        }
    }
}

/// A request's claim on its slot, freed on drop.
struct Place<'a> {
    batch: &'a Batch,
    key: usize,
}

impl Future for Place<'_> {
    type Output = Verdict;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verdict> {
        let mut slots = self.batch.slots.borrow_mut();
        let slot = slots.all.get_mut(self.key).expect("a place keeps its slot until it is dropped");
        if let State::Waiting(waker) = &mut slot.state {
            *waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        match std::mem::replace(&mut slot.state, State::Abandoned) {
            State::Judged(verdict) => Poll::Ready(verdict),
            // Panics as if the bug were in this request: its connection ends, and no other.
            State::Lost => panic!("verifying a group of codes panicked"),
            State::Waiting(_) | State::Abandoned => unreachable!("a verdict is taken once"),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut slots = self.batch.slots.borrow_mut();
        match slots.all.get_mut(self.key) {
            // The group still needs the code. The task that verifies the group removes the slot.
            Some(slot) if matches!(slot.state, State::Waiting(_)) => {
                slot.state = State::Abandoned;
            }
            _ => drop(slots.all.try_remove(self.key)),
        }
    }
}

#[cfg(test)]
mod tests;
