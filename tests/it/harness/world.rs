//! A gateway between a client and a backend, each with what a test needs to see.

use std::fs;
use std::path::{Path, PathBuf};

use keyring::mint::Spec;
use rustix::process::Signal;
use tempfile::TempDir;
use toml::{Table, Value};

use super::backend::{Backend, Reply};
use super::client::{Client, Request};
use super::keys::{self, ISSUERS, WECHAT, payment};
use super::process::{Process, StandardError, Variable, address};
use super::wire::Message;
use super::{eventually, now_ms, until};

/// The configuration of most tests. Routes: `/pay` spends a code, `/check` verifies one, `/open`
/// takes none.
const CONFIG: &str = r#"
    [server]
    environment = "test"
    workers = 2
    keyring = "keyring"
    data_dir = "data"
    verify_table_mib = 2
    drain_delay_ms = 0
    drain_timeout_ms = 10000
    [admin]
    reload = true
    [replay]
    store = "local"
    capacity = 32768
    [[backend]]
    name = "settlement"
    [[route]]
    path = "/pay"
    code = "redeem"
    kinds = ["payment"]
    backend = "settlement"
    [[route]]
    path = "/check"
    code = "check"
    kinds = ["payment", "display"]
    backend = "settlement"
    [[route]]
    path = "/open"
    code = "none"
    backend = "settlement"
"#;

/// The codes' skew unless a test sets another.
const SKEW_MS: i64 = 2_000;
/// The gateway's clock may be slightly behind the test's.
const CLOCK_MARGIN_MS: i64 = 50;

/// A gateway that has not started yet.
pub(crate) struct Setup {
    directory: TempDir,
    config: Table,
    backend: Backend,
    variables: Vec<Variable>,
    /// What starts the gateway: nothing, or a program and its first arguments.
    through: Vec<String>,
    standard_error: StandardError,
}

