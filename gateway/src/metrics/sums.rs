//! Sums over routes, channels and workers, for the admin page: it shows a node, not each series.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use crate::refusal::Limit;

use super::{
    KeyVerdict, Metrics, Outcome, Rejection, children::BackendMetrics, instruments::Buckets,
    labels::ResponseClass,
};

/// Counts by outcome, in the order of [`Outcome::all`].
pub(crate) type ByOutcome = [u64; Outcome::COUNT];
/// Counts by limit, in the order of [`Limit::ALL`].
pub(crate) type ByLimit = [u64; Limit::ALL.len()];

/// What a backend answered.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Answers {
    pub(crate) all: u64,
    /// Those of class 5xx, and exchanges without a whole answer.
    pub(crate) failed: u64,
}

impl Metrics {
    /// Requests of all routes.
    pub(crate) fn sum_outcomes(&self) -> ByOutcome {
        let mut sums = [0; Outcome::COUNT];
        for route in self.routes.all().values() {
            for (sum, outcome) in sums.iter_mut().zip(Outcome::all()) {
                *sum = u64::wrapping_add(*sum, route.total(outcome));
            }
        }
        sums
    }

    /// What routes that only observe would have refused: route, reason, requests. Without zeroes.
    pub(crate) fn all_observed(&self) -> Vec<(String, &'static str, u64)> {
        let routes = self.routes.all();
        let all = routes.iter().flat_map(|(label, route)| {
            route.all_observed().map(move |(reason, total)| (label.clone(), reason, total))
        });
        all.filter(|(_, _, total)| *total > 0).collect()
    }

    /// What was refused, closed or not kept because of a limit.
    pub(crate) fn sum_limits(&self) -> ByLimit {
        Limit::ALL.map(|limit| self.limit_hits.total(limit.index()))
    }

    /// What was taken for no request, over all listeners.
    pub(crate) fn sum_rejections(&self) -> u64 {
        let listeners = self.listeners.all();
        let each = listeners.values().flat_map(|one| Rejection::ALL.map(|why| one.total(why)));
        each.fold(0, u64::wrapping_add)
    }

    /// Ages of genuine codes over all channels: in each bucket alone, and last above all bounds.
    pub(crate) fn sum_code_ages(&self) -> Vec<u64> {
        let mut sums = Vec::new();
        for channel in self.channels.known() {
            sums.resize(channel.age_buckets().bounds().count() + 1, 0);
            for (sum, count) in sums.iter_mut().zip(channel.age_buckets().each()) {
                *sum = u64::wrapping_add(*sum, count);
            }
        }
        sums
    }

    /// The upper bounds of the ages' buckets, in seconds.
    pub(crate) fn code_age_bounds(&self) -> Vec<f64> {
        self.channels.all().next().map_or_else(Vec::new, |one| one.age_buckets().bounds().collect())
    }

    /// The gateway's own time for a request: how many lie in each bucket, last above all bounds.
    pub(crate) fn own_times(&self) -> Vec<u64> {
        self.gateway_duration.buckets().each().collect()
    }

    /// The upper bounds of these buckets, in seconds.
    pub(crate) fn own_time_bounds(&self) -> Vec<f64> {
        let buckets: &Buckets = self.gateway_duration.buckets();
        buckets.bounds().collect()
    }

    /// Each backend's answers. A backend keeps its instruments over reloads.
    pub(crate) fn answers(&self) -> Vec<(Arc<BackendMetrics>, Answers)> {
        let backends = self.backends.all();
        let of = |backend: &BackendMetrics| {
            let total = |class| backend.total(class);
            let all = ResponseClass::ALL.map(total).into_iter().fold(0, u64::wrapping_add);
            let failed = total(ResponseClass::ServerError) + total(ResponseClass::None);
            Answers { all, failed }
        };
        backends.values().map(|backend| (Arc::clone(backend), of(backend))).collect()
    }

    /// Genuine codes so far, by the id of their key.
    pub(crate) fn genuine_codes(&self) -> Vec<(String, u64)> {
        let keys = self.keys.all();
        keys.iter().map(|(id, key)| (id.clone(), key.total(KeyVerdict::Genuine))).collect()
    }

    /// Open connections of clients, over all listeners.
    pub(crate) fn connections(&self) -> i64 {
        self.listeners.all().values().map(|one| one.open.total()).sum()
    }

    /// Whether the last attempt to read the configuration succeeded.
    pub(crate) fn is_reload_successful(&self) -> bool {
        self.last_reload_successful.load(Relaxed)
    }

    /// When the configuration in force was read, in Unix milliseconds.
    pub(crate) fn reloaded_ms(&self) -> i64 {
        self.last_reload_success_ms.load(Relaxed)
    }

    /// Verification tables whose memory had changed.
    pub(crate) fn table_faults(&self) -> u64 {
        self.table_faults.load(Relaxed)
    }
}
