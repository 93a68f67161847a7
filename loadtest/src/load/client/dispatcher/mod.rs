//! The dispatcher of one load thread: which connections are free, what waits, what is under way,
//! and what came back.
//!
//! Everything here runs on one thread. Sending and reading are different tasks, so no borrow lasts
//! over an await.

mod account;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::job::{Job, Twins};
use super::named::Named;
use super::slot::Slot;
use crate::clock;
use crate::judge::call::Call;
use crate::judge::class::Class;
use crate::judge::counters::{Counters, SecondCount, Timed};
use crate::judge::law::terms::{First, Terms};
use crate::judge::law::{Fit, fit};
use crate::judge::ledger::Ledger;
use crate::judge::outage::{Outages, Trouble, Votes};
use crate::judge::outcome::{Answer, Outcome};
use crate::load::codes::Mill;
use crate::load::codes::code::Code;
use crate::load::codes::visit::Visit;

/// Most starts that wait for a free connection. Further ones are never made.
const WAITING_MAX: usize = 1 << 20;

/// A start that waits for a free connection.
enum Waiting {
    /// A start that was due at this moment. Its code is made when it is sent.
    Start(u64),
    /// The second of twins, or a request that a gateway has not processed.
    Job(Box<Job>),
    /// The next call of a visit.
    Call(Box<Job>),
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
    /// Calls of visits and codes that are tried again, by the moment at which they are due, and by a number.
    calls: RefCell<BTreeMap<(u64, u64), Job>>,
    calls_made: Cell<u64>,
    called: Notify,
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
            calls: RefCell::default(),
            calls_made: Cell::new(0),
            called: Notify::new(),
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
            (Some(Waiting::Call(job)), _) => {
                self.counters.borrow_mut().count_start_after_waiting();
                self.send(&slot, *job);
            }
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

    /// Notes an answer, and what it names.
    pub fn note_answer(&self, mut job: Job, answer: Answer, named: impl Into<Named>) {
        let named = named.into();
        let now_ns = clock::now_ns();
        let (class, first) = (job.made.class, job.first());
        job.standing = self.standing(&job, now_ns);
        let (fit, trouble) = self.judge(&job, answer, now_ns);
        self.note(&job, answer, &trouble);
        self.note_account(&job, answer, now_ns);
        if let Some(code) = &job.made.code {
            code.shown.note_answered();
        }
        let is_misdirected = !job.is_named_by(&named, answer.outcome);
        let is_unknown = answer.outcome == Outcome::OutcomeUnknown && !answer.is_replayed;
        let is_excused = is_unknown && self.is_excused(&job, &trouble);
        let (due_ns, sent_ns, visit) = (job.due_ns, job.sent_ns, job.visit.take());
        let event = self.outages.events();
        let timed = Timed { class, first, answer, fit, due_ns, sent_ns, now_ns, event };
        let mut counters = self.counters.borrow_mut();
        counters.seen.misdirected += u64::from(is_misdirected);
        counters.seen.unknown_excused += u64::from(is_excused);
        counters.count_answer(&timed);
        drop(counters);
        self.settle_twin(job.twin.as_deref(), Some(answer), &trouble);
        if let Some(mut visit) = visit {
            if let (Outcome::Approved, Some((pass, id))) = (answer.outcome, named.handed_out()) {
                visit.take_pass(pass, id, &self.ledger);
            }
            visit.learn(class, first_of(answer, &trouble));
            self.go_on(visit, job.node);
        }
        self.end_request();
    }

