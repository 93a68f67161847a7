//! One worker's own state: everything that its requests need without any other thread.

mod shared;

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use slab::Slab;

use crate::{
    code::clear::{AccountStates, Inquiry},
    code::redeem::Memory,
    code::requests::CodeRequests,
    code::status::Sources,
    code::verify::{Batch, VerifyContext},
    config::Config,
    idempotency::{ExpiryQueue, MessagesUnderWay, ResponseStore},
    limits,
    metrics::{Metrics, WorkerId},
    readiness::Health,
    refusal::Limit,
    request_id::RequestIds,
    snapshot::Held,
    transport::body_memory::BodyMemory,
    transport::connection_state::{Connection, End},
    transport::deadline::Sweep,
    upstream::Pool,
};
use clock::{Clock, Instant};
use record::Record;
use registers::{Registers, Reports};
use replay::Replay;

pub(crate) use self::shared::Phase;
pub use self::shared::Shared;

/// The worker's own state; never leaves its thread.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) sweep: Rc<Sweep>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) request_ids: RequestIds,
    pub(crate) batch: Batch,
    /// The stored answers that this worker removes when they expire.
    pub(crate) expiries: RefCell<ExpiryQueue>,
    /// Where account states are kept.
    inquiry: Option<Inquiry>,
    /// Where nodes share the memory of redeemed codes.
    pub(crate) registers: Option<Rc<Registers>>,
    shared: Arc<Shared>,
    snapshot: RefCell<Rc<Held>>,
    connections: RefCell<Slab<Rc<Connection>>>,
    connection_count: Arc<AtomicUsize>,
    requests: Cell<usize>,
    random: Cell<u64>,
    began: Instant,
    leaving_since_ms: Cell<Option<u64>>,
    /// Whether large memory may have been freed since the last sweep: a request, connection or
    /// answer has ended.
    has_freed: Cell<bool>,
    /// The worker's time at the last sweep with something freed.
    freed_ms: Cell<Option<u64>>,
}

impl Worker {
    pub(crate) fn new(
        id: WorkerId,
        shared: Arc<Shared>,
        connection_count: Arc<AtomicUsize>,
    ) -> io::Result<Rc<Self>> {
        let sweep = Rc::new(Sweep::default());
        let request_ids = RequestIds::from_os().map_err(io::Error::from)?;
        let snapshot = RefCell::new(Rc::new(shared.current.hold()));
        Ok(Rc::new(Self {
            id,
            pool: Pool::new(Rc::clone(&sweep)),
            sweep,
            request_ids,
            batch: Batch::default(),
            expiries: RefCell::default(),
            registers: registers(id, &shared)?,
            inquiry: shared.accounts.as_ref().map(AccountStates::inquiry),
            snapshot,
            connections: RefCell::default(),
            connection_count,
            requests: Cell::new(0),
            random: Cell::new(getrandom::u64().map_err(io::Error::from)? | 1),
            began: shared.clock.instant(),
            leaving_since_ms: Cell::new(None),
            has_freed: Cell::new(false),
            freed_ms: Cell::new(None),
            shared,
        }))
    }

    /// The configuration and keyring for a request that begins now.
    pub(crate) fn snapshot(&self) -> Rc<Held> {
        let mut snapshot = self.snapshot.borrow_mut();
        if !self.shared.current.is(&snapshot) {
            *snapshot = Rc::new(self.shared.current.hold());
        }
        Rc::clone(&snapshot)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What the batch verifies with.
    pub(crate) fn verify_context(&self) -> VerifyContext<'_> {
        let (clock, replay, metrics) = (self.clock(), self.replay(), self.metrics());
        VerifyContext { clock, replay, accounts: self.inquiry(), metrics, worker: self.id }
    }

    pub(crate) fn replay(&self) -> &Replay {
        &self.shared.tables.codes
    }

    /// What is spent, and for how long it may be.
    pub(crate) fn memory<'a>(&'a self, config: &'a Config) -> Memory<'a> {
        self.shared.memory(config)
    }

    /// What this node can tell of codes and passes.
    pub(crate) fn sources<'a>(&'a self, config: &'a Config) -> Sources<'a> {
        self.shared.sources(config)
    }

    /// What tells the passes of one person and second apart.
    pub(crate) fn next_pass_count(&self) -> u8 {
        self.shared.pass_count.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn responses(&self) -> &ResponseStore {
        &self.shared.responses
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.shared.health
    }

    pub(crate) fn bodies(&self) -> &Arc<BodyMemory> {
        &self.shared.bodies
    }

    pub(crate) fn codes(&self) -> &CodeRequests {
        &self.shared.codes
    }

    pub(crate) fn messages(&self) -> &MessagesUnderWay {
        &self.shared.messages
    }

    /// How account states are asked, where they are kept.
    pub(crate) fn inquiry(&self) -> Option<&Inquiry> {
        self.inquiry.as_ref()
    }

    pub(crate) fn record(&self) -> &Record {
        &self.shared.record
    }

    /// Counts something that was refused, closed or not kept because of a limit.
    pub(crate) fn count_limit(&self, limit: Limit) {
        self.metrics().limit_hits(self.id, limit);
    }

    pub(crate) fn dropped_headers(&self, names: u64) {
        if names > 0 {
            self.metrics().request_headers_dropped.add(self.id, names);
        }
    }

    /// A random number that is not secret, only spread. Picks endpoints (xorshift64, Marsaglia
    /// 2003).
    pub(crate) fn random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x
    }

