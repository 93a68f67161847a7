//! What is counted, and how it is shown to Prometheus.
//!
//! Workers count in cells of their own (`cells`, `instruments`); who asks adds them up and gets
//! a page of text (`exposition`, `page`). What other parts of the node know anyway is not counted
//! a second time: `scrape` asks them.
//!
//! All labels are closed sets (`labels`) or names of the configuration and the keyring. A child,
//! once there, stays for the life of the process: a reload that brings the same name goes on with
//! the same counts, so that no counter ever goes back.

mod account_changes;
mod cells;
mod children;
mod exposition;
mod instruments;
mod keys;
mod labels;
mod message;
pub(crate) mod page;
mod register_page;
pub(crate) mod sample;
pub(crate) mod sums;
mod threads;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
};

use keyring::{code::KeyId, key::Channel, time::UnixMillis};

use crate::refusal::Limit;

use self::account_changes::AccountChangeCounts;
pub(crate) use self::account_changes::ChangeResult;
pub(crate) use self::labels::OBSERVED;
pub(crate) use self::threads::WorkerThreads;
pub use self::{
    cells::WorkerId,
    children::{BackendMetrics, ListenerMetrics, RouteMetrics},
    instruments::{Counter, Gauge, Histogram},
    keys::{KeyMetrics, KeyVerdict},
    labels::{AcceptError, OpaqueOutcome, Outcome, Rejection},
    message::{MessageCounters, MessageMetrics},
};
use self::{
    children::{Channels, Children},
    instruments::{BATCH, Buckets, Counters},
};

/// The media type of a page.
pub(crate) const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All that workers count.
#[derive(Debug)]
pub struct Metrics {
    workers: usize,
    routes: Children<RouteMetrics>,
    messages: Children<MessageMetrics>,
    backends: Children<BackendMetrics>,
    listeners: Children<ListenerMetrics>,
    channels: Channels,
    keys: Children<KeyMetrics>,
    limit_hits: Counters,
    batch_sizes: Buckets,
    last_reload_successful: AtomicBool,
    last_reload_success_ms: AtomicI64,
    shows_passes: AtomicBool,
    table_build_ns: AtomicU64,
    table_faults: AtomicU64,
    registers: OnceLock<Arc<registers::counts::Counts>>,
    /// What writers of account states were answered.
    pub(crate) account_changes: AccountChangeCounts,
    worker_threads: WorkerThreads,
    /// Requests between their head and the end of their answer.
    pub requests_in_flight: Gauge,
    /// Connections of clients that have been quiet and hold nothing but their socket.
    pub connections_parked: Gauge,
    /// A request's time, less the client's body and the backend.
    pub gateway_duration: Histogram,
    /// Verifying one code: signature and seal.
    pub verify_duration: Histogram,
    /// Spending one code.
    pub redeem_duration: Histogram,
    /// Header lines of clients that pretended to be ours.
    pub request_headers_dropped: Counter,
}

