//! This node: what runs, its conditions, backends, registers, keys, log.

use keyring::{key::KeyState, suite::Engine, time::UnixMillis};
use serde::Serialize;

use super::{Source, rounded};
use crate::{
    admin::{
        live::{
            ring::per_second,
            sums::{self, Window},
        },
        page::process,
    },
    limits,
    snapshot::Snapshot,
    upstream::endpoints::Backend,
    worker::Shared,
};
use sys::log as lines;

const DAY_MS: i64 = 86_400_000;

/// What runs here.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Runs {
    host: String,
    environment: String,
    version: &'static str,
    revision: &'static str,
    config: String,
    keyring: String,
    started_unix_ms: i64,
    uptime_s: i64,
    last_reload: &'static str,
    last_reload_unix_ms: i64,
    workers: usize,
    verify_engine: &'static str,
    verify_tables_ready: usize,
    verify_tables_wanted: usize,
    wall_clock_ahead_s: f64,
    memory_bytes: Option<u64>,
    open_files: Option<usize>,
}

impl Runs {
    pub(in crate::admin::live) fn read(source: &Source<'_>, current: &Snapshot) -> Self {
        let (config, keys) = (current.config(), current.keys());
        let metrics = &source.shared.metrics;
        let engine: Engine = keys.verifier().engine();
        Self {
            host: source.host.to_owned(),
            environment: config.server.environment.clone(),
            version: env!("CARGO_PKG_VERSION"),
            revision: env!("YANMA_REVISION"),
            config: config.digest.to_string(),
            keyring: keys.digest().to_owned(),
            started_unix_ms: source.started_ms,
            uptime_s: (source.shared.clock.now().get() - source.started_ms) / 1_000,
            last_reload: if metrics.is_reload_successful() { "ok" } else { "failed" },
            last_reload_unix_ms: metrics.reloaded_ms(),
            workers: config.server.workers,
            verify_engine: engine.name(),
            verify_tables_ready: keys.tables_ready(),
            verify_tables_wanted: keys.tabled().count(),
            wall_clock_ahead_s: rounded(sums::seconds(source.shared.clock.wall_ahead_ns())),
            memory_bytes: process::memory_bytes(),
            open_files: process::open_files(),
        }
    }
}

/// One condition of `/readyz`.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct ConditionRow {
    name: &'static str,
    state: &'static str,
    otherwise: Option<&'static str>,
}

pub(in crate::admin::live) fn conditions(shared: &Shared) -> Vec<ConditionRow> {
    let row = |condition: crate::readiness::Condition| ConditionRow {
        name: condition.name,
        state: if condition.holds { "holds" } else { "fails" },
        otherwise: (!condition.holds).then_some(condition.otherwise),
    };
    shared.health.conditions().map(row).into()
}

/// Backends, registers and keys.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct Parts {
    backends: Vec<BackendRow>,
    endpoints: Vec<EndpointRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registers: Option<Vec<RegisterRow>>,
    keys: Vec<KeyRow>,
}

#[derive(Debug, Serialize)]
struct BackendRow {
    backend: String,
    state: &'static str,
    in_flight: usize,
    in_flight_max: usize,
    per_s: f64,
    failed_five_minutes: u64,
}

#[derive(Debug, Serialize)]
struct EndpointRow {
    backend: String,
    endpoint: String,
    state: &'static str,
    in_flight: u32,
}

#[derive(Debug, Serialize)]
struct RegisterRow {
    group: String,
    register: String,
    state: &'static str,
    connections: i64,
    abstains: Option<&'static str>,
    errors: u64,
    clock_ahead_ms: Option<i64>,
}

#[derive(Debug, Serialize)]
struct KeyRow {
    key_id: String,
    channel: &'static str,
    state: &'static str,
    algorithm: &'static str,
    /// None: it is revoked.
    days_left: Option<i64>,
    /// None: no genuine code since the start.
    last_use_ago_s: Option<i64>,
}

