//! `yanma-loadtest run`: a scenario, or a search for the highest rate.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::address::Address;
use crate::node::Node;
use crate::report::{self, Report, SweepStep};
use crate::run::{Run, RunError};
use crate::scenario::{Happening, Scenario};
use crate::site::{Plan, Site};
use crate::sweep::Search;

/// What a gateway of ours takes beside the connections of the scenario.
const SPARE_CONNECTIONS: u64 = 1_024;
/// The gateway's own default.
const CONNECTIONS: u64 = 16_384;

const AFTER_HELP: &str = "\
Examples:
  yanma-loadtest run config/loadtest/monday-morning.toml --html report.html
  yanma-loadtest run config/loadtest/crash.toml --duration 60
  yanma-loadtest run FILE --closed                  as fast as it goes
  yanma-loadtest run FILE --sweep --p99-ms 10       the highest rate that keeps p99 below 10 ms
  yanma-loadtest run FILE --attach --dir D --pid P  a gateway that runs already, see `prepare`";

/// Play a scenario against gateways and judge them
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// What to play: a TOML file, see config/loadtest/
    scenario: PathBuf,
    /// The gateway's program [default: `yanma` beside this one]
    #[arg(long, value_name = "PATH")]
    yanma: Option<PathBuf>,
    /// Scale all rates so that the highest is this many a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// Squeeze or stretch the scenario to this many seconds, warm-up not counted
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: Option<u64>,
    /// Closed loop: each connection sends again as soon as it was answered; rates do not count
    #[arg(long)]
    closed: bool,
    /// Play it again and again to find the highest rate that keeps p99 below --p99-ms
    #[arg(long, requires = "p99_ms", conflicts_with = "closed")]
    sweep: bool,
    /// The limit of --sweep, in milliseconds
    #[arg(long, value_name = "X", requires = "sweep",
          value_parser = clap::value_parser!(u64).range(1..=600_000))]
    p99_ms: Option<u64>,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the report as one page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Where keys, configuration and the gateway's log go [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Use gateways that run already with the configuration that `prepare` wrote into --dir
    #[arg(long, requires = "dir", conflicts_with = "yanma")]
    attach: bool,
    /// Process id of a gateway that runs already, for its CPU, its memory and reloads; one for each
    /// node, in order
    #[arg(long, value_name = "PID", requires = "attach")]
    pid: Vec<u32>,
    /// Do not fail because the tool was the bottleneck: for tests on a busy machine
    #[arg(long)]
    busy_machine_ok: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let scenario = arguments.scenario()?;
    raise_descriptor_limit()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let work = async {
            match arguments.sweep {
                true => sweep(arguments, &scenario).await,
                false => play(arguments, &scenario).await,
            }
        };
        // Whatever a run holds, its gateways first, ends with it.
        tokio::select! {
            done = work => done,
            stopped = stopped() => Err(stopped),
        }
    })?;
    arguments.write(&report)?;
    let is_limited = report.tool.bottleneck.is_some() && !arguments.busy_machine_ok;
    let missed = report.sweep.as_ref().is_some_and(|steps| !steps.iter().any(|step| step.ok));
    if report.verdict.clean && !is_limited && !missed { Ok(()) } else { Err(Failure::NotClean) }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stopped() -> Failure {
    let mut ends = match signal(SignalKind::terminate()) {
        Ok(ends) => ends,
        Err(error) => return error.into(),
    };
    tokio::select! {
        _ = ends.recv() => Failure::Stopped,
        _ = tokio::signal::ctrl_c() => Failure::Stopped,
    }
}

async fn play(arguments: &Arguments, scenario: &Scenario) -> Result<Report, Failure> {
    let (_dir, run) = arguments.prepare(scenario)?;
    Ok(run.run().await?)
}

/// Each step has a gateway of its own, so that none starts with the backlog of the one before.
async fn sweep(arguments: &Arguments, scenario: &Scenario) -> Result<Report, Failure> {
    let limit_us = arguments.p99_ms.unwrap_or(u64::MAX).saturating_mul(1_000);
    let mut search = Search::new(scenario.peak_rate());
    let (mut steps, mut best, mut last) = (Vec::new(), None, None);
    while let Some(rate) = search.next_rate() {
        let mut scenario = scenario.clone();
        scenario.scale_rate(rate);
        let report = play(arguments, &scenario).await?;
        let p99_us = report.latency.approved.p99_us.max(report.latency.refused.p99_us);
        let is_kept = report.schedule.never_started == 0 && report.tool.bottleneck.is_none();
        let ok = p99_us <= limit_us && is_kept && report.verdict.clean;
        eprintln!("yanma-loadtest: {rate}/s: p99 {p99_us} us, {}", if ok { "ok" } else { "no" });
        search.tried(rate, ok);
        steps.push(SweepStep { rate: report::float(rate), p99_us, ok });
        if !report.verdict.clean {
            // A promise was broken: how fast is of no interest any more.
            return Ok(Report { sweep: Some(steps), ..report });
        }
        if ok { best = Some((rate, report)) } else { last = Some(report) }
    }
    let best = best.filter(|(rate, _)| search.best() == Some(*rate)).map(|(_, report)| report);
    let report = best.or(last).unwrap_or_default();
    Ok(Report { sweep: Some(steps), ..report })
}

