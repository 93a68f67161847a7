//! The backends that settle.

use crate::config::address::Endpoint;
use crate::config::place::Place;
use crate::config::table::{NAME_ALLOWED, Table};
use crate::limits;

/// One `[[backend]]`: endpoints that answer alike.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackendConfig {
    /// `[a-z0-9-]{1,32}`, unlike any other backend's.
    pub name: String,
    /// At least one, no two alike.
    pub endpoints: Vec<Endpoint>,
    /// From sending a request to the end of the reply.
    pub timeout_ms: u64,
    /// To open a connection.
    pub connect_ms: u64,
    /// How long an idle connection is kept.
    pub idle_ms: u64,
    /// Whether a connection carries more than one request.
    pub reuse: bool,
    /// Connections over all endpoints and workers.
    pub connections_max: usize,
    /// Every request that would go here is refused with `maintenance`.
    pub maintenance: bool,
}

impl BackendConfig {
    /// Whether a request to one may reach the process behind the other.
    pub(in crate::config) fn shares_endpoint(&self, other: &Self) -> bool {
        let has = |place: &Place| other.endpoints.iter().any(|theirs| theirs.place().may_be(place));
        self.endpoints.iter().any(|ours| has(ours.place()))
    }
}

/// Reads `[[backend]]`. One with problems keeps its place, so that the routes to it have none.
pub(in crate::config) fn read_all(root: &mut Table<'_>) -> Vec<BackendConfig> {
    root.missing("backend", "one or more [[backend]] tables");
    let mut backends: Vec<BackendConfig> = Vec::new();
    for mut table in root.tables("backend", limits::BACKENDS_MAX) {
        let backend = read(&mut table);
        if !backend.name.is_empty() && backends.iter().any(|other| other.name == backend.name) {
            let name = table.name();
            table.problem(&format!("{name}.name = \"{}\": must be unique", backend.name));
        }
        backends.push(backend);
    }
    backends
}

fn read(table: &mut Table<'_>) -> BackendConfig {
    table.missing("name", NAME_ALLOWED);
    let backend = BackendConfig {
        name: table.label("name").unwrap_or_default(),
        endpoints: endpoints(table),
        timeout_ms: table.number("timeout_ms", limits::BACKEND_TIMEOUT_MS),
        connect_ms: table.number("connect_ms", limits::BACKEND_CONNECT_MS),
        idle_ms: table.number("idle_ms", limits::BACKEND_IDLE_MS),
        reuse: table.boolean("reuse", true),
        connections_max: table.number("connections_max", limits::BACKEND_CONNECTIONS_MAX),
        maintenance: table.boolean("maintenance", false),
    };
    table.finish();
    backend
}

fn endpoints(table: &mut Table<'_>) -> Vec<Endpoint> {
    let base = table.base();
    table.missing("endpoints", "an array of one or more endpoints");
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for item in table.items("endpoints", limits::ENDPOINTS_MAX).unwrap_or_default() {
        match item.string().and_then(|text| Endpoint::parse(text, base)) {
            None => item.refuse(Endpoint::ALLOWED),
            Some(endpoint) if endpoints.iter().any(|other| other.place().is(endpoint.place())) => {
                item.refuse("an endpoint that the backend does not have yet");
            }
            Some(endpoint) => endpoints.push(endpoint),
        }
    }
    endpoints
}