impl Parts {
    pub(in crate::admin::live) fn read(source: &Source<'_>, current: &Snapshot) -> Self {
        let one = source.ring.window(source.now, 60);
        let five = source.ring.window(source.now, limits::LIVE_SECONDS);
        let backends = current.backends().iter().zip(&current.config().backends);
        let endpoints = current.backends().iter().flat_map(|backend| {
            backend.endpoints().iter().map(|endpoint| EndpointRow {
                backend: backend.name().to_owned(),
                endpoint: endpoint.label().to_owned(),
                state: if endpoint.is_up() { "up" } else { "down" },
                in_flight: endpoint.in_flight(),
            })
        });
        Self {
            backends: backends
                .map(|(backend, config)| {
                    BackendRow::read(source, backend, config.maintenance, (one, five))
                })
                .collect(),
            endpoints: endpoints.collect(),
            registers: source
                .shared
                .metrics
                .registers()
                .map(|registers| registers.registers().iter().map(RegisterRow::read).collect()),
            keys: keys(source, current),
        }
    }
}

impl BackendRow {
    fn read(
        source: &Source<'_>,
        backend: &Backend,
        is_in_maintenance: bool,
        (one, five): (Window<'_>, Window<'_>),
    ) -> Self {
        let counts = source.shared.metrics.backend(backend.name());
        Self {
            backend: backend.name().to_owned(),
            state: state_of(backend, is_in_maintenance),
            in_flight: backend.in_flight(),
            in_flight_max: backend.connections_max(),
            per_s: rounded(per_second(one.answers(&counts).all, one.seconds())),
            failed_five_minutes: five.answers(&counts).failed,
        }
    }
}

/// One word for a backend.
pub(in crate::admin::live) fn state_of(backend: &Backend, is_in_maintenance: bool) -> &'static str {
    let up = backend.endpoints().iter().filter(|endpoint| endpoint.is_up()).count();
    match up {
        _ if is_in_maintenance => "maintenance",
        0 => "down",
        _ if up < backend.endpoints().len() => "partly",
        _ => "up",
    }
}

impl RegisterRow {
    fn read(counts: &registers::counts::RegisterCounts) -> Self {
        let [(_, group), (_, register)] = counts.labels();
        let abstains = abstains(counts);
        let connections = counts.connections();
        let state = match abstains {
            _ if connections <= 0 => "down",
            Some(_) => "abstains",
            None => "up",
        };
        Self {
            group: group.to_owned(),
            register: register.to_owned(),
            state,
            connections,
            abstains,
            errors: counts.errors(),
            clock_ahead_ms: counts.clock_ahead_ms(),
        }
    }
}

/// Why a register does not vote, if so.
pub(in crate::admin::live) fn abstains(
    counts: &registers::counts::RegisterCounts,
) -> Option<&'static str> {
    let mut reasons = counts.ineligible().into_iter();
    reasons.find(|(_, connections)| *connections > 0).map(|(reason, _)| reason)
}

fn keys(source: &Source<'_>, current: &Snapshot) -> Vec<KeyRow> {
    let now = source.shared.clock.now();
    let row = |key: &keyring::key::IssuerKey| {
        let key_id = key.id().to_string();
        let last_ms = source.key_uses.last_ms(&key_id);
        KeyRow {
            channel: key.channel().as_str(),
            state: key.state().as_str(),
            algorithm: key.algorithm(),
            days_left: (key.state() != KeyState::Revoked).then(|| days_left(key.not_after(), now)),
            last_use_ago_s: last_ms.map(|last_ms| (now.get() - last_ms).max(0) / 1_000),
            key_id,
        }
    };
    current.keys().iter().map(row).collect()
}

/// Whole days to the end of a key's dates; negative once they are over.
pub(in crate::admin::live) fn days_left(not_after: UnixMillis, now: UnixMillis) -> i64 {
    not_after.ms_since(now).div_euclid(DAY_MS)
}

/// One line of the log.
#[derive(Debug, Serialize)]
pub(in crate::admin::live) struct LogRow {
    unix_ms: i64,
    level: &'static str,
    event: &'static str,
    text: String,
}

/// The newest first.
pub(in crate::admin::live) fn log() -> Vec<LogRow> {
    let row = |entry: &lines::Entry| LogRow {
        unix_ms: entry.at.as_millisecond(),
        level: entry.event.level().name(),
        event: entry.event.name(),
        text: entry.text.clone(),
    };
    lines::recent().iter().rev().map(|entry| row(entry)).collect()
}
