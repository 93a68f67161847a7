//! Debian's Prometheus beside gateways: started in a directory of its own, and asked over HTTP.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::harness::process::address;
use crate::harness::{Client, Request, eventually};

/// Labels and their values; the metric's name is `__name__`.
pub(crate) type Labels = BTreeMap<String, String>;

/// A Prometheus that runs, killed when dropped. Its output is shown if the test fails.
pub(crate) struct Prometheus {
    pub(crate) api: Api,
    directory: TempDir,
    _child: Child,
}

/// The HTTP API of a Prometheus.
pub(crate) struct Api {
    /// `host:port`.
    pub(crate) address: String,
}

/// One element of an instant vector.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// A rule that is loaded.
#[derive(Debug, Deserialize)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// `alerting` or `recording`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) query: String,
    /// `ok`, `err`, or `unknown` before it was evaluated.
    pub(crate) health: String,
    #[serde(default)]
    pub(crate) labels: Labels,
    #[serde(default)]
    pub(crate) annotations: Labels,
    /// `inactive`, `pending` or `firing`; of alerts alone.
    #[serde(default)]
    pub(crate) state: String,
}

/// An alert that is pending or firing.
#[derive(Debug, Deserialize)]
pub(crate) struct Alert {
    /// With `alertname` and the labels of its rule.
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    /// `pending` or `firing`.
    pub(crate) state: String,
}

/// An address that is scraped.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Target {
    pub(crate) labels: Labels,
    /// `up`, `down`, or `unknown` before the first scrape.
    pub(crate) health: String,
    pub(crate) last_error: String,
}

/// A configuration that scrapes gateways at `targets`, each `host:port` of an admin listener, as
/// job `yanma`, and evaluates the rules, each second.
pub(crate) fn scraping(targets: &[&str]) -> String {
    let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
    let list = targets.join(", ");
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
         rule_files: ['*.rules.yml']\n\
         scrape_configs: [{{job_name: yanma, static_configs: [{{targets: [{list}]}}]}}]\n"
    )
}

impl Prometheus {
    /// Starts it with the text of a configuration and of the files beside it, each a name and a
    /// text. Waits until it is ready, which is before its first scrape.
    pub(crate) async fn start(config: &str, files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("prometheus.yml"), config).expect("prometheus.yml");
        for (name, text) in files {
            fs::write(directory.path().join(name), text).expect("a file beside prometheus.yml");
        }
        let address = address();
        let log = File::create(log_in(directory.path())).expect("a log file");
        let mut child = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address={address}"))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect(MISSING);
        let api = Api { address };
        eventually("a Prometheus that is ready", async || {
            let ended = child.try_wait().expect("a child of ours");
            let said = || fs::read_to_string(log_in(directory.path())).unwrap_or_default();
            assert!(ended.is_none(), "prometheus ended while starting: {}", said());
            api.is_ready().await.then_some(())
        })
        .await;
        Self { api, directory, _child: child }
    }
}

/// What a person does who has no Prometheus.
pub(crate) const MISSING: &str =
    "prometheus and promtool are missing: install the Debian package prometheus, or run tests/run";

fn log_in(directory: &Path) -> PathBuf {
    directory.join("prometheus.log")
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = fs::read_to_string(log_in(self.directory.path())).unwrap_or_default();
            eprintln!("---- prometheus said ----\n{said}--------------------");
        }
    }
}

impl Api {
    pub(crate) async fn is_ready(&self) -> bool {
        if TcpStream::connect(&self.address).await.is_err() {
            return false;
        }
        let mut client = Client::connect(&self.address).await;
        client.ask(Request::get("/-/ready").bytes()).await.status() == 200
    }

    /// What an expression is now: an instant vector, or a scalar as one sample without labels.
    pub(crate) async fn query(&self, expression: &str) -> Vec<Sample> {
        #[derive(Deserialize)]
        #[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
        enum Found {
            Vector(Vec<Element>),
            Scalar((f64, String)),
        }
        #[derive(Deserialize)]
        struct Element {
            metric: Labels,
            value: (f64, String),
        }
        let form = format!("query={}", escaped(expression));
        let request = Request::new("POST", "/api/v1/query")
            .field("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        match self.ask(&request, expression).await {
            Found::Vector(elements) => {
                let sample =
                    |one: Element| Sample { labels: one.metric, value: number(&one.value.1) };
                elements.into_iter().map(sample).collect()
            }
            Found::Scalar((_, value)) => {
                vec![Sample { labels: Labels::new(), value: number(&value) }]
            }
        }
    }

