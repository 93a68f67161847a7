//! One endpoint: whether requests are sent to it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

use keyring::time::UnixMillis;

use crate::config;

/// How long an endpoint is left alone after the first connection that failed; each further one
/// doubles it.
const EJECTION_MS_FIRST: i64 = 1_000;
/// The longest that an endpoint is left alone.
const EJECTION_MS_MAX: i64 = 30_000;
/// Probes that must fail in a row: one alone may be a lost packet.
const PROBE_FAILURES_MAX: u32 = 2;

/// The state of an endpoint, shared by all workers.
///
/// Two judge it. Requests do by their connections: what cannot be connected to is ejected for a
/// while (passive). A prober does every other second (active); it also ends an ejection early.
#[derive(Debug)]
pub struct Endpoint {
    config: config::Endpoint,
    in_flight: AtomicU32,
    failures: AtomicU32,
    ejected_until_ms: AtomicI64,
    probe_failures: AtomicU32,
    up: AtomicBool,
}

impl Endpoint {
    /// Taken for up until something says otherwise.
    pub(super) fn new(config: config::Endpoint) -> Self {
        Self {
            config,
            in_flight: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            ejected_until_ms: AtomicI64::new(i64::MIN),
            probe_failures: AtomicU32::new(0),
            up: AtomicBool::new(true),
        }
    }

    /// Where it is, as the configuration says.
    pub fn config(&self) -> &config::Endpoint {
        &self.config
    }

    /// Requests on their way to it, over all workers.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether requests are sent to it at `now`.
    pub fn is_up(&self, now: UnixMillis) -> bool {
        self.up.load(Ordering::Relaxed) && now.get() >= self.ejected_until_ms.load(Ordering::Relaxed)
    }

    /// A connection for a request was refused or timed out. Ejects the endpoint for 1 s, and for
    /// twice as long as the last time if it fails again without a success between, 30 s at most.
    pub fn record_connect_failure(&self, now: UnixMillis) {
        let until_ms = self.ejected_until_ms.load(Ordering::Relaxed);
        if now.get() < until_ms {
            return; // one of the many that were on their way when the first failed
        }
        let failures = self.failures.load(Ordering::Relaxed);
        let next_ms = now.plus_ms(ejection_ms(failures)).get();
        let exchange = self.ejected_until_ms.compare_exchange(
            until_ms,
            next_ms,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if exchange.is_ok() {
            self.failures.store(failures.saturating_add(1), Ordering::Relaxed);
        }
    }

    /// A connection for a request was made.
    pub fn record_success(&self) {
        // Read first: the line is shared, and all is well nearly always.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.ejected_until_ms.store(i64::MIN, Ordering::Relaxed);
        }
    }

    /// What a probe found; told by the prober alone.
    pub(super) fn record_probe(&self, connected: bool) {
        if connected {
            self.probe_failures.store(0, Ordering::Relaxed);
            self.up.store(true, Ordering::Relaxed);
            self.record_success();
            return;
        }
        let failures = self.probe_failures.load(Ordering::Relaxed).saturating_add(1);
        self.probe_failures.store(failures, Ordering::Relaxed);
        if failures >= PROBE_FAILURES_MAX {
            self.up.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// As it is written in the configuration: a metric label.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

fn ejection_ms(failures_before: u32) -> i64 {
    let doubled = 2_i64.checked_pow(failures_before);
    doubled.map_or(EJECTION_MS_MAX, |n| n.saturating_mul(EJECTION_MS_FIRST)).min(EJECTION_MS_MAX)
}
