//! Settings that are allowed but look like a mistake.

use body::Infno;

use super::{Address, BackendConfig, Config, RouteConfig};
use crate::limits::BACKEND_TIMEOUT_WARN_MS;
use record::WhenFull;

/// One sentence for each warning, in English.
pub fn of(config: &Config) -> Vec<String> {
    let mut warnings = config.notes.clone();
    warnings.extend(admin(config));
    warnings.extend(drain(config));
    warnings.extend(record(config));
    for (i, backend) in config.backends.iter().enumerate() {
        warnings.extend(loops(backend, config));
        warnings.extend(timeout(backend));
        warnings.extend(connect(backend));
        warnings.extend(maintenance(backend));
        warnings.extend(unused(backend, i, &config.routes));
    }
    for route in &config.routes {
        warnings.extend(settles_without_spending(route));
        warnings.extend(lets_all_pass(route));
        warnings.extend(observes(route));
    }
    warnings
}

fn admin(config: &Config) -> Option<String> {
    let address = config.admin.address;
    let text = "is not loopback: whoever reaches it reads the metrics";
    (!address.ip().is_loopback()).then(|| format!("admin.address = \"{address}\" {text}"))
}

fn drain(config: &Config) -> Option<String> {
    let slowest = config.backends.iter().max_by_key(|backend| backend.timeout_ms)?;
    let (drain_ms, timeout_ms) = (config.server.drain_timeout_ms, slowest.timeout_ms);
    (drain_ms < timeout_ms).then(|| {
        format!(
            "server.drain_timeout_ms = {drain_ms} is below the {timeout_ms} ms of backend \
             \"{}\": a restart may cut off settlements, whose outcome is then unknown",
            slowest.name
        )
    })
}

fn record(config: &Config) -> Option<String> {
    let (queue, requests) = (config.record.queue_entries, config.limits.requests_in_flight_max);
    let refuses = config.record.enabled && config.record.when_full == WhenFull::Refuse;
    (refuses && queue < requests).then(|| {
        format!(
            "record.queue_entries = {queue} is below limits.requests_in_flight_max = {requests}: \
             with record.when_full = \"refuse\" each request that spends a code holds a place in \
             the queue, so that {queue} of them at once are all that there can be"
        )
    })
}

/// An endpoint that is this gateway itself.
fn loops(backend: &BackendConfig, config: &Config) -> Option<String> {
    let admin = Address::Tcp(config.admin.address);
    let listeners = config.listeners.iter().map(|listener| &listener.address);
    let ours: Vec<&Address> = listeners.chain([&admin]).collect();
    backend.endpoints.iter().find_map(|endpoint| {
        let us = ours.iter().find(|address| endpoint.place().reaches(&address.place()))?;
        Some(format!(
            "backend \"{}\" has endpoint {endpoint}, where this gateway itself listens ({us}): \
             a request would come back to it, and a code be spent for nothing",
            backend.name
        ))
    })
}

fn timeout(BackendConfig { name, timeout_ms, .. }: &BackendConfig) -> Option<String> {
    (*timeout_ms > BACKEND_TIMEOUT_WARN_MS).then(|| {
        format!(
            "backend \"{name}\" has timeout_ms = {timeout_ms}, above {BACKEND_TIMEOUT_WARN_MS}: \
             hospital systems give up at 60 s and do not see a later answer"
        )
    })
}

fn connect(BackendConfig { name, timeout_ms, connect_ms, .. }: &BackendConfig) -> Option<String> {
    (connect_ms > timeout_ms).then(|| {
        format!("backend \"{name}\" has connect_ms = {connect_ms} above timeout_ms = {timeout_ms}")
    })
}

fn maintenance(BackendConfig { name, maintenance, .. }: &BackendConfig) -> Option<String> {
    maintenance.then(|| format!("backend \"{name}\" is in maintenance: its requests are refused"))
}

fn unused(backend: &BackendConfig, index: usize, routes: &[RouteConfig]) -> Option<String> {
    let is_used = routes.iter().any(|route| route.backends().any(|used| used == index));
    (!is_used).then(|| format!("backend \"{}\" has no route", backend.name))
}

/// A route that only observes protects nothing.
fn observes(route: &RouteConfig) -> Option<String> {
    (!route.is_enforced()).then(|| {
        format!(
            "route \"{}\" has enforce = false: a code or pass that would be refused is forwarded all the \
             same, so a used one can pay again; what it spends is spent on all other routes too",
            route.path
        )
    })
}

/// The interfaces of the national platform that settle with a code: at a pharmacy, of an
/// outpatient, of an inpatient.
const SETTLEMENTS: [&str; 3] = ["2102", "2207", "2304"];

/// A settlement that spends nothing can be sent as often as one likes.
fn settles_without_spending(route: &RouteConfig) -> Vec<String> {
    let Some(infno) = route.infno() else { return Vec::new() };
    let rule_of = |number: &str| {
        let found = infno.table.get(&number.parse::<Infno>().ok()?)?;
        infno.rules.get(*found.value)
    };
    let spends_nothing = |number: &&str| rule_of(number).is_some_and(|rule| !rule.rule.spends());
    let warn = |number: &str| {
        format!(
            "route \"{}\" takes {} {number}, a settlement, and spends nothing for it: one code or pass \
             can settle again and again; allowed: \"pass\" or \"redeem\"",
            route.path, infno.name
        )
    };
    SETTLEMENTS.iter().copied().filter(spends_nothing).map(warn).collect()
}

/// A number that the table does not list passes unchecked.
fn lets_all_pass(route: &RouteConfig) -> Option<String> {
    let infno = route.infno()?;
    infno.rules.iter().any(|rule| rule.key == "*").then(|| {
        format!(
            "route \"{}\" has a rule \"*\": each {} that is not listed is forwarded without a code, \
             a new settlement too",
            route.path, infno.name
        )
    })
}
