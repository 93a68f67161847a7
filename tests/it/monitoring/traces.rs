//! Traces of others: a sampled request has a span of the gateway's, the backend sees it as its parent,
//! and `yanma audit export` shows it.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::harness::keys::identity;
use crate::harness::process::{binary, run, run_well};
use crate::harness::python::python;
use crate::harness::{Message, Request, Setup, World, eventually, soon};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

async fn world() -> World {
    Setup::new().await.config("[trace]\nspans = true").start().await
}

/// Pays, and returns what the backend got.
async fn pay(world: &World, code: &str, traceparent: &str) -> Arc<Message> {
    let before = world.backend.count();
    let request = Request::post("/pay").code(code).field("traceparent", traceparent);
    world.ask(&request.field("tracestate", "his=1,b=2")).await.assert_approved();
    let arrived = world.backend.arrived(before + 1).await;
    Arc::clone(arrived.last().expect("it arrived"))
}

#[tokio::test]
async fn a_span_joins_the_client_with_the_backend() {
    let world = world().await;
    let (code, plain) = (world.code(), world.code());
    let seen = pay(&world, &code, &traceparent("01")).await;
    assert_eq!(seen.field("tracestate"), Some("his=1,b=2"));
    let ours = seen.field("traceparent").expect("a traceparent");
    let rest = ours.strip_prefix(&format!("00-{TRACE}-")).expect("the same trace");
    let span = rest.strip_suffix("-01").expect("sampled");
    assert!(span.len() == 16 && span != PARENT && span != "0".repeat(16), "{ours}");

    for unsampled in [traceparent("00"), traceparent("01").to_uppercase(), "garbage".to_owned()] {
        let seen = pay(&world, &world.code(), &unsampled).await;
        assert_eq!(seen.field("traceparent"), Some(unsampled.as_str()));
    }
    world.pay(&plain).await.assert_approved();
    let again = Request::post("/pay").code(&code).body("another");
    let again = again.field("traceparent", &traceparent("01"));
    world.ask(&again).await.assert_refused("code_used");
    world.metric_reaches("yanma_record_decisions_total", 6.0).await;

    let record = run_well(world.directory(), &["audit", "--json", "data/record"]).await;
    let lines: Vec<Value> =
        record.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let with_span: Vec<_> = lines.iter().filter(|line| line.get("span_id").is_some()).collect();
    let [paid, used] = &with_span[..] else { panic!("{lines:?}") };
    assert_eq!((&paid["span_id"], &paid["parent_span_id"]), (&span.into(), &PARENT.into()));
    assert_eq!((&paid["method"], &used["outcome"]), (&"POST".into(), &"code_used".into()));
    run_well(world.directory(), &["audit", "reconcile", "data/record"]).await;

    let exported = run_well(world.directory(), &["audit", "export", "--otlp", "data/record"]).await;
    assert!(!exported.contains("127.0.0.1\""), "no address of a client: {exported}");
    let spans = read_by_others(&world, &exported).await;
    let [of_paid, of_used] = &spans[..] else { panic!("{spans:?}") };
    let [trace, id, parent, name, attributes] = &of_paid[..] else { panic!("{of_paid:?}") };
    assert_eq!([trace, id, parent, name], [TRACE, span, PARENT, "POST /pay"]);
    let attributes: Value = serde_json::from_str(attributes).expect("JSON");
    for (name, value) in [
        ("http.request.method", Value::from("POST")),
        ("http.route", "/pay".into()),
        ("http.response.status_code", 200.into()),
        ("yanma.outcome", "approved".into()),
        ("yanma.redemption", identity(&code).into()),
        ("yanma.endpoint", world.backend.endpoint.as_str().into()),
    ] {
        assert_eq!(attributes[name], value, "{name}: {attributes}");
    }
    assert!(of_used[4].contains("\"error.type\": \"code_used\""), "{of_used:?}");
}

/// What OpenTelemetry's own messages make of the lines.
async fn read_by_others(world: &World, exported: &str) -> Vec<Vec<String>> {
    let file = world.directory().join("spans.jsonl");
    fs::write(&file, exported).expect("a file");
    let output = python("otlp.py", &[file.to_str().expect("plain letters")]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let spans = String::from_utf8(output.stdout).expect("UTF-8");
    spans.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn without_a_record_the_backend_still_sees_a_span() {
    let overlay = "[trace]\nspans = true\n[record]\nenabled = false";
    let mut world = Setup::new().await.config(overlay).start().await;
    let seen = pay(&world, &world.code(), &traceparent("01")).await;
    assert_ne!(seen.field("traceparent"), Some(traceparent("01").as_str()));

    // A reload turns it off.
    world.write_config("[trace]\nspans = false");
    world.signal(Signal::HUP);
    world.metric_becomes("yanma_config_last_reload_successful", 1.0).await;
    let is_off = async || {
        let seen = pay(&world, &world.code(), &traceparent("01")).await;
        (seen.field("traceparent") == Some(traceparent("01").as_str())).then_some(())
    };
    eventually("a header that passes", is_off).await;
}

/// A collector's shipper: lines of the past, of now, and of the process after this one, each once.
#[tokio::test]
async fn an_export_that_follows_goes_on_over_processes_and_ends_with_its_reader() {
    let mut world = world().await;
    pay(&world, &world.code(), &traceparent("01")).await;
    world.metric_reaches("yanma_record_decisions_total", 1.0).await;
    let mut export = Export::start(&world);
    let mut shown = vec![export.next().await];
    pay(&world, &world.code(), &traceparent("01")).await;
    shown.push(export.next().await);
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
    world.start_again().await;
    world.behind_fence().await;
    pay(&world, &world.code(), &traceparent("01")).await;
    shown.push(export.next().await);

    let whole = run_well(world.directory(), &["audit", "export", "--otlp", "data/record"]).await;
    let mut whole: Vec<&str> = whole.lines().collect();
    let (mut expected, mut found) = (whole.split_off(0), shown.clone());
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);

    drop(export.lines);
    let status = soon("the end of the export", export.child.wait()).await.expect("a child");
    assert_eq!(status.code(), Some(1), "its reader is gone");
}

/// `yanma audit export --otlp --follow`.
struct Export {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Export {
    fn start(world: &World) -> Self {
        let mut command = Command::new(binary());
        let command = command.current_dir(world.directory()).kill_on_drop(true);
        let command = command.args(["audit", "export", "--otlp", "--follow", "data/record"]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("yanma starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    async fn next(&mut self) -> String {
        let line = soon("a span", self.lines.next_line()).await.expect("a pipe");
        line.expect("it goes on")
    }
}

#[tokio::test]
async fn an_export_says_what_it_needs() {
    let directory = tempfile::tempdir().expect("a directory");
    for (arguments, status, said) in [
        (&["audit", "export", "nowhere"][..], 64, "--otlp is the only one"),
        (&["audit", "export", "--otlp", "nowhere"], 1, "nowhere"),
        (&["audit", "export", "--otlp", "--follow", "nowhere"], 1, "nowhere"),
        (&["audit", "export", "--otlp", "."], 1, "no file of a decision record"),
        (&["audit", "export", "--otlp"], 64, "FILE"),
    ] {
        let output = run(directory.path(), arguments).await;
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}
