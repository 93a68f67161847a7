//! The families of the contract: names, labels, and where their values come from.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use keyring::key_set::KeySet;

use super::{
    Metrics,
    exposition::{Exposition, whole},
    instruments::{Histogram, to_float},
    labels::{Limit, Outcome, ResponseClass},
    process,
};
use crate::{clock::Clock, config::Digest, endpoints::Backend, health::Health, replay::Replay};

/// The parts of a node that are asked when a page is made.
#[derive(Copy, Clone)]
pub struct Node<'a> {
    /// The time by which the table is judged, and the steps that it took.
    pub clock: &'a Clock,
    /// The table of spent codes.
    pub replay: &'a Replay,
    /// The conditions of readiness.
    pub health: &'a Health,
    /// The configuration in force.
    pub config: Digest,
    /// The keys in force.
    pub keys: &'a KeySet,
    /// The backends in force.
    pub backends: &'a [Arc<Backend>],
    /// What verifies signatures: `reference`.
    pub engine: &'static str,
}

impl Metrics {
    /// All families, a page of media type [`TEXT_FORMAT`](super::TEXT_FORMAT).
    ///
    /// Adds everything up, which takes milliseconds on a large node: not for a worker's thread.
    #[must_use]
    pub fn render(&self, node: &Node<'_>) -> String {
        let mut page = Exposition::default();
        self.show_requests(&mut page);
        self.show_codes(&mut page);
        self.show_own_work(&mut page);
        self.show_exchanges(&mut page);
        self.show_limits(&mut page);
        self.show_verification(&mut page);
        show_backends(&mut page, node);
        show_replay(&mut page, node);
        show_keys(&mut page, node);
        self.show_config(&mut page, node);
        show_condition(&mut page, node);
        process::show(&mut page);
        page.text()
    }

    fn show_requests(&self, page: &mut Exposition) {
        let routes = self.routes.all();
        let totals = routes.iter().flat_map(|(label, route)| {
            Outcome::all().map(move |outcome| {
                let labels = [("route", label.as_str()), ("outcome", outcome.name())];
                (labels, to_float(route.total(outcome)))
            })
        });
        let help = "Requests by what became of them.";
        page.counter("yanma_requests_total", help, totals);
        let help = "From a request's head to the end of its answer.";
        let durations = routes
            .iter()
            .map(|(label, route)| ([("route", label.as_str())], route.duration.reading()));
        page.histogram("yanma_request_duration_seconds", help, durations);
        let in_flight = self.requests_in_flight.total();
        let help = "Requests between their head and the end of their answer.";
        page.gauge("yanma_requests_in_flight", help, [([], signed(in_flight))]);
    }

    fn show_codes(&self, page: &mut Exposition) {
        let totals = self.channels.all().flat_map(|channel| {
            Outcome::all().map(move |outcome| {
                let labels = [("channel", channel.name()), ("outcome", outcome.name())];
                (labels, to_float(channel.codes(outcome)))
            })
        });
        let help = "Codes by the channel of the key that they claim and what became of them.";
        page.counter("yanma_codes_total", help, totals);
        // A code of an unknown channel never verifies, so that it has no age worth believing.
        let known = self.channels.known();
        let ages = known.map(|channel| ([("channel", channel.name())], channel.ages()));
        page.histogram("yanma_code_age_seconds", "Age of genuine codes on arrival.", ages);
    }

    fn show_own_work(&self, page: &mut Exposition) {
        let mut show = |name, help, histogram: &Histogram| {
            page.histogram(name, help, [([], histogram.reading())]);
        };
        let help = "A request's time, less the client's body and the backend.";
        show("yanma_gateway_duration_seconds", help, &self.gateway_duration);
        let help = "Verifying one code.";
        show("yanma_verify_duration_seconds", help, &self.verify_duration);
        let help = "Spending one code.";
        show("yanma_redeem_duration_seconds", help, &self.redeem_duration);
    }

    fn show_exchanges(&self, page: &mut Exposition) {
        let backends = self.backends.all();
        let totals = backends.iter().flat_map(|(name, backend)| {
            ResponseClass::ALL.into_iter().map(move |class| {
                let labels = [("backend", name.as_str()), ("class", class.name())];
                (labels, to_float(backend.total(class)))
            })
        });
        let help = "Answers of backends by class; none: no whole answer.";
        page.counter("yanma_backend_responses_total", help, totals);
        let durations = backends
            .iter()
            .map(|(name, backend)| ([("backend", name.as_str())], backend.duration.reading()));
        let help = "From sending a request to the end of the backend's answer.";
        page.histogram("yanma_backend_duration_seconds", help, durations);
    }

