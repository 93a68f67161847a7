//! The families that requests write, for a scrape.

use std::sync::atomic::Ordering::Relaxed;

use super::{
    BackendMetrics, Limit, Metrics, Outcome,
    page::{Page, counter, gauge, histogram, seconds, truth},
};

/// Adds everything that is counted to `page`.
pub(super) fn fill(page: &mut Page, metrics: &Metrics) {
    requests(page, metrics);
    codes(page, metrics);
    durations(page, metrics);
    backends(page, metrics);
    reloads(page, metrics);
    engine(page, metrics);
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

fn backends(page: &mut Page, metrics: &Metrics) {
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
}

fn reloads(page: &mut Page, metrics: &Metrics) {
    let ok = vec![gauge(&[], truth(metrics.reloaded.load(Relaxed)))];
    page.gauges("yanma_config_last_reload_successful", "Did the last reload succeed?", ok);
    let at = vec![gauge(&[], seconds(metrics.reloaded_at_ms.load(Relaxed)))];
    let help = "When configuration and keyring last changed.";
    page.gauges("yanma_config_last_reload_success_timestamp_seconds", help, at);
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
