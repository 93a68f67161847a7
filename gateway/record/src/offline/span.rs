//! A decision as a span of OpenTelemetry, in the JSON of OTLP.
//!
//! One line is one `ExportTraceServiceRequest`, which the collector's `otlpjsonfile` receiver reads.
//! Ids are hex and 64-bit numbers are strings, as the OTLP specification asks for JSON. Names of
//! attributes are those of its semantic conventions for HTTP servers, and `yanma.*`.
//!
//! Nothing of a person is in it: no subject, not even hashed, no address, no text of a client.

use keyring::time::UnixMillis;
use serde_json::{Value, json};

use super::facts::Facts;

/// `SPAN_KIND_SERVER`.
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;
/// Sampled, and the parent is known to be of another process (`SpanFlags`).
const FLAGS: u32 = 0x301;

/// The span of a decision of a sampled trace, as one line without its line feed; `None` for every
/// other line. `is_fault`: is this refusal's reason the gateway's or a backend's fault?
#[must_use]
pub fn span(line: &Facts<'_>, is_fault: impl Fn(&str) -> bool) -> Option<String> {
    let (trace_id, span_id) = (line.trace_id.as_deref()?, line.span_id.as_deref()?);
    let end: UnixMillis = line.time.parse().ok()?;
    let end_ns = end.get().checked_mul(1_000_000)?;
    let latency_ns = i64::try_from(line.latency_us.unwrap_or(0)).ok()?.checked_mul(1_000)?;
    let outcome = line.outcome.as_deref().unwrap_or_default();
    let status = relayed_status(line, outcome);
    let method = line.method.as_deref().unwrap_or("_OTHER");
    let name = line.route.as_deref().map_or(method.to_owned(), |route| format!("{method} {route}"));
    let is_refused = !matches!(outcome, "approved" | "replayed" | "observed");
    let is_error = status.is_some_and(|status| status >= 500) || is_refused && is_fault(outcome);
    let mut span = json!({
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": line.parent_span_id.as_deref().unwrap_or_default(),
        "flags": FLAGS,
        "name": name,
        "kind": SERVER,
        "startTimeUnixNano": (end_ns - latency_ns).to_string(),
        "endTimeUnixNano": end_ns.to_string(),
        "attributes": attributes(line, method, status, is_refused),
    });
    if is_error && let Some(span) = span.as_object_mut() {
        span.insert("status".to_owned(), json!({ "code": ERROR, "message": outcome }));
    }
    let resource = [("service.name", "yanma"), ("service.instance.id", &*line.node)];
    let request = json!({ "resourceSpans": [{
        "resource": { "attributes": resource.map(|(key, value)| text(key, value)) },
        "scopeSpans": [{
            "scope": { "name": "yanma", "version": env!("CARGO_PKG_VERSION") },
            "spans": [span],
        }],
    }] });
    Some(request.to_string())
}

/// The client saw the backend's own status. A refusal's status depends on the shape of the route, which
/// the record does not have.
fn relayed_status(line: &Facts<'_>, outcome: &str) -> Option<u16> {
    line.status.filter(|_| matches!(outcome, "approved" | "observed"))
}