impl Metrics {
    /// Cells for workers of the numbers 0 to `workers` - 1.
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            workers,
            routes: Children::default(),
            messages: Children::default(),
            backends: Children::default(),
            listeners: Children::default(),
            channels: Channels::new(workers),
            keys: Children::default(),
            limit_hits: Counters::new(workers, Limit::ALL.len()),
            batch_sizes: Buckets::new(workers, &BATCH),
            last_reload_successful: AtomicBool::new(false),
            last_reload_success_ms: AtomicI64::new(0),
            shows_passes: AtomicBool::new(false),
            table_build_ns: AtomicU64::new(0),
            table_faults: AtomicU64::new(0),
            registers: OnceLock::new(),
            account_changes: AccountChangeCounts::default(),
            worker_threads: WorkerThreads::new(workers),
            requests_in_flight: Gauge::new(workers),
            connections_parked: Gauge::new(workers),
            gateway_duration: Histogram::of_own_work(workers),
            verify_duration: Histogram::of_own_work(workers),
            redeem_duration: Histogram::of_own_work(workers),
            request_headers_dropped: Counter::new(workers),
        })
    }

    /// The instruments of a route. To be resolved at start and on a reload, not for a request.
    pub fn route(&self, label: &str) -> Arc<RouteMetrics> {
        self.routes.resolve(label, || RouteMetrics::new(self.workers))
    }

    /// The counters of a route that reads bodies, with rules of these keys. To be resolved at start
    /// and on a reload.
    pub fn messages<'a>(
        &self,
        route: &str,
        rules: impl Iterator<Item = &'a str>,
    ) -> MessageCounters {
        let of_route = self.messages.resolve(route, || MessageMetrics::new(self.workers));
        MessageCounters::new(of_route, rules)
    }

    /// The instruments of a backend. To be resolved at start and on a reload, not for a request.
    pub fn backend(&self, name: &str) -> Arc<BackendMetrics> {
        self.backends.resolve(name, || BackendMetrics::new(self.workers))
    }

    /// The instruments of a listener. To be resolved at start and on a reload.
    pub fn listener(&self, label: &str) -> Arc<ListenerMetrics> {
        self.listeners.resolve(label, || ListenerMetrics::new(self.workers))
    }

    /// The instruments of an issuer's key, by its id. To be resolved at start and on a reload.
    pub fn key(&self, id: KeyId) -> Arc<KeyMetrics> {
        self.keys.resolve(&id.to_string(), || KeyMetrics::new(self.workers))
    }

    /// Shows registers from now on: the names in each group. To be called once, at start.
    pub fn show_registers(&self, groups: &[Vec<String>]) {
        let new = || Arc::new(registers::counts::Counts::new(self.workers, groups));
        self.registers.get_or_init(new);
    }

    /// What is counted of registers, where there are any.
    pub(crate) fn registers(&self) -> Option<&Arc<registers::counts::Counts>> {
        self.registers.get()
    }

    /// A worker runs on the calling thread from now on.
    pub fn worker_begins(&self, worker: WorkerId) {
        self.worker_threads.begin(worker, rustix::thread::gettid());
    }

    /// The threads of the workers that have begun.
    pub(crate) fn worker_threads(&self) -> &WorkerThreads {
        &self.worker_threads
    }

    /// Shows these channels from now on, with zeroes: `rate()` cannot see the first count of a
    /// series that was not there before. To be called at start and on a reload.
    pub fn show_channels(&self, channels: impl IntoIterator<Item = Channel>) {
        for channel in channels {
            self.channels.of(Some(channel));
        }
    }

    /// Counts a code by what became of its request. The channel is that of the key that the code
    /// claims, and none if there is no such key.
    pub(crate) fn codes(&self, worker: WorkerId, channel: Option<Channel>, outcome: Outcome) {
        self.channels.of(channel).count(worker, outcome);
    }

    /// Counts the age, in milliseconds, at which a code that verified arrived.
    pub(crate) fn code_age(&self, worker: WorkerId, channel: Channel, age_ms: u64) {
        self.channels.of(Some(channel)).observe_age_ms(worker, age_ms);
    }

    /// Counts a pass by what became of its request. One that does not open has no channel.
    pub(crate) fn passes(&self, worker: WorkerId, channel: Option<Channel>, outcome: Outcome) {
        self.channels.of(channel).count_pass(worker, outcome);
    }

    /// Counts the age, in milliseconds, at which a genuine pass arrived.
    pub(crate) fn pass_age(&self, worker: WorkerId, channel: Channel, age_ms: u64) {
        self.channels.of(Some(channel)).observe_pass_age_ms(worker, age_ms);
    }

    /// Shows what is counted of passes from now on. To be called once, at start.
    pub(crate) fn show_passes(&self) {
        self.shows_passes.store(true, Relaxed);
    }

    /// Requests of all routes by outcome, without outcomes that no request had.
    pub(crate) fn outcomes(&self) -> Vec<(&'static str, u64)> {
        let routes = self.routes.all();
        let total = |outcome| routes.values().map(|route| route.total(outcome)).sum();
        let counts = Outcome::all().map(|outcome| (outcome.name(), total(outcome)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Counts that something was refused or closed because of a limit.
    pub(crate) fn limit_hits(&self, worker: WorkerId, limit: Limit) {
        self.limit_hits.inc(worker, limit.index());
    }

    /// Counts a group of codes that were verified together.
    pub(crate) fn batch(&self, worker: WorkerId, codes: u64) {
        self.batch_sizes.observe(worker, codes);
    }

    /// Verification tables were built, in so many nanoseconds.
    pub(crate) fn tables_built(&self, ns: u64) {
        self.table_build_ns.store(ns, Relaxed);
    }

    /// The memory of a verification table was found changed.
    pub(crate) fn table_fault(&self) {
        self.table_faults.fetch_add(1, Relaxed);
    }

    /// Configuration and keyring were read and are in force.
    pub(crate) fn reloaded(&self, now: UnixMillis) {
        self.last_reload_success_ms.store(now.get(), Relaxed);
        self.last_reload_successful.store(true, Relaxed);
    }

    /// Nothing changed, because what was read could not be used.
    pub(crate) fn reload_failed(&self) {
        self.last_reload_successful.store(false, Relaxed);
    }
}
