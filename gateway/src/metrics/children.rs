//! Instruments that exist once for each route, backend, listener or channel.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use http::StatusCode;
use keyring::key::{CHANNELS_MAX, Channel};

use crate::refusal::Refusal;

use super::cells::WorkerId;
use super::instruments::{Buckets, CODE_AGE, Counters, Gauge, Histogram, PASS_AGE};
use super::labels::{AcceptError, OpaqueOutcome, Outcome, Rejection, ResponseClass};
use super::sample::HistogramValues;

/// What is counted for one route.
#[derive(Debug)]
pub struct RouteMetrics {
    requests: Counters,
    /// By what would have refused them; there once a route observes.
    observed: OnceLock<Counters>,
    workers: usize,
    opaque: Counters,
    /// From a request's head to the end of its answer.
    pub duration: Histogram,
}

impl RouteMetrics {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            requests: Counters::new(workers, Outcome::COUNT),
            observed: OnceLock::new(),
            workers,
            opaque: Counters::new(workers, OpaqueOutcome::ALL.len()),
            duration: Histogram::of_exchanges(workers),
        }
    }

    /// Counts a request by its outcome.
    pub(crate) fn requests(&self, worker: WorkerId, outcome: Outcome) {
        self.requests.inc(worker, outcome.index());
    }

    /// Shows what is only observed from now on. To be called at start and on a reload.
    pub(crate) fn show_observed(&self) {
        self.observed();
    }

    /// Counts a request that is forwarded, by what would have refused it.
    pub(crate) fn count_observed(&self, worker: WorkerId, refusal: Refusal) {
        self.observed().inc(worker, refusal.index());
    }

    fn observed(&self) -> &Counters {
        self.observed.get_or_init(|| Counters::new(self.workers, Refusal::ALL.len()))
    }

    /// By reason, if the route observes or has observed.
    pub(super) fn all_observed(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let reasons = Refusal::ALL.into_iter().filter(|refusal| refusal.is_of_credential());
        self.observed.get().into_iter().flat_map(move |counters| {
            reasons.clone().map(|reason| (reason.reason(), counters.total(reason.index())))
        })
    }

    /// Counts an opaque code or a foreign token.
    pub(crate) fn opaque(&self, worker: WorkerId, outcome: OpaqueOutcome) {
        self.opaque.inc(worker, outcome.index());
    }

    pub(super) fn opaque_total(&self, outcome: OpaqueOutcome) -> u64 {
        self.opaque.total(outcome.index())
    }

    pub(super) fn total(&self, outcome: Outcome) -> u64 {
        self.requests.total(outcome.index())
    }
}

/// What is counted for one backend.
#[derive(Debug)]
pub struct BackendMetrics {
    responses: Counters,
    /// From sending a request to the end of the backend's answer.
    pub duration: Histogram,
}

impl BackendMetrics {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            responses: Counters::new(workers, ResponseClass::ALL.len()),
            duration: Histogram::of_exchanges(workers),
        }
    }

    /// Counts an exchange by the class of its answer. `None`: there was no whole answer.
    pub(crate) fn responses(&self, worker: WorkerId, status: Option<StatusCode>) {
        self.responses.inc(worker, ResponseClass::of(status).index());
    }

    pub(super) fn total(&self, class: ResponseClass) -> u64 {
        self.responses.total(class.index())
    }
}

/// What is counted for one listener.
#[derive(Debug)]
pub struct ListenerMetrics {
    /// Open connections of clients.
    pub open: Gauge,
    rejected: Counters,
    not_accepted: Counters,
}

impl ListenerMetrics {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            open: Gauge::new(workers),
            rejected: Counters::new(workers, Rejection::ALL.len()),
            not_accepted: Counters::new(workers, AcceptError::ALL.len()),
        }
    }

    /// Counts a connection that the system did not let be accepted or served.
    pub(crate) fn not_accepted(&self, worker: WorkerId, why: AcceptError) {
        self.not_accepted.inc(worker, why.index());
    }

    pub(super) fn not_accepted_total(&self, why: AcceptError) -> u64 {
        self.not_accepted.total(why.index())
    }

    /// Counts bytes that made no request.
    pub(crate) fn rejected(&self, worker: WorkerId, why: Rejection) {
        self.rejected.inc(worker, why.index());
    }

    pub(super) fn total(&self, why: Rejection) -> u64 {
        self.rejected.total(why.index())
    }
}

/// Children by their label, in order. Grows by copying: rarely, and never for a request.
#[derive(Debug)]
pub(super) struct Children<T>(ArcSwap<BTreeMap<String, Arc<T>>>);

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<T> Children<T> {
    /// The child with that label; made if there is none yet.
    pub(super) fn resolve(&self, label: &str, make: impl Fn() -> T) -> Arc<T> {
        if let Some(child) = self.0.load().get(label) {
            return Arc::clone(child);
        }
        self.0.rcu(|children| {
            let mut children = BTreeMap::clone(children);
            children.entry(label.to_owned()).or_insert_with(|| Arc::new(make()));
            children
        });
        Arc::clone(self.0.load().get(label).expect("it was put in and nothing takes one out"))
    }

    pub(super) fn all(&self) -> Arc<BTreeMap<String, Arc<T>>> {
        self.0.load_full()
    }
}