fn attributes(line: &Facts<'_>, method: &str, status: Option<u16>, is_refused: bool) -> Vec<Value> {
    let mut attributes =
        vec![text("http.request.method", method), text("server.address", &line.node)];
    if let Some(status) = status {
        attributes.push(number("http.response.status_code", status.into()));
    }
    let failed_status = status.filter(|status| *status >= 500).map(|status| status.to_string());
    let error = if is_refused { line.outcome.as_deref() } else { failed_status.as_deref() };
    for (key, value) in [
        ("http.route", line.route.as_deref()),
        ("error.type", error),
        ("yanma.outcome", line.outcome.as_deref()),
        ("yanma.error_code", line.error_code.as_deref()),
        ("yanma.observed", line.observed.as_deref()),
        ("yanma.request_id", line.request_id.as_deref()),
        ("yanma.route_use", line.route_use.as_deref()),
        ("yanma.redemption", line.redemption.as_deref()),
        ("yanma.spending", line.spending.as_deref()),
        ("yanma.channel", line.channel.as_deref()),
        ("yanma.backend", line.backend.as_deref()),
        ("yanma.endpoint", line.endpoint.as_deref()),
    ] {
        attributes.extend(value.map(|value| text(key, value)));
    }
    if line.backend.is_some() {
        attributes.push(json!({
            "key": "yanma.bytes_sent", "value": { "boolValue": line.bytes_sent },
        }));
    }
    if let Some(count) = line.stands_for.filter(|count| *count > 1) {
        attributes.push(number("yanma.stands_for", count));
    }
    attributes
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// A 64-bit number is a string in the JSON of protobuf.
fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    const LINE: &str = r#"{"seq":3,"prev":"00","event":"decision","time":"2027-01-15T08:00:00.500Z",
        "node":"gw-1","client":"192.0.2.1","request_id":"000g00k0r006c007",
        "client_request_id":"H-1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","route":"/pay",
        "route_use":"redeem","outcome":"approved","error_code":null,
        "redemption":"7001-1800000000-000000000000002a","key_id":7001,"channel":"wechat",
        "region":"370100","kind":"payment","auth":"password","relation":0,"code_age_ms":4,
        "subject_hash":"c0ffee","backend":"settlement","endpoint":"http://127.0.0.1:9001",
        "status":200,"spending":"spent","bytes_sent":true,"latency_us":1500,"stands_for":1,
        "span_id":"a1a1a1a1a1a1a1a1","parent_span_id":"00f067aa0ba902b7","method":"POST",
        "config":"0","keyring":"0","hash":"0"}"#;

    fn span_of(line: &str) -> Option<Map<String, Value>> {
        let facts = Facts::parse(line.as_bytes()).unwrap();
        let text = span(&facts, |reason| reason == "backend_unreachable")?;
        assert!(!text.contains('\n'));
        let request: Value = serde_json::from_str(&text).unwrap();
        let resource = &request["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][1]["value"]["stringValue"], "gw-1");
        Some(resource["scopeSpans"][0]["spans"][0].as_object().unwrap().clone())
    }

    fn attribute(span: &Map<String, Value>, key: &str) -> Option<Value> {
        let attributes = span["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == key)?;
        found["value"].as_object().unwrap().values().next().cloned()
    }

    #[test]
    fn a_span_has_its_ids_its_times_and_what_became_of_it() {
        let span = span_of(LINE).unwrap();
        for (name, value) in [
            ("traceId", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
            ("spanId", json!("a1a1a1a1a1a1a1a1")),
            ("parentSpanId", json!("00f067aa0ba902b7")),
            ("name", json!("POST /pay")),
            ("kind", json!(2)),
            ("startTimeUnixNano", json!("1800000000498500000")),
            ("endTimeUnixNano", json!("1800000000500000000")),
        ] {
            assert_eq!(span[name], value, "{name}");
        }
        for (key, value) in [
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("http.route", "/pay"),
            ("server.address", "gw-1"),
            ("yanma.outcome", "approved"),
            ("yanma.redemption", "7001-1800000000-000000000000002a"),
            ("yanma.endpoint", "http://127.0.0.1:9001"),
        ] {
            assert_eq!(attribute(&span, key), Some(json!(value)), "{key}");
        }
        assert!(!span.contains_key("status") && attribute(&span, "error.type").is_none());
    }

    #[test]
    fn nothing_of_a_person_is_in_it() {
        let facts = Facts::parse(LINE.as_bytes()).unwrap();
        let text = span(&facts, |_| false).unwrap();
        for personal in ["c0ffee", "192.0.2.1", "H-1", "370100"] {
            assert!(!text.contains(personal), "{text}");
        }
    }

    #[test]
    fn only_a_fault_is_an_error() {
        for (outcome, status, is_error, error) in [
            ("approved", "200", false, None),
            ("approved", "404", false, None),
            ("approved", "503", true, Some("503")),
            ("code_used", "null", false, Some("code_used")),
            ("backend_unreachable", "null", true, Some("backend_unreachable")),
            ("outcome_unknown", "200", false, Some("outcome_unknown")),
            ("replayed", "null", false, None),
        ] {
            let line =
                LINE.replace("\"outcome\":\"approved\"", &format!("\"outcome\":\"{outcome}\""));
            let span =
                span_of(&line.replace("\"status\":200", &format!("\"status\":{status}"))).unwrap();
            assert_eq!(span.contains_key("status"), is_error, "{outcome} {status}");
            assert_eq!(attribute(&span, "error.type"), error.map(|error| json!(error)));
        }
    }

    #[test]
    fn other_lines_have_no_span() {
        assert!(span_of(&LINE.replace("\"span_id\"", "\"other\"")).is_none());
        assert!(
            span_of(r#"{"event":"stop","time":"2027-01-15T08:00:00.500Z","node":"gw-1"}"#)
                .is_none()
        );
    }
}