    /// All rules of all files.
    pub(crate) async fn rules(&self) -> Vec<Rule> {
        #[derive(Deserialize)]
        struct Groups {
            groups: Vec<Group>,
        }
        #[derive(Deserialize)]
        struct Group {
            rules: Vec<Rule>,
        }
        let found: Groups = self.get("/api/v1/rules").await;
        found.groups.into_iter().flat_map(|group| group.rules).collect()
    }

    /// All alerts that are pending or firing.
    pub(crate) async fn alerts(&self) -> Vec<Alert> {
        #[derive(Deserialize)]
        struct Alerts {
            alerts: Vec<Alert>,
        }
        let found: Alerts = self.get("/api/v1/alerts").await;
        found.alerts
    }

    pub(crate) async fn targets(&self) -> Vec<Target> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Targets {
            active_targets: Vec<Target>,
        }
        let found: Targets = self.get("/api/v1/targets?state=active").await;
        found.active_targets
    }

    /// Waits until each target was scraped well.
    pub(crate) async fn scraped(&self, count: usize) {
        eventually(&format!("{count} targets that are up"), async || {
            let targets = self.targets().await;
            let up = targets.iter().filter(|target| target.health == "up").count();
            (targets.len() == count && up == count).then_some(())
        })
        .await;
    }

    async fn get<T: DeserializeOwned>(&self, target: &str) -> T {
        self.ask(&Request::get(target), target).await
    }

    async fn ask<T: DeserializeOwned>(&self, request: &Request, what: &str) -> T {
        let answer = Client::connect(&self.address).await.ask(request.bytes()).await;
        let mut body = answer.json();
        assert_eq!(body["status"], "success", "{what}: {body}");
        let data = body["data"].take();
        serde_json::from_value(data).unwrap_or_else(|error| panic!("{what}: {error}: {body}"))
    }
}

/// A number as Prometheus writes it: also `NaN`, `+Inf` and `-Inf`.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}

/// For a form: what is no letter and no digit as `%` and two hexadecimal digits.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_alphanumeric() {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(escape).collect()
}

mod tests {
    use super::{Prometheus, scraping};
    use crate::harness::{World, eventually};

    #[tokio::test]
    async fn a_prometheus_scrapes_a_gateway_and_answers() {
        let world = World::start().await;
        let rules = "groups: [{name: test, rules: [\
            {record: 'job:up:sum', expr: 'sum by (job) (up)'},\
            {alert: Up, expr: 'up == 1', labels: {severity: ticket}, annotations: {summary: 'It is {{ $value }}.'}}]}]";
        let config = scraping(&[&world.admin]);
        let prometheus = Prometheus::start(&config, &[("test.rules.yml", rules)]).await;
        let api = &prometheus.api;
        api.scraped(1).await;
        let targets = api.targets().await;
        assert_eq!(targets[0].labels["instance"], world.admin);
        assert_eq!(targets[0].last_error, "");

        world.pay(&world.code()).await.assert_approved();
        let approved = "sum(yanma_requests_total{outcome=~\"appro.*\"}) > 0";
        let found = eventually("a payment in Prometheus", async || {
            api.query(approved).await.into_iter().next()
        });
        let found = found.await;
        assert!((found.value - 1.0).abs() < f64::EPSILON && found.labels.is_empty(), "{found:?}");
        assert!(api.query("scalar(absent(up)) ").await[0].value.is_nan());

        let alert = eventually("an alert", async || api.alerts().await.into_iter().next()).await;
        assert_eq!((alert.labels["alertname"].as_str(), alert.state.as_str()), ("Up", "firing"));
        assert_eq!(alert.annotations["summary"], "It is 1.");
        let rules = api.rules().await;
        let seen: Vec<_> =
            rules.iter().map(|rule| (&*rule.name, &*rule.kind, &*rule.health)).collect();
        assert_eq!(seen, [("job:up:sum", "recording", "ok"), ("Up", "alerting", "ok")]);
        assert_eq!(rules[1].state, "firing", "{rules:?}");
        assert_eq!(rules[1].labels["severity"], "ticket");
        assert_eq!(rules[1].annotations.len(), 1);
        assert_eq!(rules[0].query, "sum by (job) (up)");
    }
}
