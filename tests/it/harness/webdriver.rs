//! Drives Debian's Chromium by WebDriver (W3C): what a person sees of a page, and what it asks for.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::process::child_of;
use super::project::root;
use super::spawn;

/// A browser starts slowly where many tests run.
const PATIENCE: Duration = Duration::from_secs(90);

/// Without a window, and without what a browser asks its maker for.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one tab; ended when dropped.
pub(crate) struct Browser {
    driver: Child,
    address: String,
    session: String,
    _profile: TempDir,
}

const RUN_AXE: &str = "const done = arguments[arguments.length - 1]; \
    axe.run(options).then((found) => done(found.violations.map((one) => \
    [one.id, one.nodes.map((node) => [node.html, node.failureSummary])])))";

/// The file of PyPI's axe-core-python.
fn axe() -> PathBuf {
    let made =
        std::env::var_os("YANMA_TEST_VENV").map_or(root().join("target/python"), PathBuf::from);
    let versions =
        std::fs::read_dir(made.join("lib")).expect("a Python environment; run tests/run");
    let files =
        versions.flatten().map(|one| one.path().join("site-packages/axe_core_python/axe.min.js"));
    files.into_iter().find(|file| file.exists()).expect("axe-core-python; run tests/run")
}

/// The size of a window and the colours that its person asks for.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Screen {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) is_phone: bool,
    /// `light` or `dark`.
    pub(crate) scheme: &'static str,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With arguments for Chromium.
    pub(crate) async fn start_with(more: &[&str]) -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = command.spawn().expect("chromedriver; run tests/run");
        let stdout = BufReader::new(driver.stdout.take().expect("a pipe"));
        let port = tokio::time::timeout(PATIENCE, port_of(stdout)).await.expect("a port in time");
        let profile = tempfile::tempdir().expect("a directory");
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> =
            ARGUMENTS.iter().chain(more).copied().chain([folder.as_str()]).collect();
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let address = format!("127.0.0.1:{port}");
        let mut browser = Self { driver, address, session: String::new(), _profile: profile };
        let made = browser.call("POST", "", wanted).await;
        browser.session = format!("/{}", made["sessionId"].as_str().expect("a session"));
        browser
    }

    /// Opens an address and waits until it is loaded.
    pub(crate) async fn open(&self, address: &str) {
        self.call("POST", "/url", json!({"url": address})).await;
    }

    /// The body of a function, and what it returns.
    pub(crate) async fn script(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", json!({"script": script, "args": []})).await
    }

    /// Types into what has the focus, a key each `pause_ms`, as a wedge scanner does. WebDriver's own
    /// characters are Enter (`\u{e007}`) and Tab (`\u{e004}`).
    pub(crate) async fn type_keys(&self, keys: &str, pause_ms: u32) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                    json!({"type": "pause", "duration": pause_ms}),
                ]
            })
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.call("POST", "/actions", json!({"actions": [keyboard]})).await;
    }

    /// The same of a function that calls its last argument with the result.
    pub(crate) async fn script_async(&self, script: &str) -> Value {
        self.call("POST", "/execute/async", json!({"script": script, "args": []})).await
    }

    /// What keeps people out of the page, as axe finds it: its rules, each with the elements that
    /// break it. Empty where all is well.
    pub(crate) async fn axe(&self) -> Value {
        self.run_axe("{}").await
    }

    /// The same of colours alone, which is quick.
    pub(crate) async fn axe_of_colours(&self) -> Value {
        self.run_axe("{ runOnly: ['color-contrast'] }").await
    }

    async fn run_axe(&self, options: &str) -> Value {
        let axe = std::fs::read_to_string(axe()).expect("axe.min.js");
        self.script_async(&format!("{axe};const options = {options};{RUN_AXE}")).await
    }

    pub(crate) async fn look_through(&self, screen: Screen) {
        let Screen { width, height, is_phone, scheme } = screen;
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Whether pages may run scripts from the next one on.
    pub(crate) async fn allow_scripts(&self, are_allowed: bool) {
        let value = json!({"value": !are_allowed});
        self.devtools("Emulation.setScriptExecutionDisabled", value).await;
    }

    /// What the console has said since the last call.
    pub(crate) async fn console(&self) -> Vec<Value> {
        self.log("browser").await
    }

    /// What was asked of the network since the last call. A browser's own pages are no part of it.
    pub(crate) async fn requested(&self) -> Vec<String> {
        let events = self.log("performance").await.into_iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let is_request = event["message"]["method"] == "Network.requestWillBeSent";
            let url = event["message"]["params"]["request"]["url"].as_str()?.to_owned();
            let is_outside = ["http", "ws"].iter().any(|scheme| url.starts_with(scheme));
            (is_request && is_outside).then_some(url)
        });
        events.collect()
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.call("POST", "/se/log", json!({"type": kind})).await;
        entries.as_array().cloned().unwrap_or_default()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let call = json!({"cmd": command, "params": parameters});
        self.call("POST", "/goog/cdp/execute", call).await
    }

    async fn call(&self, method: &str, command: &str, body: Value) -> Value {
        let path = format!("/session{}{command}", self.session);
        let called = tokio::time::timeout(PATIENCE, self.exchange(method, &path, body)).await;
        called.unwrap_or_else(|_| panic!("{path} was not answered within {PATIENCE:?}"))
    }

    async fn exchange(&self, method: &str, path: &str, body: Value) -> Value {
        let stream = TcpStream::connect(&self.address).await.expect("chromedriver listens");
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
        spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.address)
            .body(Full::<Bytes>::from(body.to_string()))
            .expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        let bytes = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        let mut answer: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].take()
    }
}

async fn port_of(mut stdout: impl tokio::io::AsyncBufRead + Unpin) -> u16 {
    let mut line = String::new();
    while stdout.read_line(&mut line).await.expect("a pipe") > 0 {
        if let Some((_, rest)) = line.split_once("started successfully on port ") {
            return rest.trim().trim_end_matches('.').parse().expect("a port");
        }
        line.clear();
    }
    panic!("chromedriver named no port")
}

/// The browser is a child of its driver, and would outlive it.
impl Drop for Browser {
    fn drop(&mut self) {
        let browser = self.driver.id().and_then(child_of);
        let browser = browser.and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        if let Some(browser) = browser {
            let _ = kill_process(browser, Signal::KILL);
        }
    }
}
