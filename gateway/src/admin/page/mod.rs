//! `/metrics`: what was counted, and the state of this node at the moment of the scrape.

mod accounts;
pub(super) mod process;
#[cfg(test)]
pub(crate) mod tests;

use keyring::{key::KeyState, suite::Engine};

use crate::{
    metrics::{
        page::Page,
        sample::{count, number, seconds, signed, truth},
    },
    snapshot::Snapshot,
    worker::Shared,
};
use sys::{
    log,
    threads::{self, Part},
};

/// Everything as Prometheus text.
pub(crate) fn render(shared: &Shared) -> String {
    let current = shared.current.load();
    let mut page = Page::default();
    shared.metrics.fill(&mut page);
    show_routes(&mut page, &current);
    show_backends(&mut page, &current);
    show_replay(&mut page, shared);
    accounts::show(&mut page, shared);
    show_record(&mut page, shared);
    show_answers(&mut page, shared);
    show_bodies(&mut page, shared);
    show_keys(&mut page, &current);
    show_config(&mut page, &current);
    show_conditions(&mut page, shared);
    show_losses(&mut page, shared);
    show_verification(&mut page, &current);
    process::show(&mut page);
    process::show_workers(&mut page, shared.metrics.worker_threads());
    page.into_text()
}

fn show_routes(page: &mut Page, current: &Snapshot) {
    let routes = &current.config().routes;
    let enforced =
        routes.iter().map(|route| ([("route", route.path.as_str())], truth(route.is_enforced())));
    let help = "Whether a route refuses what it would refuse; 0: it only observes.";
    page.gauge("yanma_route_enforced", help, enforced);
}

fn show_backends(page: &mut Page, current: &Snapshot) {
    let in_flight = current
        .backends()
        .iter()
        .map(|backend| ([("backend", backend.name())], count(backend.in_flight())));
    let help = "Requests that wait for a backend.";
    page.gauge("yanma_backend_in_flight", help, in_flight);
    let up = current.backends().iter().flat_map(|backend| {
        backend.endpoints().iter().map(|endpoint| {
            let labels = [("backend", backend.name()), ("endpoint", endpoint.label())];
            (labels, truth(endpoint.is_up()))
        })
    });
    let help = "Whether requests are sent to an endpoint.";
    page.gauge("yanma_backend_endpoint_up", help, up);
}

fn show_passes(page: &mut Page, shared: &Shared) {
    let Some(passes) = &shared.tables.passes else { return };
    let entries = count(passes.entries(shared.clock.now()));
    page.gauge("yanma_pass_entries", "Spent passes that must be remembered.", [([], entries)]);
    let capacity = count(passes.capacity());
    page.gauge("yanma_pass_capacity", "Slots for spent passes.", [([], capacity)]);
    let fence_end = passes.fence().map_or(0.0, |fence| f64::from(fence.get()));
    let help = "Passes made up to this Unix second are refused; 0: none.";
    page.gauge("yanma_pass_fence_end_timestamp_seconds", help, [([], fence_end)]);
    let current = shared.current.load();
    let keys: Vec<_> =
        current.keys().pass_keys().map(|(id, state)| (id.to_string(), state)).collect();
    let keys =
        keys.iter().map(|(id, state)| ([("id", id.as_str()), ("state", state.as_str())], 1.0));
    page.gauge("yanma_pass_key_info", "The keys of passes and their states.", keys);
}

fn show_replay(page: &mut Page, shared: &Shared) {
    let entries = count(shared.tables.codes.entries(shared.clock.now()));
    page.gauge("yanma_replay_entries", "Spent codes that must be remembered.", [([], entries)]);
    let capacity = count(shared.tables.codes.capacity());
    page.gauge("yanma_replay_capacity", "Slots for spent codes.", [([], capacity)]);
    let releases = number(shared.tables.codes.releases());
    let help = "Spent codes given back, because not one byte was sent.";
    page.counter("yanma_replay_releases_total", help, [([], releases)]);
    show_passes(page, shared);
    let fence_end = shared.tables.codes.fence().map_or(0.0, |fence| f64::from(fence.get()));
    let help = "Codes issued up to this Unix second are refused; 0: none.";
    page.gauge("yanma_replay_fence_end_timestamp_seconds", help, [([], fence_end)]);
}

fn show_record(page: &mut Page, shared: &Shared) {
    let Some(stats) = shared.record.stats() else { return };
    let mut counter = |name, help, value| page.counter(name, help, [([], number(value))]);
    let help = "Decisions written to the record.";
    counter("yanma_record_decisions_total", help, stats.decisions);
    let help = "Decisions missing in the record: its queue was full. A line of it says so too.";
    counter("yanma_record_dropped_total", help, stats.dropped);
    counter("yanma_record_bytes_total", "Bytes written to the record.", stats.bytes);
    let help = "Attempts to write the record that failed.";
    counter("yanma_record_errors_total", help, stats.errors);
    let free = stats.free_bytes.map(|bytes| ([], number(bytes)));
    let help = "Free room on the record's file system, as its writer may use it.";
    page.gauge("yanma_record_free_bytes", help, free);
    let help = "Decisions that wait to be written.";
    page.gauge("yanma_record_queue_length", help, [([], count(stats.queued))]);
    let help = "Decisions that may wait to be written.";
    page.gauge("yanma_record_queue_capacity", help, [([], count(stats.capacity))]);
}