    pub(crate) fn requests_in_flight(&self) -> usize {
        self.requests.get()
    }

    pub(crate) fn request_begins(&self) {
        self.requests.set(self.requests.get() + 1);
        self.metrics().requests_in_flight.add(self.id, 1);
    }

    pub(crate) fn request_ends(&self) {
        self.requests.set(self.requests.get().saturating_sub(1));
        self.has_freed.set(true);
        self.metrics().requests_in_flight.add(self.id, -1);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving_since_ms.get().is_some()
    }

    /// Adds a connection to the sweep; the guard removes it.
    pub(crate) fn register(self: &Rc<Self>, connection: Rc<Connection>) -> Registered {
        let key = self.connections.borrow_mut().insert(connection);
        Registered { worker: Rc::clone(self), key }
    }

    /// Sets the worker's time and ends what has taken too long.
    pub(crate) fn tick(&self) {
        let snapshot = self.snapshot();
        self.sweep.crowd(self.is_crowded(&snapshot));
        self.sweep.advance_to(self.began.elapsed_ns(self.clock()) / 1_000_000);
        if self.pool.expire() | self.expire_responses() {
            self.has_freed.set(true);
        }
        if let Some(inquiry) = &self.inquiry {
            inquiry.renew();
        }
        if let Some(registers) = &self.registers {
            registers.tick(self.sweep.now_ms());
        }
        let timeouts = &snapshot.config.timeouts;
        let (now_ms, leaving) = (self.sweep.now_ms(), self.leaving_since_ms.get());
        for (_, connection) in self.connections.borrow().iter() {
            if let Some(end) = connection.overdue(now_ms, timeouts, leaving) {
                connection.finish(end);
                if end == End::Quiet {
                    self.has_freed.set(true);
                }
            }
        }
        if self.has_freed.take() {
            self.freed_ms.set(Some(now_ms));
        }
        let frees = |since_ms| now_ms <= since_ms + limits::FREED_MEMORY_MS;
        if self.freed_ms.get().is_some_and(frees) {
            give_back_memory();
        }
    }

    /// Whether more than half is taken of this worker's requests, or of a backend's places.
    fn is_crowded(&self, snapshot: &Held) -> bool {
        let config = &snapshot.config;
        let requests_max = config.limits.requests_of_worker_max(config.server.workers);
        let mut backends = snapshot.backends().iter();
        self.requests_in_flight() > requests_max / 2
            || backends.any(|backend| backend.in_flight() > backend.connections_max() / 2)
    }

    fn expire_responses(&self) -> bool {
        let mut expiries = self.expiries.borrow_mut();
        self.responses().expire(&mut expiries, limits::RETRY_EXPIRED_MAX, self.clock().now())
    }

    /// Begins the drain: from now on answers say that the connection closes.
    pub(crate) fn leave(&self) {
        self.leaving_since_ms.set(Some(self.sweep.now_ms()));
    }

    /// Whether the drain's time is over, even if work still runs.
    pub(crate) fn is_out_of_time(&self) -> bool {
        let timeout_ms = self.snapshot().config.server.drain_timeout_ms;
        self.leaving_since_ms
            .get()
            .is_some_and(|since_ms| self.sweep.now_ms() >= since_ms.saturating_add(timeout_ms))
    }

    /// Whether nothing runs any more.
    pub(crate) fn is_done(&self) -> bool {
        self.requests.get() == 0 && self.connections.borrow().is_empty()
    }
}

/// The registers of the configuration at start. They are not connected yet.
fn registers(id: WorkerId, shared: &Shared) -> io::Result<Option<Rc<Registers>>> {
    let current = shared.current.load();
    let config = current.config().replay.registers.as_ref();
    let made = config.zip(shared.metrics.registers()).map(|(config, counts)| {
        let health = Arc::clone(&shared.health);
        let reports = Reports {
            threads: Arc::clone(&health.threads),
            clocks_agree: Box::new(move |agree| health.set_register_clocks(agree)),
        };
        Registers::new(id.index(), config, shared.clock.clone(), Arc::clone(counts), reports)
    });
    made.transpose().map_err(io::Error::from)
}

/// Makes mimalloc return memory to the system that was freed a second ago. mimalloc does so itself
/// when it frees a page, but an idle gateway frees none. So this allocates a block with a page of
/// its own, and frees it untouched.
fn give_back_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(limits::PAGE_OF_ITS_OWN_BYTES)));
}

/// A connection that the sweep watches.
#[derive(Debug)]
pub(crate) struct Registered {
    worker: Rc<Worker>,
    key: usize,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().try_remove(self.key);
        self.worker.has_freed.set(true);
        self.worker.connection_count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
