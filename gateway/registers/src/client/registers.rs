//! The requests of one worker, and the timer of its machine.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use clock::{Clock, Instant};
use keyring::time::UnixMillis;
use sys::threads::Threads;

use super::notices::Notices;
use crate::{
    counts::Counts,
    machine::{Claimed, Effects, Machine, Moment, Ticket},
    protocol::{
        claim::{ClaimNote, ClaimVerdict},
        claim_id::ClaimId,
    },
    settings::Settings,
};

/// What one worker has of the registers: its claims, and its connections to all of them.
pub struct Registers {
    pub(super) clock: Clock,
    began: Instant,
    pub(super) reports: Reports,
    pub(super) notices: Notices,
    pub(super) machine: RefCell<Machine>,
    /// Empty, with room: swapped for those of the machine after each input.
    effects: Cell<Effects>,
    /// The tasks of connections, by the machine's index.
    sockets: Vec<RefCell<Option<Waker>>>,
    /// Who waits for an operation, by the key of its ticket.
    callers: RefCell<Vec<Option<Waker>>>,
    /// The task of the deadlines, while there is none.
    keeper: RefCell<Option<Waker>>,
}

/// What registers tell the node that they serve.
pub struct Reports {
    /// Where a panic of a connection's task is counted.
    pub threads: Arc<Threads>,
    /// Called at each tick: is this node's clock within a second of a majority of each group?
    pub clocks_agree: Box<dyn Fn(bool)>,
}

impl Registers {
    /// Nothing is connected before [`Registers::start`]. `worker` is this worker's number in
    /// `counts`.
    ///
    /// # Errors
    /// The system gave no random number.
    pub fn new(
        worker: usize,
        settings: &Settings,
        clock: Clock,
        counts: Arc<Counts>,
        reports: Reports,
    ) -> Result<Rc<Self>, getrandom::Error> {
        let mut first_attempt = [0; 16];
        getrandom::fill(&mut first_attempt)?;
        let machine = Machine::new(settings, u128::from_ne_bytes(first_attempt));
        let sockets = machine.addresses().map(|_| RefCell::default()).collect();
        let notices = Notices::new(worker, counts, machine.addresses());
        Ok(Rc::new(Self {
            began: clock.instant(),
            clock,
            reports,
            notices,
            machine: RefCell::new(machine),
            effects: Cell::default(),
            sockets,
            callers: RefCell::default(),
            keeper: RefCell::default(),
        }))
    }

    /// Claims a code or a pass for all nodes. `now` is the time by which it was found fresh: the
    /// claim's time is counted from there. `note` is for those who find the code claimed.
    ///
    /// Cancel safe in the sense that matters: a caller that drops the future forwards nothing.
    /// Whether the code is spent is then open.
    pub fn claim(
        self: &Rc<Self>,
        id: impl Into<ClaimId>,
        end_of_life: UnixMillis,
        now: UnixMillis,
        note: ClaimNote,
    ) -> Claiming {
        let id = id.into();
        let ticket = self.input(None, |machine| machine.claim(id, end_of_life, now, note));
        Claiming { under_way: UnderWay { registers: Rc::clone(self), ticket } }
    }

    /// Releases a code on all nodes. Waits until a majority has done so or there is no time left;
    /// then some nodes may go on refusing the code, which spends nothing.
    ///
    /// Cancel safe: what was asked is asked.
    pub async fn release(self: &Rc<Self>, claimed: Claimed) {
        let now = self.clock.now();
        let ticket = self.input(None, |machine| machine.release(claimed, now));
        UnderWay { registers: Rc::clone(self), ticket }.over().await;
    }

    /// Takes the note off a claim whose request has come to an end that no node may read there.
    /// Does not wait.
    pub fn strip(&self, id: impl Into<ClaimId>, note: &ClaimNote) {
        let id = id.into();
        self.input(None, |machine| machine.strip(id, note));
    }

    /// The group whose servers hold what belongs to a code.
    #[must_use]
    pub fn group_of(&self, id: impl Into<ClaimId>) -> usize {
        self.machine.borrow().layout.group_of(id.into())
    }

