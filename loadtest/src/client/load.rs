//! One load thread's state: what is free, what waits, what is under way, and what came back.
//!
//! Everything here runs on one thread. Whoever sends and whoever reads are different tasks, so no
//! borrow lasts over an await.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::Slot;
use crate::class::{Asked, Class, Terms, fit, twins_fit};
use crate::clock;
use crate::codes::{Code, Made, Mill};
use crate::ledger::{Ledger, Redemption};
use crate::outage::Outages;
use crate::outcome::{Answer, Outcome};
use crate::tally::{Second, Tally, Timed};

/// Starts that wait for a free connection; more are never made.
const WAITING_MAX: usize = 1 << 20;

/// A request from its start to its answer.
pub struct Job {
    /// What it carries.
    pub made: Made,
    due_ns: u64,
    sent_ns: u64,
    sent_ms: i64,
    twin: Option<Rc<Twins>>,
}

/// The answers to one code that was sent twice at once.
#[derive(Default)]
struct Twins {
    answers: Cell<[Option<Answer>; 2]>,
    came: Cell<usize>,
}

/// A start that waits for a free connection.
enum Waiting {
    /// Due at this moment; its code is made when it is sent.
    Start(u64),
    /// The second of twins.
    Twin(Box<Job>),
}

/// One load thread.
pub struct Load {
    mill: RefCell<Mill>,
    tally: RefCell<Tally>,
    ledger: Arc<Ledger>,
    outages: Arc<Outages>,
    terms: Terms,
    is_closed_loop: bool,
    /// Last in, first out: few connections are hot, and the rest stay ready.
    free: RefCell<Vec<Slot>>,
    waiting: RefCell<VecDeque<Waiting>>,
    in_flight: Cell<usize>,
    stage: Cell<Stage>,
    changed: Notify,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Stage {
    /// Connections are made, nothing is sent.
    Connecting,
    Running,
    /// Nothing new starts; what is under way is waited for.
    Ending,
}

impl Load {
    /// A thread that sends nothing yet.
    pub fn new(
        mill: Mill,
        ledger: Arc<Ledger>,
        outages: Arc<Outages>,
        terms: Terms,
        is_closed_loop: bool,
    ) -> Self {
        Self {
            mill: RefCell::new(mill),
            tally: RefCell::new(Tally::new(0)),
            ledger,
            outages,
            terms,
            is_closed_loop,
            free: RefCell::default(),
            waiting: RefCell::default(),
            in_flight: Cell::new(0),
            stage: Cell::new(Stage::Connecting),
            changed: Notify::new(),
        }
    }

    /// Waits until so many requests could be under way at once.
    pub async fn connected(&self, slots: usize) {
        while self.free.borrow().len() < slots {
            self.changed.notified().await;
        }
    }

    /// From now on requests are sent; latencies count from `measured_from_ns` on.
    pub fn begin(self: &Rc<Self>, measured_from_ns: u64) {
        *self.tally.borrow_mut() = Tally::new(measured_from_ns);
        self.stage.set(Stage::Running);
        if self.is_closed_loop {
            let slots = self.free.take();
            slots.into_iter().for_each(|slot| self.free(slot));
        }
    }

    /// A start is due: it is made on a free connection, or waits for one.
    pub fn start(self: &Rc<Self>, due_ns: u64) {
        self.tally.borrow_mut().starts.planned += 1;
        let slot = self.free.borrow_mut().pop();
        match slot {
            Some(slot) => {
                let late_ns = clock::now_ns().saturating_sub(due_ns);
                self.tally.borrow_mut().started(late_ns);
                self.launch(slot, due_ns);
            }
            None if self.waiting.borrow().len() < WAITING_MAX => {
                self.waiting.borrow_mut().push_back(Waiting::Start(due_ns));
            }
            // Never made, as the difference between planned and started tells.
            None => {}
        }
    }

    /// Takes a measured second that is over, and tells how many requests are under way.
    pub fn take_second(&self, number: u64) -> (Second, usize) {
        let second = self.tally.borrow_mut().seconds.remove(&number).unwrap_or_default();
        (second, self.in_flight.get())
    }

    /// No more starts come. What still waits for a connection is given up after `patience`;
    /// returns what was counted when nothing is under way any more.
    pub async fn end(&self, patience: Duration, answers: Duration) -> Tally {
        self.stage.set(Stage::Ending);
        let _ = tokio::time::timeout(patience, self.none_waits()).await;
        self.give_up();
        let _ = tokio::time::timeout(answers, self.none_in_flight()).await;
        let mut tally = self.tally.replace(Tally::new(0));
        // Nobody waits for these any more, so their answers are as good as lost.
        tally.left_open(u64::try_from(self.in_flight.get()).unwrap_or(u64::MAX));
        tally
    }

    /// A connection can take a request.
    pub fn free(self: &Rc<Self>, slot: Slot) {
        let next = self.waiting.borrow_mut().pop_front();
        match (next, self.stage.get()) {
            (Some(Waiting::Start(due_ns)), _) => {
                self.tally.borrow_mut().started_after_waiting();
                self.launch(slot, due_ns);
            }
            (Some(Waiting::Twin(job)), _) => self.send(&slot, *job),
            (None, Stage::Running) if self.is_closed_loop => self.launch(slot, clock::now_ns()),
            (None, _) => self.free.borrow_mut().push(slot),
        }
        self.changed.notify_one();
    }

    /// A connection is gone that may have been free.
    pub fn withdraw(&self, gone: &Slot) {
        self.free.borrow_mut().retain(|slot| !slot.is(gone));
    }

