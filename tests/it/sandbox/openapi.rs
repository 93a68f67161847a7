//! `config/openapi/yanma.yaml` is a valid document, and a real sandbox does what it says.

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::harness::project::{read, root, yaml};
use crate::harness::python::tool;
use crate::harness::world::sample_of;
use crate::harness::{Client, Request};
use crate::operator::sandbox::Sandbox;

const FILE: &str = "config/openapi/yanma.yaml";
/// Requests that schemathesis makes up for an operation, beside those that it derives.
const MADE_UP: &str = "12";
/// It takes 15 s on two free cores, and much longer while others build.
const PATIENCE: Duration = Duration::from_secs(300);
/// What the sandbox's pages serve, and not its gateway.
const OF_PAGES: &str = "/sandbox/";
/// Places in `Sandbox::addresses`.
const GATEWAY: usize = 0;
const ADMIN: usize = 1;
const PAGES: usize = 3;

#[tokio::test]
async fn it_is_a_valid_document() {
    let mut validate = tool("openapi-spec-validator");
    let ended = validate.args(["--validation-errors", "all", FILE]).output();
    let output = tokio::time::timeout(PATIENCE, ended).await.expect("the validator's end");
    let output = output.expect("openapi-spec-validator; run tests/run");
    assert!(output.status.success(), "{}", said(&output));
}

/// Each route of the sandbox is a path with its methods, or is told of in the text.
#[tokio::test]
async fn its_paths_are_the_sandboxs_routes() {
    let sandbox = Sandbox::start().await;
    let settings = read(&sandbox.directory.path().join("sandbox/gateway.toml"));
    let settings: toml::Table = settings.parse().expect("TOML");
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let told = document["servers"][0]["description"].as_str().expect("a text");
    let mut served = BTreeSet::new();
    for route in settings["route"].as_array().expect("routes") {
        let path = route["path"].as_str().expect("a path");
        served.insert(path.to_owned());
        let Some(item) = paths.get(path) else {
            assert!(told.contains(&format!("`{path}`")), "the document does not tell of {path}");
            continue;
        };
        let methods = item.as_object().expect("operations").keys();
        let methods: BTreeSet<String> = methods.map(|name| name.to_uppercase()).collect();
        assert_eq!(methods, texts(&route["methods"]), "{path}");
        if let Some(rules) = route.get("infno") {
            let rules: BTreeSet<String> =
                rules.as_table().expect("rules").keys().cloned().collect();
            let schema = &document["components"]["schemas"]["Envelope"]["properties"]["infno"];
            let listed = schema["enum"].as_array().expect("numbers").iter();
            let listed = listed.map(|one| one.as_str().expect("a text").to_owned());
            assert_eq!(listed.collect::<BTreeSet<_>>(), rules, "{path}");
        }
    }
    served.insert(settings["status"]["path"].as_str().expect("a path").to_owned());
    let documented = paths.keys().filter(|path| !path.starts_with(OF_PAGES));
    let unserved: Vec<&String> = documented.filter(|path| !served.contains(*path)).collect();
    assert!(unserved.is_empty(), "the sandbox does not serve {unserved:?}");
}

/// Requests as the document says and requests as it forbids, by schemathesis. The gateway answers
/// each as the document says, with good codes where a request is good.
#[tokio::test]
async fn the_gateway_does_what_it_says() {
    let sandbox = Sandbox::start().await;
    let no_pages = ["--exclude-path-regex", "^/sandbox/"];
    let said = fuzz(&sandbox, &url_of(&sandbox, GATEWAY), &no_pages).await;

    // Each kind of answer was met: a run with bad codes alone would find nothing either.
    let metrics = metrics(&sandbox).await;
    let document = document();
    let paths = document["paths"].as_object().expect("paths").keys();
    for path in paths.filter(|path| !path.starts_with(OF_PAGES) && !path.starts_with("/yanma/")) {
        let approved = format!("yanma_requests_total{{route=\"{path}\",outcome=\"approved\"}}");
        assert!(sample_of(&metrics, &approved) >= Some(3.0), "{approved}\n{said}");
    }
    for reason in [
        "code_missing",
        "code_malformed",
        "code_used",
        "pass_invalid",
        "pass_used",
        "request_malformed",
        "method_not_allowed",
    ] {
        assert!(is_answered(&metrics, reason), "no route ever answered {reason}\n{said}");
    }
}

#[tokio::test]
async fn the_pages_do_what_it_says() {
    let sandbox = Sandbox::start().await;
    // One operation has nothing to be followed by.
    let one = ["--include-path-regex", "^/sandbox/", "--phases", "examples,coverage,fuzzing"];
    let (_, port) = sandbox.addresses[PAGES].rsplit_once(':').expect("a port");
    let host = ["--header", &format!("Host:localhost:{port}")];
    fuzz(&sandbox, &url_of(&sandbox, PAGES), &[one.as_slice(), &host].concat()).await;
}

/// schemathesis with fresh codes, against one of the sandbox's listeners.
async fn fuzz(sandbox: &Sandbox, url: &str, arguments: &[&str]) -> String {
    let mut command = tool("schemathesis");
    command
        .args(["run", &root().join(FILE).display().to_string(), "--url", url])
        .args(["--exclude-checks", "positive_data_acceptance", "--max-failures", "8"])
        .args(["--seed", "16", "--max-examples", MADE_UP, "--request-timeout", "20", "--no-color"])
        .args(arguments)
        .env("SCHEMATHESIS_HOOKS", "openapi")
        .env("PYTHONPATH", root().join("tests/python"))
        .env("YANMA_GATEWAY", url_of(sandbox, GATEWAY))
        .env("YANMA_PAGES", url_of(sandbox, PAGES))
        // It keeps what it finds in the folder in which it runs.
        .current_dir(sandbox.directory.path());
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the end of schemathesis").expect("schemathesis; run tests/run");
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    said
}

fn url_of(sandbox: &Sandbox, listener: usize) -> String {
    format!("http://{}", sandbox.addresses[listener])
}

async fn metrics(sandbox: &Sandbox) -> String {
    let admin = &sandbox.addresses[ADMIN];
    let request = Request::get("/metrics").host(admin);
    Client::connect(admin).await.ask(request.bytes()).await.text().to_owned()
}

fn is_answered(metrics: &str, reason: &str) -> bool {
    let outcome = format!("outcome=\"{reason}\"");
    let mut requests = metrics.lines().filter(|line| line.starts_with("yanma_requests_total{"));
    requests.any(|line| line.contains(&outcome) && !line.ends_with(" 0"))
}

fn document() -> Value {
    yaml(&read(&root().join(FILE)))
}

fn texts(list: &toml::Value) -> BTreeSet<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|one| one.as_str().expect("a text").to_owned()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}
