//! What is counted, under the names and labels of the contract.
//!
//! Label sets are closed: routes, backends, channels, reasons; nothing per person, per code or
//! per institution. Children are made at start and by reloads and kept, so no counter runs back.

mod cells;
mod exposition;
mod instruments;
mod outcome;
pub(crate) mod page;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
};

use dashmap::DashMap;
use http::StatusCode;
use keyring::{
    key::{CHANNELS_MAX, Channel},
    time::UnixMillis,
};

use self::instruments::{BATCH, Buckets, CODE_AGE, Counters};
use self::page::Page;
pub use self::{
    cells::WorkerId,
    instruments::{Counter, Gauge, Histogram},
    outcome::{Limit, Outcome},
};

/// Every family that requests write. One writer per worker; the admin thread reads.
#[derive(Debug)]
pub struct Metrics {
    workers: usize,
    routes: DashMap<String, Arc<RouteMetrics>>,
    backends: DashMap<String, Arc<BackendMetrics>>,
    listeners: DashMap<String, Arc<Gauge>>,
    /// By channel index; the last is for codes that claim no known key.
    codes: Box<[OnceLock<(&'static str, Counters)>]>,
    code_ages: Box<[OnceLock<Buckets>]>,
    limit_hits: Counters,
    batch_sizes: Buckets,
    /// The gateway's own time per request.
    pub gateway_duration: Histogram,
    /// The time of verifying one code.
    pub verify_duration: Histogram,
    /// The time of spending one code.
    pub redeem_duration: Histogram,
    /// Requests under way.
    pub requests_in_flight: Gauge,
    /// Request header names that only the gateway may use.
    pub request_headers_dropped: Counter,
    /// Verifications that needed the complete formulas.
    pub verify_fallbacks: Counter,
    /// Verifications on which two engines disagreed.
    pub verify_mismatches: Counter,
    reloaded: AtomicBool,
    reloaded_at_ms: AtomicI64,
}

/// What is counted per route.
#[derive(Debug)]
pub struct RouteMetrics {
    requests: Counters,
    /// From head to answer.
    pub duration: Histogram,
}

/// What is counted per backend.
#[derive(Debug)]
pub struct BackendMetrics {
    responses: Counters,
    /// From the choice of an endpoint to the whole answer, or the head of a streamed one.
    pub duration: Histogram,
}

impl Metrics {
    /// `workers`: how many threads write.
    #[must_use]
    pub fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            workers,
            routes: DashMap::new(),
            backends: DashMap::new(),
            listeners: DashMap::new(),
            codes: (0..=CHANNELS_MAX).map(|_| OnceLock::new()).collect(),
            code_ages: (0..CHANNELS_MAX).map(|_| OnceLock::new()).collect(),
            limit_hits: Counters::new(workers, Limit::ALL.len()),
            batch_sizes: Buckets::new(workers, &BATCH),
            gateway_duration: Histogram::of_own_work(workers),
            verify_duration: Histogram::of_own_work(workers),
            redeem_duration: Histogram::of_own_work(workers),
            requests_in_flight: Gauge::new(workers),
            request_headers_dropped: Counter::new(workers),
            verify_fallbacks: Counter::new(workers),
            verify_mismatches: Counter::new(workers),
            reloaded: AtomicBool::new(false),
            reloaded_at_ms: AtomicI64::new(0),
        })
    }

    /// The counters of the route with this path.
    pub fn route(&self, path: &str) -> Arc<RouteMetrics> {
        let new = || {
            Arc::new(RouteMetrics {
                requests: Counters::new(self.workers, Outcome::COUNT),
                duration: Histogram::of_exchanges(self.workers),
            })
        };
        Arc::clone(&self.routes.entry(path.to_owned()).or_insert_with(new))
    }

    /// The counters of the backend of this name.
    pub fn backend(&self, name: &str) -> Arc<BackendMetrics> {
        let new = || {
            Arc::new(BackendMetrics {
                responses: Counters::new(self.workers, BackendMetrics::CLASSES.len()),
                duration: Histogram::of_exchanges(self.workers),
            })
        };
        Arc::clone(&self.backends.entry(name.to_owned()).or_insert_with(new))
    }

    /// The open connections of the listener of this name.
    pub fn listener(&self, label: &str) -> Arc<Gauge> {
        let new = || Arc::new(Gauge::new(self.workers));
        Arc::clone(&self.listeners.entry(label.to_owned()).or_insert_with(new))
    }

    /// Counts a request with a code, under the channel of the key that the code claims.
    pub(crate) fn codes(&self, worker: WorkerId, channel: Option<Channel>, outcome: Outcome) {
        let index = channel.map_or(CHANNELS_MAX, Channel::index);
        if let Some(cell) = self.codes.get(index) {
            let name = channel.map_or("unknown", Channel::as_str);
            let new = || (name, Counters::new(self.workers, Outcome::COUNT));
            cell.get_or_init(new).1.inc(worker, outcome.index());
        }
    }

    /// Counts the age of a verified code on arrival.
    pub(crate) fn code_age(&self, worker: WorkerId, channel: Channel, age_ms: u64) {
        if let Some(cell) = self.code_ages.get(channel.index()) {
            cell.get_or_init(|| Buckets::new(self.workers, &CODE_AGE)).observe(worker, age_ms);
        }
    }

    /// Counts a refusal for a limit.
    pub(crate) fn limit_hits(&self, worker: WorkerId, limit: Limit) {
        self.limit_hits.inc(worker, limit.index());
    }

    /// Counts how many codes were verified together.
    pub(crate) fn batch(&self, worker: WorkerId, codes: u64) {
        self.batch_sizes.observe(worker, codes);
    }

    /// Configuration and keyring were put in force.
    pub(crate) fn reloaded(&self, now: UnixMillis) {
        self.reloaded_at_ms.store(now.get(), Relaxed);
        self.reloaded.store(true, Relaxed);
    }

    /// A reload changed nothing, because something was wrong.
    pub(crate) fn reload_failed(&self) {
        self.reloaded.store(false, Relaxed);
    }

    /// Adds everything that is counted to a page.
    pub(crate) fn fill(&self, page: &mut Page) {
        exposition::fill(page, self);
    }
}

impl RouteMetrics {
    /// Counts a request's outcome.
    pub(crate) fn requests(&self, worker: WorkerId, outcome: Outcome) {
        self.requests.inc(worker, outcome.index());
    }
}

impl BackendMetrics {
    /// `none`: no whole answer.
    const CLASSES: [&'static str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

    /// Counts an answer by the class of its status; `None` if there was no whole one.
    pub(crate) fn responses(&self, worker: WorkerId, status: Option<StatusCode>) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        self.responses.inc(worker, class.min(Self::CLASSES.len() - 1));
    }
}
