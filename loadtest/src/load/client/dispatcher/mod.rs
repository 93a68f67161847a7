//! The dispatcher of one load thread: which connections are free, what waits, what is under way,
//! and what came back.
//!
//! Everything here runs on one thread. Sending and reading are different tasks, so no borrow lasts
//! over an await.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::job::{Job, Twins};
use super::slot::Slot;
use crate::clock;
use crate::judge::class::Class;
use crate::judge::counters::{Counters, SecondCount, Timed};
use crate::judge::law::terms::{First, Terms};
use crate::judge::law::{Fit, fit};
use crate::judge::ledger::{Ledger, Redemption};
use crate::judge::outage::{Outages, Trouble, Votes};
use crate::judge::outcome::{Answer, Outcome};
use crate::load::codes::Mill;
use crate::load::codes::code::Code;

/// Most starts that wait for a free connection. Further ones are never made.
const WAITING_MAX: usize = 1 << 20;

/// A start that waits for a free connection.
enum Waiting {
    /// A start that was due at this moment. Its code is made when it is sent.
    Start(u64),
    /// The second of twins, or a request that a gateway has not processed.
    Job(Box<Job>),
}

/// Gives the starts of one load thread to its connections, and judges the answers.
pub struct Dispatcher {
    mill: RefCell<Mill>,
    counters: RefCell<Counters>,
    ledger: Arc<Ledger>,
    outages: Arc<Outages>,
    terms: Terms,
    is_closed_loop: bool,
    /// Last in, first out: a few connections carry most requests, and the rest stay ready.
    free: RefCell<Vec<Slot>>,
    waiting: RefCell<VecDeque<Waiting>>,
    in_flight: Cell<usize>,
    stage: Cell<Stage>,
    changed: Notify,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Stage {
    /// Connections are made, and nothing is sent.
    Connecting,
    Running,
    /// Nothing new starts. Requests under way may still be answered.
    Ending,
}

impl Dispatcher {
    /// A dispatcher that sends nothing yet.
    pub fn new(
        mill: Mill,
        ledger: Arc<Ledger>,
        outages: Arc<Outages>,
        terms: Terms,
        is_closed_loop: bool,
    ) -> Self {
        Self {
            mill: RefCell::new(mill),
            counters: RefCell::new(Counters::new(0)),
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
    pub async fn wait_until_connected(&self, slots: usize) {
        while self.free.borrow().len() < slots {
            self.changed.notified().await;
        }
    }

    /// Lets requests be sent from now on. Latencies count from `measured_from_ns` on.
    pub fn begin(self: &Rc<Self>, measured_from_ns: u64) {
        *self.counters.borrow_mut() = Counters::new(measured_from_ns);
        self.stage.set(Stage::Running);
        if self.is_closed_loop {
            let slots = self.free.take();
            slots.into_iter().for_each(|slot| self.add_free(slot));
        }
    }

    /// Makes a start that is due on a free connection, or lets it wait for one.
    pub fn start(self: &Rc<Self>, due_ns: u64) {
        self.counters.borrow_mut().starts.planned += 1;
        match self.take_free() {
            Some(slot) => {
                let late_ns = clock::now_ns().saturating_sub(due_ns);
                self.counters.borrow_mut().count_start(late_ns);
                self.launch(slot, due_ns);
            }
            None if self.waiting.borrow().len() < WAITING_MAX => {
                self.waiting.borrow_mut().push_back(Waiting::Start(due_ns));
            }
            // It is never made. The difference between planned and started shows it.
            None => {}
        }
    }

    /// Takes the counts of a measured second that is over. Returns also how many requests are under
    /// way.
    pub fn take_second(&self, number: u64) -> (SecondCount, usize) {
        let second = self.counters.borrow_mut().seconds.remove(&number).unwrap_or_default();
        (second, self.in_flight.get())
    }

    /// Ends the load. Starts that still wait for a connection are given up after `patience`.
    /// Returns the counts when nothing is under way any more, or after `answers`.
    pub async fn end(&self, patience: Duration, answers: Duration) -> Counters {
        self.stage.set(Stage::Ending);
        let _ = tokio::time::timeout(patience, self.none_waits()).await;
        self.give_up();
        let _ = tokio::time::timeout(answers, self.none_in_flight()).await;
        let mut counters = self.counters.replace(Counters::new(0));
        // The run does not wait for these any more, so they count as lost.
        counters.count_left_open(u64::try_from(self.in_flight.get()).unwrap_or(u64::MAX));
        counters
    }

    /// Adds a place that can take a request.
    pub fn add_free(self: &Rc<Self>, slot: Slot) {
        if self.has_left(&slot) {
            return;
        }
        let next = self.waiting.borrow_mut().pop_front();
        match (next, self.stage.get()) {
            (Some(Waiting::Start(due_ns)), _) => {
                self.counters.borrow_mut().count_start_after_waiting();
                self.launch(slot, due_ns);
            }
            (Some(Waiting::Job(job)), _) => self.send(&slot, *job),
            (None, Stage::Running) if self.is_closed_loop => self.launch(slot, clock::now_ns()),
            (None, _) => self.free.borrow_mut().push(slot),
        }
        self.changed.notify_one();
    }

    fn take_free(&self) -> Option<Slot> {
        loop {
            let slot = self.free.borrow_mut().pop()?;
            if !self.has_left(&slot) {
                return Some(slot);
            }
        }
    }

    /// Whether a gateway that was told to leave has closed this connection. A good client looks
    /// before it sends, and so loses nothing.
    fn has_left(&self, slot: &Slot) -> bool {
        self.outages.events() > 0 && slot.is_over()
    }

    /// Removes the free places of a connection that has ended.
    pub fn withdraw(&self, gone: &Slot) {
        self.free.borrow_mut().retain(|slot| !slot.is_same_connection(gone));
    }

    /// Notes an answer, and the code that it names.
    pub fn note_answer(&self, job: Job, answer: Answer, redemption: Option<Redemption>) {
        let now_ns = clock::now_ns();
        let (class, first) = (job.made.class, job.first());
        let (fit, trouble) = self.judge(&job, answer, now_ns);
        self.note(&job, answer, &trouble);
        if let Some(code) = &job.made.code {
            code.shown.note_answered();
        }
        let is_misdirected = !job.is_named_by(redemption, answer.outcome);
        let is_unknown = answer.outcome == Outcome::OutcomeUnknown && !answer.is_replayed;
        let is_excused = is_unknown && self.is_excused(&job, &trouble);
        let Job { due_ns, sent_ns, .. } = job;
        let event = self.outages.events();
        let timed = Timed { class, first, answer, fit, due_ns, sent_ns, now_ns, event };
        let mut counters = self.counters.borrow_mut();
        counters.seen.misdirected += u64::from(is_misdirected);
        counters.seen.unknown_excused += u64::from(is_excused);
        counters.count_answer(&timed);
        drop(counters);
        self.settle_twin(job.twin.as_deref(), Some(answer), &trouble);
        self.end_request();
    }

    /// Notes that no answer will come.
    pub fn note_lost(&self, job: Job) {
        if let Some(code) = &job.made.code {
            self.ledger.lose(code.sequence);
            // A cashier without an answer shows the code again.
            if job.made.class.may_arrive() {
                self.remember(&job, First::Lost);
            }
        }
        let is_excused = self.outages.excuse_loss(job.node, job.sent_ns);
        let (class, first) = (job.made.class, job.first());
        self.counters.borrow_mut().count_lost(class, first, is_excused, self.outages.events());
        self.settle_twin(job.twin.as_deref(), None, &Trouble::default());
        self.end_request();
    }

    /// Sends a request that a gateway never processed again, on another connection.
    pub fn send_again(&self, job: Job) {
        if let Some(code) = &job.made.code {
            code.shown.note_answered();
        }
        self.in_flight.set(self.in_flight.get() - 1);
        match self.take_free() {
            Some(slot) => self.send(&slot, job),
            None => self.waiting.borrow_mut().push_front(Waiting::Job(Box::new(job))),
        }
    }

    /// Notes that a connection to a node, begun at this moment, failed.
    pub fn note_unconnected(&self, node: usize, begun_ns: u64) {
        let is_used = self.stage.get() != Stage::Connecting;
        if is_used && !self.outages.excuse_loss(node, begun_ns) {
            self.counters.borrow_mut().seen.unconnected += 1;
        }
    }

    /// Judges an answer. Faults are looked up only where they matter, because that takes a lock
    /// that all threads share.
    fn judge(&self, job: &Job, answer: Answer, now_ns: u64) -> (Fit, Trouble) {
        let arrived = self.ledger.arrived();
        let plain = fit(&job.asked(Trouble::default(), arrived), answer, &self.terms);
        if plain == Fit::Expected && !self.terms.has_registers {
            return (plain, Trouble::default());
        }
        let issued_s = job.made.issued_at_s;
        let trouble = self.outages.trouble(job.node, job.sent_ns, now_ns, issued_s);
        if answer.outcome == Outcome::WarmingUp && trouble.is_fenced_off {
            self.outages.note_fenced_off(job.node, issued_s);
        }
        (fit(&job.asked(trouble, arrived), answer, &self.terms), trouble)
    }

    /// Whether an unknown outcome has another cause than the backend.
    fn is_excused(&self, job: &Job, trouble: &Trouble) -> bool {
        let is_orphan = self.terms.has_registers && job.first().is_some_and(First::is_open);
        is_orphan || trouble.paused_ms > 0
    }

    fn launch(self: &Rc<Self>, slot: Slot, due_ns: u64) {
        let mut job = Job::new(self.mill.borrow_mut().next_of_mix(), due_ns);
        if job.made.class == Class::ReplayAtOnce {
            self.launch_twin(job.twin(), &slot);
        }
        self.send(&slot, job);
    }

    /// Sends the second of twins on another connection, to another node if there is one.
    fn launch_twin(&self, job: Job, first: &Slot) {
        let mut free = self.free.borrow_mut();
        let other = free.iter().rposition(|slot| slot.node() != first.node());
        let other = other.map(|place| free.remove(place)).filter(|slot| !self.has_left(slot));
        drop(free);
        match other.or_else(|| self.take_free()) {
            Some(slot) => self.send(&slot, job),
            None => self.waiting.borrow_mut().push_front(Waiting::Job(Box::new(job))),
        }
    }

    fn send(&self, slot: &Slot, mut job: Job) {
        let is_first_try = job.sent_ns == 0;
        job.sent_ns = clock::now_ns();
        job.sent_ms = clock::unix_ms();
        job.node = slot.node();
        if let Some(code) = &job.made.code {
            job.turn = code.shown.note_sent();
        }
        if is_first_try {
            self.counters.borrow_mut().count_sent(job.made.class, job.sent_ns);
        }
        self.in_flight.set(self.in_flight.get() + 1);
        slot.send(job);
    }

    /// Writes into the ledger what a sender now knows.
    fn note(&self, job: &Job, answer: Answer, trouble: &Trouble) {
        let Some(code) = &job.made.code else { return };
        match answer.outcome {
            Outcome::Approved if answer.is_replayed => self.ledger.replay(code.sequence),
            Outcome::Approved => self.ledger.approve(code.sequence),
            // The request that runs gets the outcome.
            Outcome::RequestInFlight => {}
            Outcome::OutcomeUnknown | Outcome::Nameless => self.ledger.lose(code.sequence),
            _ => self.ledger.refuse(code.sequence),
        }
        if !job.made.class.may_arrive() || answer.is_replayed {
            return;
        }
        match answer.outcome {
            Outcome::Approved | Outcome::OutcomeUnknown => {
                self.remember(job, First::Answered(answer));
            }
            // Some registers may hold it, so it is sent again. That must not let it pass twice.
            Outcome::ReplayStoreUnavailable if trouble.votes < Votes::All => {
                self.remember(job, First::InDoubt);
            }
            _ => {}
        }
    }

    fn remember(&self, job: &Job, first: First) {
        let Some(code) = job.made.code.clone() else { return };
        self.mill.borrow_mut().remember(Code { first: Some(first), asked_for: job.wish, ..code });
    }

    fn settle_twin(&self, twins: Option<&Twins>, answer: Option<Answer>, trouble: &Trouble) {
        if let Some(unfit) = twins.and_then(|twins| twins.unfit(answer, trouble)) {
            self.counters.borrow_mut().seen.add_unfit(unfit);
        }
    }

    fn end_request(&self) {
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

    /// Drops what still waits. Such starts were never made, and the twin of such a request stays
    /// alone.
    fn give_up(&self) {
        self.waiting.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests;
