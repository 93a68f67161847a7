//! `/readyz`: can this node serve? As lines for a person, or as JSON for a program.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header::VARY};
use http_body_util::Full;
use serde::Serialize;

use super::answers::{json, text};
use crate::{web::accept::prefers_json, worker::Shared};

/// In the form that the client prefers. The status is the same in both.
pub(super) fn answer(shared: &Shared, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let status = match shared.health.is_ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut answer = match prefers_json(headers) {
        true => json(status, document(shared)),
        false => text(status, lines(shared)),
    };
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    answer
}

/// One line for each condition. Lines for the backends and registers follow for the operator; they
/// do not change the status.
fn lines(shared: &Shared) -> String {
    let verdict = if shared.health.is_ready() { "ready" } else { "not ready" };
    let mut page = format!("{verdict}\n");
    // Writing to a String cannot fail.
    for condition in shared.health.conditions() {
        let state = if condition.holds { "ok" } else { condition.otherwise };
        let _ = writeln!(page, "{}: {state}", condition.name);
    }
    for backend in shared.current.load().backends() {
        let (name, n, max) = (backend.name(), backend.in_flight(), backend.connections_max());
        let _ = writeln!(page, "backend {name}: {n} of {max} requests in flight");
        for endpoint in backend.endpoints() {
            let (label, n) = (endpoint.label(), endpoint.in_flight());
            let state = if endpoint.is_up() { "up" } else { "down" };
            let _ = writeln!(page, "backend {name} {label}: {state}, {n} in flight");
        }
    }
    for line in shared.metrics.registers().into_iter().flat_map(|registers| registers.lines()) {
        let _ = writeln!(page, "{line}");
    }
    page
}

/// The same for a program.
#[derive(Serialize)]
struct Document<'a> {
    ready: bool,
    conditions: Vec<ConditionRow>,
    backends: Vec<BackendRow<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    registers: Vec<RegisterRow<'a>>,
}

#[derive(Serialize)]
struct ConditionRow {
    name: &'static str,
    holds: bool,
    /// What it means that it does not hold.
    otherwise: Option<&'static str>,
}

#[derive(Serialize)]
struct BackendRow<'a> {
    backend: &'a str,
    in_flight: usize,
    in_flight_max: usize,
    endpoints: Vec<EndpointRow<'a>>,
}

#[derive(Serialize)]
struct EndpointRow<'a> {
    endpoint: &'a str,
    up: bool,
    in_flight: u32,
}

#[derive(Serialize)]
struct RegisterRow<'a> {
    group: &'a str,
    register: &'a str,
    connections: i64,
    /// Why it does not vote.
    abstains: Vec<&'static str>,
}

fn document(shared: &Shared) -> Vec<u8> {
    let current = shared.current.load();
    let conditions = shared.health.conditions().map(|condition| ConditionRow {
        name: condition.name,
        holds: condition.holds,
        otherwise: (!condition.holds).then_some(condition.otherwise),
    });
    let backends = current.backends().iter().map(|backend| BackendRow {
        backend: backend.name(),
        in_flight: backend.in_flight(),
        in_flight_max: backend.connections_max(),
        endpoints: backend
            .endpoints()
            .iter()
            .map(|endpoint| EndpointRow {
                endpoint: endpoint.label(),
                up: endpoint.is_up(),
                in_flight: endpoint.in_flight(),
            })
            .collect(),
    });
    let registers = shared.metrics.registers().into_iter().flat_map(|all| all.registers());
    let registers = registers.map(|one| {
        let [(_, group), (_, register)] = one.labels();
        let reasons = one.ineligible().into_iter().filter(|(_, connections)| *connections > 0);
        let abstains = reasons.map(|(reason, _)| reason).collect();
        RegisterRow { group, register, connections: one.connections(), abstains }
    });
    let document = Document {
        ready: shared.health.is_ready(),
        conditions: conditions.into(),
        backends: backends.collect(),
        registers: registers.collect(),
    };
    serde_json::to_vec(&document).expect("its keys are strings")
}
