//! `/metrics`: what was counted, and the state of this node at the moment of the scrape.

use prometheus::{core::Collector as _, process_collector::ProcessCollector};

use crate::{
    metrics::page::{Page, count, counter, gauge, seconds, truth},
    snapshot::Snapshot,
    worker::Shared,
};

/// Everything as Prometheus text.
pub(crate) fn render(shared: &Shared) -> String {
    let current = shared.current.load();
    let mut page = Page::default();
    shared.metrics.fill(&mut page);
    backends(&mut page, &current);
    keys(&mut page, &current);
    replay(&mut page, shared);
    node(&mut page, shared, &current);
    page.extend(ProcessCollector::for_self().collect());
    page.into_text()
}

fn backends(page: &mut Page, current: &Snapshot) {
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

fn node(page: &mut Page, shared: &Shared, current: &Snapshot) {
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