    /// An answer came, and named this code.
    pub fn answered(&self, job: Job, answer: Answer, redemption: Option<Redemption>) {
        let now_ns = clock::now_ns();
        let class = job.made.class;
        let fit = fit(&job.asked(&self.outages), answer, &self.terms);
        self.note(&job, answer.outcome);
        let is_misdirected = !job.is_named_by(redemption, answer.outcome);
        self.tally.borrow_mut().seen.misdirected += u64::from(is_misdirected);
        let Job { due_ns, sent_ns, .. } = job;
        let timed = Timed { class, answer, fit, due_ns, sent_ns, now_ns };
        self.tally.borrow_mut().answered(&timed);
        self.settle_twin(job.twin.as_deref(), Some(answer));
        self.landed();
    }

    /// No answer will come.
    pub fn lost(&self, job: Job) {
        if let Some(code) = &job.made.code {
            self.ledger.lose(code.sequence);
            // A cashier without an answer shows the code again.
            if job.made.class.may_arrive() {
                self.mill.borrow_mut().remember(Code { was_lost: true, ..code.clone() });
            }
        }
        let is_excused = self.outages.excuse_loss(job.sent_ns);
        self.tally.borrow_mut().lost(job.made.class, is_excused);
        self.settle_twin(job.twin.as_deref(), None);
        self.landed();
    }

    fn launch(self: &Rc<Self>, slot: Slot, due_ns: u64) {
        let made = self.mill.borrow_mut().next_of_mix();
        let mut job = Job { made, due_ns, sent_ns: 0, sent_ms: 0, twin: None };
        if job.made.class == Class::ReplayAtOnce {
            let twins = Rc::new(Twins::default());
            job.twin = Some(Rc::clone(&twins));
            let made =
                Made { text: job.made.text.clone(), code: job.made.code.clone(), ..job.made };
            self.launch_twin(
                Job { made, due_ns, sent_ns: 0, sent_ms: 0, twin: Some(twins) },
                &slot,
            );
        }
        self.send(&slot, job);
    }

    /// The second of twins goes to another node if there is one, in any case on another connection.
    fn launch_twin(&self, job: Job, first: &Slot) {
        let mut free = self.free.borrow_mut();
        let other = free.iter().rposition(|slot| slot.node() != first.node());
        let other = other.map(|place| free.remove(place)).or_else(|| free.pop());
        drop(free);
        match other {
            Some(slot) => self.send(&slot, job),
            None => self.waiting.borrow_mut().push_front(Waiting::Twin(Box::new(job))),
        }
    }

    fn send(&self, slot: &Slot, mut job: Job) {
        job.sent_ns = clock::now_ns();
        job.sent_ms = clock::unix_ms();
        self.tally.borrow_mut().sent(job.made.class, job.sent_ns);
        self.in_flight.set(self.in_flight.get() + 1);
        slot.send(job);
    }

    /// Writes into the ledger what a sender now knows.
    fn note(&self, job: &Job, outcome: Outcome) {
        let Some(code) = &job.made.code else { return };
        match outcome {
            Outcome::Approved => self.ledger.approve(code.sequence),
            Outcome::OutcomeUnknown | Outcome::Nameless => self.ledger.lose(code.sequence),
            _ => self.ledger.refuse(code.sequence),
        }
        let is_spent = matches!(outcome, Outcome::Approved | Outcome::OutcomeUnknown);
        if is_spent && job.made.class.may_arrive() {
            self.mill.borrow_mut().remember(code.clone());
        }
    }

    fn settle_twin(&self, twins: Option<&Twins>, answer: Option<Answer>) {
        if twins.is_some_and(|twins| twins.add(answer) == Some(false)) {
            self.tally.borrow_mut().seen.unfit_twins += 1;
        }
    }

    fn landed(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        self.changed.notify_one();
    }

    async fn none_waits(&self) {
        while !self.waiting.borrow().is_empty() {
            self.changed.notified().await;
        }
    }

    async fn none_in_flight(&self) {
        while self.in_flight.get() > 0 {
            self.changed.notified().await;
        }
    }

    /// Starts that never found a connection were never made; a twin that did not leaves its
    /// brother alone.
    fn give_up(&self) {
        self.waiting.borrow_mut().clear();
    }
}

impl Job {
    fn asked(&self, outages: &Outages) -> Asked {
        let code = self.made.code.as_ref();
        Asked {
            class: self.made.class,
            issued_at_s: self.made.issued_at_s,
            sent_ms: self.sent_ms,
            answered_ms: clock::unix_ms(),
            key_is_leaving: code.is_some_and(|code| code.leaving.is_set()),
            is_fenced_off: outages.fence_off(self.made.issued_at_s),
            was_lost: code.is_some_and(|code| code.was_lost),
        }
    }

    /// Whether an answer says of which code it is, as an approval must, and it is this one.
    fn is_named_by(&self, redemption: Option<Redemption>, outcome: Outcome) -> bool {
        let own = self.made.code.as_ref().and_then(Code::redemption);
        match redemption {
            Some(named) => own == Some(named),
            None => outcome != Outcome::Approved,
        }
    }
}

impl Twins {
    /// Whether they fit, as soon as both have come.
    fn add(&self, answer: Option<Answer>) -> Option<bool> {
        let [first, _] = self.answers.get();
        self.came.set(self.came.get() + 1);
        if self.came.get() == 1 {
            self.answers.set([answer, None]);
            return None;
        }
        Some(twins_fit([first, answer]))
    }
}

#[cfg(test)]
mod tests;
