//! The families as Prometheus reads them.

use prometheus::{
    TextEncoder,
    core::Collector as _,
    process_collector::ProcessCollector,
    proto::{self, LabelPair, MetricFamily, MetricType},
};

use super::{
    BackendMetrics, Limit, Metrics, Outcome,
    instruments::{Reading, to_float},
};
use crate::{snapshot::Snapshot, worker::Shared};

pub(super) fn render(metrics: &Metrics, shared: &Shared) -> String {
    let mut page = Page::default();
    requests(&mut page, metrics);
    codes(&mut page, metrics);
    durations(&mut page, metrics);
    let current = shared.current.load();
    backends(&mut page, metrics, &current);
    keys(&mut page, &current);
    replay(&mut page, shared);
    node(&mut page, metrics, shared, &current);
    engine(&mut page, metrics);
    page.0.extend(ProcessCollector::for_self().collect());
    page.0.sort_by(|a, b| a.name().cmp(b.name()));
    // Names and labels are ours: the encoder has nothing to refuse.
    TextEncoder::new().encode_to_string(&page.0).unwrap_or_default()
}

/// The families of one scrape.
#[derive(Default)]
struct Page(Vec<MetricFamily>);

type Labels<'a> = &'a [(&'static str, &'a str)];

impl Page {
    fn family(&mut self, name: &str, help: &str, kind: MetricType, samples: Vec<proto::Metric>) {
        if samples.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples);
        self.0.push(family);
    }

    fn counters(&mut self, name: &str, help: &str, samples: Vec<proto::Metric>) {
        self.family(name, help, MetricType::COUNTER, samples);
    }

    fn gauges(&mut self, name: &str, help: &str, samples: Vec<proto::Metric>) {
        self.family(name, help, MetricType::GAUGE, samples);
    }

    fn histograms(&mut self, name: &str, help: &str, samples: Vec<proto::Metric>) {
        self.family(name, help, MetricType::HISTOGRAM, samples);
    }
}