/// The label for codes of an unknown key.
const UNKNOWN: &str = "unknown";

/// Children by channel. They are found by index, without a search, because every request needs one.
#[derive(Debug)]
pub(super) struct Channels {
    known: Box<[OnceLock<Arc<ChannelMetrics>>]>,
    unknown: Arc<ChannelMetrics>,
    workers: usize,
}

#[derive(Debug)]
pub(super) struct ChannelMetrics {
    name: &'static str,
    codes: Counters,
    ages: Buckets,
    passes: Counters,
    pass_ages: Buckets,
}

impl Channels {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            known: (0..CHANNELS_MAX).map(|_| OnceLock::new()).collect(),
            unknown: Arc::new(ChannelMetrics::new(UNKNOWN, workers)),
            workers,
        }
    }

    pub(super) fn of(&self, channel: Option<Channel>) -> &ChannelMetrics {
        let Some(channel) = channel else { return &self.unknown };
        let cell = self.known.get(channel.index()).expect("indices are below CHANNELS_MAX");
        cell.get_or_init(|| self.make(channel))
    }

    /// A channel named `unknown` shares the child of that label. Prometheus refuses a page that
    /// names one series twice.
    fn make(&self, channel: Channel) -> Arc<ChannelMetrics> {
        match channel.as_str() {
            UNKNOWN => Arc::clone(&self.unknown),
            name => Arc::new(ChannelMetrics::new(name, self.workers)),
        }
    }

    /// All children, each label once; that of unknown channels comes first.
    pub(super) fn all(&self) -> impl Iterator<Item = &ChannelMetrics> {
        std::iter::once(&*self.unknown).chain(self.known())
    }

    /// All children without that of unknown channels.
    pub(super) fn known(&self) -> impl Iterator<Item = &ChannelMetrics> {
        let known = self.known.iter().filter_map(OnceLock::get);
        known.filter(|channel| !Arc::ptr_eq(channel, &self.unknown)).map(|channel| &**channel)
    }
}

impl ChannelMetrics {
    fn new(name: &'static str, workers: usize) -> Self {
        Self {
            name,
            codes: Counters::new(workers, Outcome::COUNT),
            ages: Buckets::new(workers, &CODE_AGE),
            passes: Counters::new(workers, Outcome::COUNT),
            pass_ages: Buckets::new(workers, &PASS_AGE),
        }
    }

    pub(super) fn count(&self, worker: WorkerId, outcome: Outcome) {
        self.codes.inc(worker, outcome.index());
    }

    pub(super) fn observe_age_ms(&self, worker: WorkerId, age_ms: u64) {
        self.ages.observe(worker, age_ms);
    }

    pub(super) fn count_pass(&self, worker: WorkerId, outcome: Outcome) {
        self.passes.inc(worker, outcome.index());
    }

    pub(super) fn observe_pass_age_ms(&self, worker: WorkerId, age_ms: u64) {
        self.pass_ages.observe(worker, age_ms);
    }

    pub(super) fn passes(&self, outcome: Outcome) -> u64 {
        self.passes.total(outcome.index())
    }

    pub(super) fn pass_ages(&self) -> HistogramValues {
        self.pass_ages.reading()
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn codes(&self, outcome: Outcome) -> u64 {
        self.codes.total(outcome.index())
    }

    pub(super) fn ages(&self) -> HistogramValues {
        self.ages.reading()
    }

    pub(super) fn age_buckets(&self) -> &Buckets {
        &self.ages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const W0: WorkerId = WorkerId::new(0);

    #[test]
    fn a_label_that_comes_again_goes_on_with_its_counts() {
        let children = Children::default();
        let make = || RouteMetrics::new(1);
        children.resolve("/pay", make).requests(W0, Outcome::Approved);
        children.resolve("/query", make);
        children.resolve("/pay", make).requests(W0, Outcome::Approved);
        let totals: Vec<_> = children
            .all()
            .iter()
            .map(|(label, child)| (label.clone(), child.total(Outcome::Approved)))
            .collect();
        assert_eq!(totals, [("/pay".to_owned(), 2), ("/query".to_owned(), 0)]);
    }

    #[test]
    fn threads_that_resolve_at_once_get_the_same_child() {
        let children = Children::default();
        let resolve = || children.resolve("/pay", || RouteMetrics::new(1));
        let found: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(resolve)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(found.iter().all(|child| Arc::ptr_eq(child, &found[0])));
    }

    #[test]
    fn a_channel_named_unknown_does_not_double_the_label() {
        let channels = Channels::new(1);
        channels.of(Some("unknown".parse().unwrap())).count(W0, Outcome::Approved);
        channels.of(None).count(W0, Outcome::Approved);
        let totals: Vec<_> =
            channels.all().map(|child| (child.name(), child.codes(Outcome::Approved))).collect();
        assert_eq!(totals, [("unknown", 2)]);
    }
}
