//! One endpoint: whether it is offered requests.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed};

use keyring::time::UnixMillis;

use crate::{config::EndpointAddress, limits};

/// Stands for the end of a pause where there is none.
const NO_PAUSE: i64 = i64::MIN;

/// One address of a backend.
///
/// Two judge it. Requests do by their connections: what refuses one is left alone for a while
/// (passive). The prober does every other second (active); finding the endpoint again, it also
/// ends such a pause early.
#[derive(Debug)]
pub struct Endpoint {
    address: EndpointAddress,
    label: String,
    in_flight: AtomicU32,
    connect_failures: AtomicU32,
    paused_until_ms: AtomicI64,
    probe_failures: AtomicU32,
    lost: AtomicBool,
}

impl Endpoint {
    /// Up until something says otherwise.
    pub(super) fn new(address: EndpointAddress, label: String) -> Self {
        Self {
            address,
            label,
            in_flight: AtomicU32::new(0),
            connect_failures: AtomicU32::new(0),
            paused_until_ms: AtomicI64::new(NO_PAUSE),
            probe_failures: AtomicU32::new(0),
            lost: AtomicBool::new(false),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &EndpointAddress {
        &self.address
    }

    /// As the configuration writes it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Is it offered requests?
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.lost.load(Relaxed) && self.paused_until_ms.load(Relaxed) == NO_PAUSE
    }

    /// Requests in flight over all workers.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// A connection was had: whatever was held against the endpoint is forgotten.
    pub(crate) fn record_success(&self) {
        // Mostly there is nothing to forget, and a read costs other workers nothing.
        if self.connect_failures.load(Relaxed) != 0 || !self.is_up() {
            self.connect_failures.store(0, Relaxed);
            self.paused_until_ms.store(NO_PAUSE, Relaxed);
            self.lost.store(false, Relaxed);
        }
    }

    /// No connection was to be had: no more requests for a second, then two, up to thirty.
    ///
    /// Counts once a pause: the hundred requests that were on their way when the endpoint fell
    /// say no more than the first of them.
    pub(crate) fn record_connect_failure(&self, now: UnixMillis) {
        let until_ms = now.plus_ms(pause_ms(self.connect_failures.load(Relaxed))).get();
        let begun = self.paused_until_ms.compare_exchange(NO_PAUSE, until_ms, Relaxed, Relaxed);
        if begun.is_ok() {
            self.connect_failures.fetch_add(1, Relaxed);
        }
    }

    /// Ends a pause that is over. What the prober lost stays out until it is found again.
    pub(super) fn readmit(&self, now: UnixMillis) {
        let until_ms = self.paused_until_ms.load(Relaxed);
        if until_ms != NO_PAUSE && until_ms <= now.get() {
            // If this fails, a success has ended the pause, and another may have begun since.
            let _ = self.paused_until_ms.compare_exchange(until_ms, NO_PAUSE, Relaxed, Relaxed);
        }
    }

    /// What a probe found. One prober at a time.
    pub(super) fn record_probe(&self, reached: bool) {
        if reached {
            self.probe_failures.store(0, Relaxed);
            self.record_success();
        } else if self.probe_failures.fetch_add(1, Relaxed) + 1 >= limits::PROBE_FAILURES {
            self.lost.store(true, Relaxed);
        }
    }
}

fn pause_ms(failures_before: u32) -> i64 {
    // Whatever the bounds are, the doubling is over long before the shift overflows.
    (limits::EJECT_MS << failures_before.min(20)).min(limits::EJECT_MS_MAX)
}