fn labelled(labels: Labels<'_>) -> proto::Metric {
    let pair = |(name, value): &(&'static str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    proto::Metric::from_label(labels.iter().map(pair).collect())
}

fn counter(labels: Labels<'_>, total: u64) -> proto::Metric {
    let mut value = proto::Counter::default();
    value.set_value(to_float(total));
    let mut sample = labelled(labels);
    sample.set_counter(value);
    sample
}

fn gauge(labels: Labels<'_>, value: f64) -> proto::Metric {
    let mut shown = proto::Gauge::default();
    shown.set_value(value);
    let mut sample = labelled(labels);
    sample.set_gauge(shown);
    sample
}

fn histogram(labels: Labels<'_>, reading: &Reading) -> proto::Metric {
    let bucket = |&(bound, count): &(f64, u64)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut shown = proto::Histogram::default();
    shown.set_bucket(reading.buckets.iter().map(bucket).collect());
    shown.set_sample_count(reading.count);
    shown.set_sample_sum(reading.sum);
    let mut sample = labelled(labels);
    sample.set_histogram(shown);
    sample
}

fn count(n: usize) -> f64 {
    to_float(u64::try_from(n).unwrap_or(u64::MAX))
}

/// Milliseconds as seconds.
#[expect(clippy::as_conversions, reason = "dates need 42 bits; a float holds 53 exactly")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

fn requests(page: &mut Page, metrics: &Metrics) {
    let (mut totals, mut durations) = (Vec::new(), Vec::new());
    for route in &metrics.routes {
        for outcome in Outcome::all() {
            let total = route.requests.total(outcome.index());
            totals.push(counter(&[("route", route.key()), ("outcome", outcome.name())], total));
        }
        durations.push(histogram(&[("route", route.key())], &route.duration.reading()));
    }
    page.counters("yanma_requests_total", "Requests by route and outcome.", totals);
    let help = "From the request's head to its answer.";
    page.histograms("yanma_request_duration_seconds", help, durations);
    let in_flight = f64::from(i32::try_from(metrics.requests_in_flight.total()).unwrap_or(0));
    page.gauges("yanma_requests_in_flight", "Requests under way.", vec![gauge(&[], in_flight)]);
    let dropped = metrics.request_headers_dropped.total();
    let help = "Request headers that only the gateway may set, dropped.";
    page.counters("yanma_request_headers_dropped_total", help, vec![counter(&[], dropped)]);
    let hits = Limit::ALL
        .map(|limit| counter(&[("limit", limit.name())], metrics.limit_hits.total(limit.index())));
    page.counters("yanma_limit_hits_total", "Refusals for the sake of a limit.", hits.into());
    let open = metrics.listeners.iter().map(|listener| {
        let open = f64::from(i32::try_from(listener.total()).unwrap_or(0));
        gauge(&[("listener", listener.key())], open)
    });
    page.gauges("yanma_connections", "Open client connections.", open.collect());
}

fn codes(page: &mut Page, metrics: &Metrics) {
    let (mut totals, mut ages) = (Vec::new(), Vec::new());
    for (index, counters) in metrics.codes.iter().enumerate() {
        let Some((channel, counters)) = counters.get() else { continue };
        for outcome in Outcome::all() {
            let total = counters.total(outcome.index());
            totals.push(counter(&[("channel", channel), ("outcome", outcome.name())], total));
        }
        if let Some(age) = metrics.code_ages.get(index).and_then(|age| age.get()) {
            ages.push(histogram(&[("channel", channel)], &age.reading()));
        }
    }
    let help = "Requests on routes that take a code, by the channel that the code claims.";
    page.counters("yanma_codes_total", help, totals);
    let help = "Age of verified codes on arrival.";
    page.histograms("yanma_code_age_seconds", help, ages);
}

fn durations(page: &mut Page, metrics: &Metrics) {
    let families = [
        (
            "yanma_gateway_duration_seconds",
            "The gateway's own time per request: without the client's body and the backend.",
            &metrics.gateway_duration,
        ),
        ("yanma_verify_duration_seconds", "Verifying a code.", &metrics.verify_duration),
        ("yanma_redeem_duration_seconds", "Spending a code.", &metrics.redeem_duration),
    ];
    for (name, help, instrument) in families {
        page.histograms(name, help, vec![histogram(&[], &instrument.reading())]);
    }
}

fn backends(page: &mut Page, metrics: &Metrics, current: &Snapshot) {
    let (mut durations, mut responses) = (Vec::new(), Vec::new());
    for backend in &metrics.backends {
        durations.push(histogram(&[("backend", backend.key())], &backend.duration.reading()));
        for (index, class) in BackendMetrics::CLASSES.into_iter().enumerate() {
            let labels = [("backend", backend.key().as_str()), ("class", class)];
            responses.push(counter(&labels, backend.responses.total(index)));
        }
    }
    let help = "From the choice of an endpoint to its answer.";
    page.histograms("yanma_backend_duration_seconds", help, durations);
    let help = "Answers by class of status; none = no whole answer.";
    page.counters("yanma_backend_responses_total", help, responses);
    let (mut in_flight, mut up) = (Vec::new(), Vec::new());
    for backend in current.backends() {
        in_flight.push(gauge(&[("backend", backend.name())], count(backend.in_flight())));
        for endpoint in backend.endpoints() {
            let labels = [("backend", backend.name()), ("endpoint", endpoint.label())];
            up.push(gauge(&labels, truth(endpoint.is_up())));
        }
    }
    page.gauges("yanma_backend_in_flight", "Requests at the backend.", in_flight);
    page.gauges("yanma_backend_endpoint_up", "Is the endpoint offered requests?", up);
}

fn keys(page: &mut Page, current: &Snapshot) {
    let (mut infos, mut expiries) = (Vec::new(), Vec::new());
    for key in current.keys().iter() {
        let id = key.id().to_string();
        let labels = [
            ("key_id", id.as_str()),
            ("channel", key.channel().as_str()),
            ("state", key.state().as_str()),
            ("algorithm", key.algorithm()),
        ];
        infos.push(gauge(&labels, 1.0));
        expiries.push(gauge(&[("key_id", &id)], seconds(key.not_after().get())));
    }
    page.gauges("yanma_key_info", "The keys of the keyring.", infos);
    let help = "When the key's last code can be issued.";
    page.gauges("yanma_key_expiry_timestamp_seconds", help, expiries);
}

fn replay(page: &mut Page, shared: &Shared) {
    let table = &shared.replay;
    let entries = count(table.entries(shared.clock.now()));
    let help = "Living slots of the replay table, estimated from a sample.";
    page.gauges("yanma_replay_entries", help, vec![gauge(&[], entries)]);
    let capacity = count(table.capacity());
    page.gauges("yanma_replay_capacity", "Slots of the table.", vec![gauge(&[], capacity)]);
    let releases = vec![counter(&[], table.releases())];
    let help = "Codes given back because not one byte had left.";
    page.counters("yanma_replay_releases_total", help, releases);
    let fence = table.fence().map_or(0.0, |fence| f64::from(fence.get()));
    let help = "Codes issued until then are refused as warming_up; 0 = no fence.";
    page.gauges("yanma_replay_fence_end_timestamp_seconds", help, vec![gauge(&[], fence)]);
}

fn node(page: &mut Page, metrics: &Metrics, shared: &Shared, current: &Snapshot) {
    use std::sync::atomic::Ordering::Relaxed;
    let ok = vec![gauge(&[], truth(metrics.reloaded.load(Relaxed)))];
    page.gauges("yanma_config_last_reload_successful", "Did the last reload succeed?", ok);
    let at = vec![gauge(&[], seconds(metrics.reloaded_at_ms.load(Relaxed)))];
    let help = "When configuration and keyring last changed.";
    page.gauges("yanma_config_last_reload_success_timestamp_seconds", help, at);
    let config = current.config().digest.to_string();
    let labels = [("config", config.as_str()), ("keyring", current.keys().digest())];
    page.gauges("yanma_config_info", "Digests of what is in force.", vec![gauge(&labels, 1.0)]);
    let steps = vec![counter(&[], shared.clock.steps())];
    page.counters("yanma_clock_steps_total", "Steps of the wall clock, not followed.", steps);
    let ready = shared
        .health
        .conditions()
        .map(|(condition, holds)| gauge(&[("condition", condition)], truth(holds)));
    page.gauges("yanma_ready", "The conditions of readiness.", ready.into());
    let labels = [("version", env!("CARGO_PKG_VERSION"))];
    page.gauges("yanma_build_info", "The version that runs.", vec![gauge(&labels, 1.0)]);
}

fn engine(page: &mut Page, metrics: &Metrics) {
    let sizes = vec![histogram(&[], &metrics.batch_sizes.reading())];
    page.histograms("yanma_verify_batch_size", "Codes verified together.", sizes);
    let fallbacks = vec![counter(&[], metrics.verify_fallbacks.total())];
    let help = "Verifications that needed the complete formulas.";
    page.counters("yanma_verify_fallbacks_total", help, fallbacks);
    let mismatches = vec![counter(&[], metrics.verify_mismatches.total())];
    let help = "Verifications on which two engines disagreed.";
    page.counters("yanma_verify_mismatches_total", help, mismatches);
    let active = vec![gauge(&[("engine", "reference")], 1.0)];
    page.gauges("yanma_verify_engine_active", "The engine that verifies.", active);
}