/// A gateway that serves.
pub(crate) struct World {
    /// The backend `settlement`.
    pub(crate) backend: Backend,
    /// Where clients connect.
    pub(crate) address: String,
    pub(crate) admin: String,
    pub(crate) process: Process,
    directory: TempDir,
    config: Table,
    variables: Vec<Variable>,
    through: Vec<String>,
    standard_error: StandardError,
    /// The first issue second that the table's fence lets pass.
    open_from: i64,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let backend = Backend::start(Reply::settled()).await;
        let directory = tempfile::tempdir().expect("a directory");
        keys::write_keyring(&directory.path().join("keyring"), ISSUERS);
        let mut config: Table = CONFIG.parse().expect("TOML");
        lay_over(&mut config, &format!("[[listener]]\naddress = \"{}\"", address()));
        lay_over(&mut config, &format!("admin.address = \"{}\"", address()));
        let (variables, through) = (Vec::new(), Vec::new());
        let standard_error = StandardError::Log;
        Self { directory, config, backend, variables, through, standard_error }.endpoints(&[])
    }

    /// Lays TOML over the configuration: tables are joined, everything else is replaced.
    pub(crate) fn config(mut self, overlay: &str) -> Self {
        lay_over(&mut self.config, overlay);
        self
    }

    /// Sets an environment variable of the gateway.
    pub(crate) fn environment(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Another program starts the gateway. The gateway's command follows its own arguments.
    pub(crate) fn through(mut self, program: &[&str]) -> Self {
        self.through = program.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// What the gateway's standard error is.
    pub(crate) fn standard_error(mut self, standard_error: StandardError) -> Self {
        self.standard_error = standard_error;
        self
    }

    pub(crate) fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Its own backend's endpoint, for another gateway in front of the same.
    pub(crate) fn own_endpoint(&self) -> &str {
        &self.backend.endpoint
    }

    /// More endpoints of backend `settlement`, after its own.
    pub(crate) fn endpoints(self, more: &[&str]) -> Self {
        let own = self.backend.endpoint.clone();
        self.only_endpoints(&[&[own.as_str()], more].concat())
    }

    /// The endpoints of backend `settlement`.
    pub(crate) fn only_endpoints(mut self, endpoints: &[&str]) -> Self {
        let list = endpoints.iter().map(|one| Value::from(*one)).collect();
        first(&mut self.config, "backend").insert("endpoints".to_owned(), Value::Array(list));
        self
    }

    /// A setting of backend `settlement`.
    pub(crate) fn backend(mut self, key: &str, value: impl Into<Value>) -> Self {
        first(&mut self.config, "backend").insert(key.to_owned(), value.into());
        self
    }

    /// One more `[[route]]` or `[[backend]]`.
    pub(crate) fn also(mut self, table: &str, entry: &str) -> Self {
        let entry: Table = entry.parse().expect("TOML");
        let list = self.config.entry(table).or_insert(Value::Array(Vec::new()));
        list.as_array_mut().expect("a list of tables").push(Value::Table(entry));
        self
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the configuration and returns its path, for commands other than `serve`.
    pub(crate) fn write(&self) -> PathBuf {
        let path = self.directory.path().join("gateway.toml");
        fs::write(&path, self.config.to_string()).expect("gateway.toml");
        path
    }

    /// Starts the gateway. Waits until it is ready and its fence accepts codes of now.
    pub(crate) async fn start(self) -> World {
        self.write();
        let Self { directory, config, backend, variables, through, standard_error } = self;
        let admin = config["admin"]["address"].as_str().expect("an address").to_owned();
        let address = config["listener"][0]["address"].as_str().expect("an address").to_owned();
        let process = serve(directory.path(), &through, &variables, standard_error);
        let mut world = World {
            backend,
            address,
            admin,
            process,
            directory,
            config,
            variables,
            through,
            standard_error,
            open_from: 0,
        };
        world.opened().await;
        until(world.open_from * 1_000 - world.skew_ms() + CLOCK_MARGIN_MS).await;
        world
    }
}

/// Runs the configuration that is in the directory.
fn serve(
    directory: &Path,
    through: &[String],
    variables: &[Variable],
    standard_error: StandardError,
) -> Process {
    let config = directory.join("gateway.toml");
    let config = config.to_str().expect("a path of plain letters");
    let through: Vec<&str> = through.iter().map(String::as_str).collect();
    let arguments = ["serve", "--config", config];
    Process::start_through(directory, &through, &arguments, variables, standard_error)
}

impl World {
    pub(crate) async fn start() -> Self {
        Setup::new().await.start().await
    }

    pub(crate) async fn with(overlay: &str) -> Self {
        Setup::new().await.config(overlay).start().await
    }

    /// Starts the gateway again after its process has ended, and waits until it is ready.
    pub(crate) async fn start_again(&mut self) {
        let directory = self.directory.path();
        self.process = serve(directory, &self.through, &self.variables, self.standard_error);
        self.opened().await;
    }

    /// Kills the process, whatever it does, and starts it again.
    pub(crate) async fn crash(&mut self) {
        self.signal(Signal::KILL);
        self.process.ended().await;
        self.start_again().await;
    }

    async fn opened(&mut self) {
        self.ready().await;
        let fence_s = self.metric("yanma_replay_fence_end_timestamp_seconds").await;
        #[allow(clippy::as_conversions, reason = "whole seconds before 2106")]
        let fence_s = fence_s as i64;
        self.open_from = fence_s + 1;
    }

    fn skew_ms(&self) -> i64 {
        let skew_ms = self.config.get("codes").and_then(|codes| codes.get("skew_ms"));
        skew_ms.and_then(Value::as_integer).unwrap_or(SKEW_MS)
    }

    /// The content of a fresh payment code that the table's fence accepts.
    pub(crate) fn fresh(&self) -> Spec {
        payment(self.open_from.max(now_ms().div_euclid(1_000)))
    }

    /// A fresh, unused payment code.
    pub(crate) fn code(&self) -> String {
        WECHAT.mint(&self.fresh())
    }

    /// Waits until the start fence accepts codes of the present second.
    pub(crate) async fn behind_fence(&self) {
        until(self.open_from * 1_000).await;
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.address).await
    }

    /// Sends a request on a connection of its own.
    pub(crate) async fn ask(&self, request: &Request) -> Message {
        self.client().await.ask(request.bytes()).await
    }

    /// Sends bytes on a connection of their own.
    pub(crate) async fn ask_raw(&self, bytes: impl AsRef<[u8]>) -> Message {
        self.client().await.ask(bytes).await
    }

    pub(crate) async fn pay(&self, code: &str) -> Message {
        self.ask(&Request::post("/pay").code(code)).await
    }

    /// Pays with a code for something else, so that it is no retry of [`Self::pay`].
    pub(crate) async fn pay_more(&self, code: &str) -> Message {
        self.ask(&Request::post("/pay").code(code).body("{\"amount\":\"99.00\"}")).await
    }

    /// Asks the admin listener.
    pub(crate) async fn admin(&self, method: &'static str, target: &str) -> Message {
        let request = Request::new(method, target).host(&self.admin);
        Client::connect(&self.admin).await.ask(request.bytes()).await
    }

    pub(crate) async fn metrics(&self) -> String {
        let answer = self.admin("GET", "/metrics").await;
        assert_eq!(answer.status(), 200);
        answer.text().to_owned()
    }

    /// A sample of `/metrics`: `name{label="value"}` as Prometheus writes it; 0 if absent.
    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        sample_of(&self.metrics().await, sample).unwrap_or(0.0)
    }

    /// Waits until a sample has a value.
    pub(crate) async fn metric_reaches(&self, sample: &str, value: f64) {
        let look = async || (self.metric(sample).await >= value).then_some(());
        eventually(&format!("{sample} {value}"), look).await;
    }

    /// Waits until a sample that may fall has a value.
    pub(crate) async fn metric_becomes(&self, sample: &str, value: f64) {
        let is_there = async || {
            let found = sample_of(&self.metrics().await, sample)?;
            ((found - value).abs() < 0.5).then_some(())
        };
        eventually(&format!("{sample} {value}"), is_there).await;
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a keyring with other keys; the gateway reads it when told to.
    pub(crate) fn write_keyring(&self, issuers: &[keys::Issuer]) {
        keys::write_keyring(&self.directory.path().join("keyring"), issuers);
    }

    /// Lays TOML over the configuration file; the gateway reads it when told to.
    pub(crate) fn write_config(&mut self, overlay: &str) {
        lay_over(&mut self.config, overlay);
        fs::write(self.config_path(), self.config.to_string()).expect("gateway.toml");
    }

    /// The same with a setting of backend `settlement`.
    pub(crate) fn write_backend(&mut self, key: &str, value: impl Into<Value>) {
        first(&mut self.config, "backend").insert(key.to_owned(), value.into());
        fs::write(self.config_path(), self.config.to_string()).expect("gateway.toml");
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.directory.path().join("gateway.toml")
    }

    /// Upgrades the gateway to a new process, and returns the old one.
    pub(crate) async fn upgrade(&mut self) -> Process {
        let new = self.process.upgrade().await;
        std::mem::replace(&mut self.process, new)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    async fn ready(&mut self) {
        eventually("a gateway that is ready", async || {
            let running = self.process.is_running();
            assert!(running, "yanma ended while starting: {}", self.process.said());
            is_ready(&self.admin).await.then_some(())
        })
        .await;
    }
}

/// Whether `/readyz` says yes; false also if the port is still closed.
pub(crate) async fn is_ready(admin: &str) -> bool {
    if tokio::net::TcpStream::connect(admin).await.is_err() {
        return false;
    }
    Client::connect(admin).await.ask(Request::get("/readyz").bytes()).await.status() == 200
}

/// The value of a sample, its labels compared without order.
pub(crate) fn sample_of(metrics: &str, sample: &str) -> Option<f64> {
    let wanted = parts(sample);
    metrics.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (known, value) = line.rsplit_once(' ')?;
        if parts(known) == wanted { value.parse().ok() } else { None }
    })
}

/// Splits `name{a="1",b="2"}` into its name and its labels in order. No value holds a comma.
fn parts(sample: &str) -> (&str, Vec<&str>) {
    let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
    let mut labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
    labels.sort_unstable();
    (name, labels)
}

fn first<'a>(config: &'a mut Table, list: &str) -> &'a mut Table {
    let entry = config[list].as_array_mut().and_then(|entries| entries.first_mut());
    entry.and_then(Value::as_table_mut).expect("a list of tables")
}

fn lay_over(base: &mut Table, overlay: &str) {
    merge(base, overlay.parse().expect("an overlay in TOML"));
}

fn merge(base: &mut Table, overlay: Table) {
    for (key, value) in overlay {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}