fn show_answers(page: &mut Page, shared: &Shared) {
    let entries = count(shared.responses.entries());
    page.gauge("yanma_retry_answers", "Answers kept for a retry.", [([], entries)]);
    let bytes = count(shared.responses.bytes());
    page.gauge("yanma_retry_answer_bytes", "Memory that they take.", [([], bytes)]);
}

fn show_bodies(page: &mut Page, shared: &Shared) {
    let help = "Memory of bodies and replies that are held whole, beyond the first 16 KiB of each.";
    page.gauge("yanma_body_memory_bytes", help, [([], count(shared.bodies.bytes()))]);
}

fn show_keys(page: &mut Page, current: &Snapshot) {
    let keys: Vec<_> = current.keys().iter().map(|key| (key.id().to_string(), key)).collect();
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
    // A revoked key is out of use, whatever its dates. An alarm for it would call for no action.
    let expiry = keys
        .iter()
        .filter(|(_, key)| key.state() != KeyState::Revoked)
        .map(|(id, key)| ([("key_id", id.as_str())], seconds(key.not_after().get())));
    let help = "When a key's dates end, in Unix seconds; not of revoked keys.";
    page.gauge("yanma_key_expiry_timestamp_seconds", help, expiry);
}

fn show_config(page: &mut Page, current: &Snapshot) {
    let config = current.config().digest.to_string();
    let labels = [("config", config.as_str()), ("keyring", current.keys().digest())];
    page.gauge("yanma_config_info", "Digests of what is in force.", [(labels, 1.0)]);
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("revision", env!("YANMA_REVISION"))];
    let help = "The program; revision: the commit it was built from, or unknown.";
    page.gauge("yanma_build_info", help, [(labels, 1.0)]);
}

fn show_conditions(page: &mut Page, shared: &Shared) {
    let conditions = shared
        .health
        .conditions()
        .map(|condition| ([("condition", condition.name)], truth(condition.holds)));
    page.gauge("yanma_ready", "What must hold for /readyz to say yes.", conditions);
    let help = "Steps of the wall clock, followed or not.";
    page.counter("yanma_clock_steps_total", help, [([], number(shared.clock.steps()))]);
    show_clock_offsets(page, shared);
}

/// Shows the clocks that this node can compare its time with. One that it cannot read has no series.
fn show_clock_offsets(page: &mut Page, shared: &Shared) {
    let wall = ([("source", "wall")], signed(shared.clock.wall_ahead_ns()) / 1e9);
    let registers = shared.metrics.registers().into_iter().flat_map(|all| all.registers());
    let registers = registers.filter_map(|register| {
        Some(([("source", register.name())], seconds(register.clock_ahead_ms()?)))
    });
    let help = "How far another clock is ahead of this node's time: the machine's wall clock, and each register's.";
    page.gauge("yanma_clock_offset_seconds", help, std::iter::once(wall).chain(registers));
}

/// Shows what the process lost, and what it could not record.
fn show_losses(page: &mut Page, shared: &Shared) {
    let threads = &shared.health.threads;
    let ended = Part::ALL.map(|part| ([("thread", part.name())], number(threads.times(part))));
    let help = "Threads and long-lived tasks of the process that panicked; must stay 0.";
    page.counter("yanma_threads_ended_total", help, ended);
    let help = "All panics, those in one request or connection too; must stay 0.";
    page.counter("yanma_panics_total", help, [([], number(threads::panics()))]);
    let help = "Lines of the log that were dropped: standard error took them too slowly or not.";
    page.counter("yanma_log_dropped_total", help, [([], number(log::dropped()))]);
}

fn show_verification(page: &mut Page, current: &Snapshot) {
    let (keys, verifier) = (current.keys(), current.keys().verifier());
    let active = verifier.engine();
    let engines = Engine::ALL.map(|engine| ([("engine", engine.name())], truth(engine == active)));
    page.gauge("yanma_verify_engine_active", "What verifies signatures.", engines);
    let help = "Signatures that met a case which fast additions do not cover: somebody is trying.";
    let fallbacks = number(verifier.fallbacks());
    page.counter("yanma_verify_fallbacks_total", help, [([], fallbacks)]);
    let help = "Answers of the fast engine that p256 did not confirm; must stay 0.";
    let mismatches = number(verifier.mismatches());
    page.counter("yanma_verify_mismatches_total", help, [([], mismatches)]);
    let states = [("ready", keys.tables_ready()), ("wanted", keys.tabled().count())];
    let tables = states.map(|(state, tables)| ([("state", state)], count(tables)));
    page.gauge("yanma_verify_tables", "Keys with a table, and keys that should have one.", tables);
    let help = "Memory of all verification tables.";
    page.gauge("yanma_verify_table_bytes", help, [([], number(keys.table_bytes()))]);
}