    /// To be called with the worker's coarse time, a few times a second: asks registers how they
    /// are, gives silent connections up, and compares the clocks.
    pub fn tick(&self, now_ms: u64) {
        let now = self.clock.now();
        (self.reports.clocks_agree)(self.input(None, |machine| machine.tick(now_ms, now)));
        self.notices.take_clocks(&self.machine.borrow());
    }

    /// Gives the machine an input, and carries out what follows from it. `own` is the connection
    /// whose task does this, and need not be woken.
    pub(super) fn input<T>(&self, own: Option<usize>, input: impl FnOnce(&mut Machine) -> T) -> T {
        let mut effects = self.effects.take();
        let output = {
            let mut machine = self.machine.borrow_mut();
            let output = input(&mut machine);
            machine.swap_effects(&mut effects);
            output
        };
        for ticket in effects.ended.drain(..) {
            let caller = self.callers.borrow_mut().get_mut(ticket.key()).and_then(Option::take);
            if let Some(caller) = caller {
                caller.wake();
            }
        }
        for index in effects.stirred.drain(..) {
            if own != Some(index) {
                self.wake_socket(index);
            }
        }
        if effects.has_timer
            && let Some(keeper) = &*self.keeper.borrow()
        {
            keeper.wake_by_ref();
        }
        for notice in effects.notices.drain(..) {
            self.notices.take(notice);
        }
        self.effects.set(effects);
        output
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { at: self.clock.now(), ns: self.began.elapsed_ns(&self.clock) }
    }

    /// The task of a connection is to be woken when there is something to do.
    pub(super) fn set_socket(&self, index: usize, waker: &Waker) {
        let mut task = self.socket(index).borrow_mut();
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    fn wake_socket(&self, index: usize) {
        if let Some(task) = &*self.socket(index).borrow() {
            task.wake_by_ref();
        }
    }

    fn socket(&self, index: usize) -> &RefCell<Option<Waker>> {
        self.sockets.get(index).expect("a task for each connection")
    }

    /// Ends operations whose time is over; never returns.
    pub(super) async fn keep_deadlines(&self) -> Infallible {
        loop {
            let next = poll_fn(|cx| match self.machine.borrow().next_deadline() {
                Some(deadline) => Poll::Ready(deadline),
                None => {
                    *self.keeper.borrow_mut() = Some(cx.waker().clone());
                    Poll::Pending
                }
            })
            .await;
            let left_ms = next.ms_since(self.clock.now());
            if left_ms > 0 {
                tokio::time::sleep(Duration::from_millis(left_ms.unsigned_abs())).await;
            }
            let now = self.clock.now();
            self.input(None, |machine| machine.end_overdue(now));
        }
    }

    /// Waits for the end of an operation.
    fn poll_over(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<()> {
        if self.machine.borrow().is_over(ticket) {
            return Poll::Ready(());
        }
        let mut callers = self.callers.borrow_mut();
        if callers.len() <= ticket.key() {
            callers.resize(ticket.key() + 1, None);
        }
        if let Some(caller) = callers.get_mut(ticket.key()) {
            *caller = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl std::fmt::Debug for Registers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registers").field("notices", &self.notices).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports").finish_non_exhaustive()
    }
}

/// A claim under way.
#[must_use = "a claim says nothing before it is awaited"]
#[derive(Debug)]
pub struct Claiming {
    under_way: UnderWay,
}

impl Future for Claiming {
    type Output = Result<Claimed, ClaimVerdict>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let UnderWay { registers, ticket } = &self.under_way;
        std::task::ready!(registers.poll_over(*ticket, cx));
        // Condition 6: the time is read again at the moment before forwarding.
        let now = registers.clock.now();
        Poll::Ready(registers.input(None, |machine| machine.conclude(*ticket, now)))
    }
}

/// An operation that ends with its caller.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) registers: Rc<Registers>,
    pub(super) ticket: Ticket,
}

impl UnderWay {
    pub(super) async fn over(&self) {
        poll_fn(|cx| self.registers.poll_over(self.ticket, cx)).await;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Self { registers, ticket } = self;
        if registers.machine.borrow_mut().forget(*ticket) {
            let caller =
                registers.callers.borrow_mut().get_mut(ticket.key()).and_then(Option::take);
            drop(caller);
        }
    }
}