impl Arguments {
    fn scenario(&self) -> Result<Scenario, Failure> {
        let mut scenario = Scenario::load(&self.scenario)?;
        if let Some(seconds) = self.duration {
            scenario.scale_duration(seconds * 1_000);
        }
        if let Some(rate) = self.rate {
            scenario.scale_rate(rate);
        }
        scenario.load.is_closed |= self.closed;
        let needs_ours = scenario.has(Happening::Kill) || scenario.has(Happening::Restart);
        let needs_pid = scenario.has(Happening::Reload) || scenario.has(Happening::Rotate);
        if self.attach && needs_ours {
            let message = "--attach: a gateway that was started elsewhere is not killed; allowed: \
                           a scenario without the events kill and restart";
            return Err(Failure::Usage(message.to_owned()));
        }
        if self.attach && needs_pid && self.pid.is_empty() {
            let message = "--attach: the events reload and rotate need --pid, to send SIGHUP";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok(scenario)
    }

    /// A run, and the temporary directory that lasts as long.
    fn prepare(&self, scenario: &Scenario) -> Result<(Option<TempDir>, Run), Failure> {
        if let (true, Some(dir)) = (self.attach, &self.dir) {
            let site = Site::open(dir)?;
            let pids = self.pid.iter().copied().map(Some).chain(std::iter::repeat(None));
            let nodes = site.nodes.iter().cloned().zip(pids);
            let nodes = nodes.map(|(place, pid)| Node::attach(place, pid)).collect();
            return Ok((None, self.run_of(scenario, site, nodes)));
        }
        let (kept, dir) = match &self.dir {
            Some(dir) => (None, dir.clone()),
            None => {
                let made = TempDir::with_prefix("yanma-loadtest-")?;
                let dir = made.path().to_owned();
                (Some(made), dir)
            }
        };
        let site = if dir.join("keyring").exists() {
            Site::open(&dir)?
        } else {
            plan(scenario, dir).write()?
        };
        let binary = self.binary()?;
        let nodes = site.nodes.iter().cloned().map(|place| Node::start(&binary, place));
        let nodes = nodes.collect::<Result<Vec<_>, _>>().map_err(RunError::from)?;
        Ok((kept, self.run_of(scenario, site, nodes)))
    }

    fn run_of(&self, scenario: &Scenario, site: Site, nodes: Vec<Node>) -> Run {
        Run { scenario: Arc::new(scenario.clone()), site, nodes, may_overload: self.sweep }
    }

    fn binary(&self) -> Result<PathBuf, Failure> {
        match &self.yanma {
            Some(path) => Ok(path.clone()),
            None => Ok(std::env::current_exe()?.with_file_name("yanma")),
        }
    }

    fn write(&self, report: &Report) -> Result<(), Failure> {
        std::io::stdout().lock().write_all(report::text(report).as_bytes())?;
        if let Some(file) = &self.json {
            write_file(file, &report::json(report))?;
        }
        if let Some(file) = &self.html {
            write_file(file, &report::html(report))?;
        }
        Ok(())
    }
}

fn plan(scenario: &Scenario, dir: PathBuf) -> Plan {
    let gateway = scenario.gateway;
    let node = |number: u16| {
        let listen = if gateway.unix {
            Address::Unix(dir.join(format!("gateway-{number}.sock")))
        } else {
            Address::Tcp(own_address(20_000 + 2 * number))
        };
        (listen, own_address(20_001 + 2 * number))
    };
    let nodes = (0..u16::try_from(gateway.nodes).unwrap_or(1)).map(node).collect();
    let backend = if scenario.backend.unix {
        Address::Unix(dir.join("backend.sock"))
    } else {
        Address::Tcp(own_address(19_999))
    };
    let load = &scenario.load;
    let connections = u64::from(load.connections) + u64::from(load.idle_connections);
    Plan {
        keys: scenario.codes.keys,
        nodes,
        backend,
        workers: gateway.workers,
        backend_timeout_ms: gateway.backend_timeout_ms,
        connections_max: CONNECTIONS.max(connections + SPARE_CONNECTIONS),
        dir,
    }
}

/// Linux serves all of 127.0.0.0/8, so each process of this tool has an address of its own, and
/// two of them never want the same port. The kernel gives out ports from 32768 on.
fn own_address(port: u16) -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, 128 | (high & 0x3f), middle, low), port))
}

/// As many descriptors as this user may have; gateways that are started here inherit it.
fn raise_descriptor_limit() -> Result<(), Failure> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let most = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, most).map_err(|error| Failure::Output(error.into()))
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::Output(std::io::Error::other(format!("{}: {error}", path.display())))
    };
    std::fs::write(path, text).map_err(failed)
}
