//! Codes that are verified together: those of all requests that became ready in one turn of the
//! worker's event loop. Nobody waits for a timer, another thread or a code that may come.
//!
//! The first code of a turn wakes the flusher, a task of the worker. The run queue is first in,
//! first out, so the flusher runs when every task that was made ready by the same look at the
//! sockets has had its turn. Eight codes are verified on the spot, and so is a code whose request
//! is the worker's only one.

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
    metrics::{Metrics, WorkerId},
    snapshot::Held,
};
use clock::Clock;
use replay::Replay;

/// What judging takes beside the codes: a worker's own and what it shares.
#[derive(Copy, Clone)]
pub(crate) struct VerifyContext<'a> {
    pub(crate) clock: &'a Clock,
    pub(crate) replay: &'a Replay,
    pub(crate) metrics: &'a Metrics,
    pub(crate) worker: WorkerId,
}

/// What became of a code, and the time by which it was judged.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Result<VerifiedCode, Rejected>,
    pub(crate) at: UnixMillis,
    /// A keyed hash of the code's identity, where the code is genuine.
    pub(crate) hash: u64,
}

/// A genuine code.
#[derive(Debug)]
pub(crate) enum Proof {
    InTime(VerifiedCode),
    /// Past its time, where the route redeems codes: it may have been used in time.
    Late(LateCode),
}

impl Proof {
    /// # Errors
    /// Why the code is not genuine, or not of a kind or time that serves here.
    pub(crate) fn of(outcome: Result<VerifiedCode, Rejected>) -> Result<Self, Rejected> {
        match outcome {
            Ok(code) => Ok(Self::InTime(code)),
            Err(Rejected { late: Some(late), .. }) => Ok(Self::Late(late)),
            Err(rejected) => Err(rejected),
        }
    }

    /// The code, to look at.
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
    /// Keys of the slots that are not judged yet, in the order in which they came.
    waiting: Vec<usize>,
    /// Room for the answers of a group.
    outcomes: Vec<Result<VerifiedCode, Rejected>>,
}

/// A request's place. It outlives the request, if need be: a group is not disturbed by a client
/// that leaves.
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
    /// Not judged; whom to wake then.
    Waiting(Option<Waker>),
    Judged(Verdict),
    /// Nobody asks any more.
    Abandoned,
    /// Judging its group panicked: a bug of ours, of which no verdict comes.
    Lost,
}

impl Batch {
    /// Verifies a code with those of the other requests of this turn, or at once if its request
    /// `is_alone`.
    ///
    /// Cancel safe: dropping the future gives up the answer and nothing else.
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

    /// Verifies what waits, each time it is woken; never ends. The flusher of the worker.
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

    /// Once a turn is enough: whoever comes later finds the flusher woken.
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
    /// Judges the codes of one snapshot: that of the longest waiting, and up to seven more.
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
            let hash = means.fetch_ahead(&outcome);
            let verdict = Verdict { outcome, at, hash };
            match std::mem::replace(&mut slot.state, State::Judged(verdict)) {
                State::Waiting(waker) => waker.iter().for_each(Waker::wake_by_ref),
                _ => drop(all.try_remove(*key)),
            }
        }
    }
}

/// The slots of a group that is being judged. Whoever has no verdict when this is dropped will
/// get none, and is told so instead of waiting for ever.
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
    /// The hash of a genuine code. Most of those in time will be spent next, and the table is too
    /// large for any cache.
    fn fetch_ahead(&self, outcome: &Result<VerifiedCode, Rejected>) -> u64 {
        match outcome {
            Ok(code) if code.kind() == Kind::Payment => self.replay.prefetch(&code.identity()),
            Ok(code) => self.replay.hash(&code.identity()),
            Err(Rejected { late: Some(late), .. }) => self.replay.hash(&late.identity()),
            Err(_) => 0,
        }
    }

    /// Each code of a group counts with its share of the time.
    fn observe(&self, codes: usize, ns: u64) {
        let count = u64::try_from(codes).unwrap_or(u64::MAX);
        self.metrics.batch(self.worker, count);
        for _ in 0..codes {
            self.metrics.verify_duration.observe_ns(self.worker, ns / count.max(1));
        }
    }
}

/// A request's hold on its slot.
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
            // As if the panic had come in this request: its connection ends, and no other.
            State::Lost => panic!("verifying a group of codes panicked"),
            State::Waiting(_) | State::Abandoned => unreachable!("a verdict is taken once"),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut slots = self.batch.slots.borrow_mut();
        match slots.all.get_mut(self.key) {
            // The group still needs the code; whoever judges it removes the slot.
            Some(slot) if matches!(slot.state, State::Waiting(_)) => {
                slot.state = State::Abandoned;
            }
            _ => drop(slots.all.try_remove(self.key)),
        }
    }
}

#[cfg(test)]
mod tests;