    /// Notes that no answer will come.
    pub fn note_lost(&self, mut job: Job) {
        let visit = job.visit.take();
        job.standing = self.standing(&job, clock::now_ns());
        self.doubt_account(&job);
        if let (Some(code), true) = (&job.made.code, job.call().spends()) {
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
        if let Some(mut visit) = visit {
            visit.learn(class, Some(First::Lost));
            self.go_on(visit, job.node);
        }
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
        job.visit = self.mill.borrow_mut().visit(&job.made).map(Box::new);
        if job.made.class == Class::ReplayAtOnce {
            self.launch_twin(job.twin(), &slot);
        }
        self.send(&slot, job);
    }

    /// Sends the second of twins on another connection, to another node if there is one.
    fn launch_twin(&self, job: Job, first: &Slot) {
        match self.take_free_elsewhere(first.node()) {
            Some(slot) => self.send(&slot, job),
            None => self.waiting.borrow_mut().push_front(Waiting::Job(Box::new(job))),
        }
    }

    /// A free place that leads to another node than this one, if there is any.
    fn take_free_elsewhere(&self, node: usize) -> Option<Slot> {
        let mut free = self.free.borrow_mut();
        let other = free.iter().rposition(|slot| slot.node() != node);
        let other = other.map(|place| free.remove(place)).filter(|slot| !self.has_left(slot));
        drop(free);
        other.or_else(|| self.take_free())
    }

    /// Lets the next call of a visit be due after a pause. `node` got the last one.
    fn go_on(&self, mut visit: Box<Visit>, node: usize) {
        let Some(made) = visit.next_call() else { return };
        let due_ns = clock::now_ns() + self.mill.borrow_mut().pause_ns();
        self.call_at(due_ns, Job { visit: Some(visit), node, ..Job::new(made, due_ns) });
    }

    /// Lets a call be due then.
    fn call_at(&self, due_ns: u64, job: Job) {
        let job = Job { due_ns, ..job };
        let number = self.calls_made.get() + 1;
        self.calls_made.set(number);
        self.calls.borrow_mut().insert((due_ns, number), job);
        self.called.notify_one();
    }

    /// When the next such call is due.
    pub fn next_call_ns(&self) -> Option<u64> {
        self.calls.borrow().first_key_value().map(|((due_ns, _), _)| *due_ns)
    }

    /// Waits until there is one more. It may be due before the others.
    pub async fn wait_for_call(&self) {
        self.called.notified().await;
    }

    /// Makes the call that is due first. A copy goes to another node than the call before it.
    pub fn start_call(&self) {
        let Some((_, job)) = self.calls.borrow_mut().pop_first() else { return };
        if self.stage.get() != Stage::Running {
            return;
        }
        let Some(job) = self.unless_frozen(job) else { return };
        self.counters.borrow_mut().starts.planned += 1;
        let free = match job.made.class.is_replay() {
            true => self.take_free_elsewhere(job.node),
            false => self.take_free(),
        };
        match free {
            Some(slot) => {
                let late_ns = clock::now_ns().saturating_sub(job.due_ns);
                self.counters.borrow_mut().count_start(late_ns);
                self.send(&slot, job);
            }
            None => self.waiting.borrow_mut().push_back(Waiting::Call(Box::new(job))),
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
        if let (Some(pass), Call::PassCheck) = (job.redemption(), job.call()) {
            self.ledger.passes().send_check(&pass);
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
        if !job.call().spends() {
            if let (Some(pass), true) = (job.redemption(), answer.is_approval()) {
                self.ledger.passes().approve_check(&pass);
            }
            return;
        }
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
        if let Some(first) = first_of(answer, trouble) {
            self.remember(job, first);
        }
    }

    /// A visit remembers its own. A code of a changed account is not replayed: what is said of the
    /// account comes before what is said of the code.
    fn remember(&self, job: &Job, first: First) {
        if job.made.class.is_of_visit() {
            return;
        }
        let Some(code) = job.made.code.clone().filter(|code| code.voucher.is_none()) else {
            return;
        };
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

/// What a copy must know of a request that got this answer; `None` if it was refused for sure.
fn first_of(answer: Answer, trouble: &Trouble) -> Option<First> {
    match answer.outcome {
        Outcome::Approved | Outcome::OutcomeUnknown => Some(First::Answered(answer)),
        // Some registers may hold it, so it is sent again. That must not let it pass twice.
        Outcome::ReplayStoreUnavailable if trouble.votes < Votes::All => Some(First::InDoubt),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