    fn show_limits(&self, page: &mut Exposition) {
        let hits = Limit::ALL.map(|limit| {
            ([("limit", limit.name())], to_float(self.limit_hits.total(limit.index())))
        });
        let help =
            "What was refused or closed because of a limit, by its key in the configuration.";
        page.counter("yanma_limit_hits_total", help, hits);
        let dropped = self.request_headers_dropped.total();
        let help = "Header lines of clients that pretended to be the gateway's.";
        page.counter("yanma_request_headers_dropped_total", help, [([], to_float(dropped))]);
        let listeners = self.listeners.all();
        let open = listeners
            .iter()
            .map(|(label, open)| ([("listener", label.as_str())], signed(open.total())));
        page.gauge("yanma_connections", "Open connections of clients.", open);
    }

    fn show_verification(&self, page: &mut Exposition) {
        let help = "Signatures that were verified together.";
        page.histogram("yanma_verify_batch_size", help, [([], self.batch_sizes.reading())]);
        let help = "Verifications that the fast engine left to the reference.";
        let fallbacks = to_float(self.verify_fallbacks.total());
        page.counter("yanma_verify_fallbacks_total", help, [([], fallbacks)]);
        let help = "Canaries on which the fast engine and the reference disagreed; must stay 0.";
        let mismatches = to_float(self.verify_mismatches.total());
        page.counter("yanma_verify_mismatches_total", help, [([], mismatches)]);
    }

    fn show_config(&self, page: &mut Exposition, node: &Node<'_>) {
        let successful = flag(self.last_reload_successful.load(Relaxed));
        let help = "Whether the last attempt to read the configuration succeeded.";
        page.gauge("yanma_config_last_reload_successful", help, [([], successful)]);
        let at = signed(self.last_reload_success_ms.load(Relaxed)) / 1_000.0;
        let help = "When the configuration in force was read, in Unix seconds.";
        page.gauge("yanma_config_last_reload_success_timestamp_seconds", help, [([], at)]);
        let config = node.config.to_string();
        let labels = [("config", config.as_str()), ("keyring", node.keys.digest())];
        page.gauge("yanma_config_info", "Digests of what is in force.", [(labels, 1.0)]);
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauge("yanma_build_info", "The program.", [(labels, 1.0)]);
    }
}

fn show_backends(page: &mut Exposition, node: &Node<'_>) {
    let in_flight = node
        .backends
        .iter()
        .map(|backend| ([("backend", backend.name())], whole(backend.in_flight())));
    let help = "Requests that wait for a backend.";
    page.gauge("yanma_backend_in_flight", help, in_flight);
    let up = node.backends.iter().flat_map(|backend| {
        backend.endpoints().iter().map(|endpoint| {
            let labels = [("backend", backend.name()), ("endpoint", endpoint.label())];
            (labels, flag(endpoint.is_up()))
        })
    });
    let help = "Whether requests are sent to an endpoint.";
    page.gauge("yanma_backend_endpoint_up", help, up);
}

fn show_replay(page: &mut Exposition, node: &Node<'_>) {
    let entries = whole(node.replay.entries(node.clock.now()));
    page.gauge("yanma_replay_entries", "Spent codes that must be remembered.", [([], entries)]);
    let capacity = whole(node.replay.capacity());
    page.gauge("yanma_replay_capacity", "Slots for spent codes.", [([], capacity)]);
    let releases = to_float(node.replay.releases());
    let help = "Spent codes given back, because not one byte was sent.";
    page.counter("yanma_replay_releases_total", help, [([], releases)]);
    let fence_end = node.replay.fence().map_or(0.0, |fence| f64::from(fence.get()));
    let help = "Codes issued up to this Unix second are refused; 0: none.";
    page.gauge("yanma_replay_fence_end_timestamp_seconds", help, [([], fence_end)]);
}

fn show_keys(page: &mut Exposition, node: &Node<'_>) {
    let keys: Vec<_> = node.keys.iter().map(|key| (key.id().to_string(), key)).collect();
    let info = keys.iter().map(|(id, key)| {
        let labels = [
            ("key_id", id.as_str()),
            ("channel", key.channel().as_str()),
            ("state", key.state().as_str()),
            ("algorithm", key.algorithm()),
        ];
        (labels, 1.0)
    });
    page.gauge("yanma_key_info", "The keys in force.", info);
    let expiry =
        keys.iter().map(|(id, key)| ([("key_id", id.as_str())], signed(key.not_after().seconds())));
    let help = "When a key's dates end, in Unix seconds.";
    page.gauge("yanma_key_expiry_timestamp_seconds", help, expiry);
}

fn show_condition(page: &mut Exposition, node: &Node<'_>) {
    let conditions = node
        .health
        .conditions()
        .map(|condition| ([("condition", condition.name)], flag(condition.holds)));
    page.gauge("yanma_ready", "What must hold for /readyz to say yes.", conditions);
    let help = "Steps of the wall clock, followed or not.";
    page.counter("yanma_clock_steps_total", help, [([], to_float(node.clock.steps()))]);
    let help = "What verifies signatures.";
    let labels = [("engine", node.engine)];
    page.gauge("yanma_verify_engine_active", help, [(labels, 1.0)]);
}

fn signed(n: i64) -> f64 {
    to_float(n.unsigned_abs()).copysign(if n < 0 { -1.0 } else { 1.0 })
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
