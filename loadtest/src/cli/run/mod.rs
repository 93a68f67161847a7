//! `yanma-loadtest run`: a scenario, or a search for the highest rate.

mod ground;
pub mod play;
pub mod sweep;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::{Failure, say};
use crate::cli::run::play::{Run, RunError};
use crate::cli::run::sweep::Search;
use crate::faults::node::Node;
use crate::faults::registers::Registers;
use crate::judge::outcome::Outcome;
use crate::report;
use crate::report::value::{Report, SweepStep};
use crate::scenario::event::Happening;
use crate::scenario::settings::Scenario;
use crate::site::Site;

/// Where the project keeps its scenarios.
const SCENARIOS: &str = "config/loadtest";

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
    /// What to play: a TOML file, see config/loadtest/; without it, those are listed
    scenario: Option<PathBuf>,
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
    /// Do not fail because tool or machine were too slow for the load: for tests on a busy machine
    #[arg(long)]
    busy_machine_ok: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let scenario = arguments.scenario()?;
    ground::make_room(&scenario)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let work = async {
            match arguments.sweep {
                true => sweep(arguments, &scenario).await,
                false => play(arguments, &scenario).await,
            }
        };
        // Dropping the run ends what it holds, its gateways first.
        tokio::select! {
            done = work => done,
            stopped = stopped() => Err(stopped),
        }
    })?;
    arguments.write(&report)?;
    let is_limited = !is_whole(&report) && !arguments.busy_machine_ok;
    let missed = report.sweep.as_ref().is_some_and(|steps| !steps.iter().any(|step| step.ok));
    if report.verdict.clean && !is_limited && !missed { Ok(()) } else { Err(Failure::NotClean) }
}

/// Whether the whole load was sent and the tool was not the limit.
fn is_whole(report: &Report) -> bool {
    report.schedule.shortfall.is_none() && report.tool.bottleneck.is_none()
}

/// Whether a step of a sweep kept the limit. A gateway that refuses most requests as overload is
/// fast, but has not kept the rate.
fn is_kept(report: &Report, limit_us: u64) -> bool {
    let overloaded = report.outcomes.iter().any(|(word, _)| word == Outcome::Overloaded.word());
    p99_us(report) <= limit_us && report.verdict.clean && is_whole(report) && !overloaded
}

fn p99_us(report: &Report) -> u64 {
    report.latency.approved.p99_us.max(report.latency.refused.p99_us)
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
    let (_dir, run) = arguments.prepare(scenario).await?;
    Ok(run.run().await?)
}

/// Each step has a gateway of its own, so that no step starts with the backlog of the step before.
async fn sweep(arguments: &Arguments, scenario: &Scenario) -> Result<Report, Failure> {
    let limit_us = arguments.p99_ms.unwrap_or(u64::MAX).saturating_mul(1_000);
    let mut search = Search::new(scenario.peak_rate());
    let (mut steps, mut best, mut last) = (Vec::new(), None, None);
    while let Some(rate) = search.next_rate() {
        let mut scenario = scenario.clone();
        scenario.scale_rate(rate);
        let report = play(arguments, &scenario).await?;
        let (p99_us, ok) = (p99_us(&report), is_kept(&report, limit_us));
        let verdict = if ok { "ok" } else { "no" };
        say(format_args!("{rate}/s: p99 {p99_us} us, {verdict}"));
        search.record(rate, ok);
        steps.push(SweepStep { rate: report::float(rate), p99_us, ok });
        if !report.verdict.clean {
            // A promise was broken, so the rate does not matter any more.
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
        let Some(file) = &self.scenario else { return Err(Failure::Usage(which_scenario())) };
        let mut scenario = Scenario::load(file)?;
        if let Some(seconds) = self.duration {
            scenario.scale_duration(seconds * 1_000);
        }
        if let Some(rate) = self.rate {
            scenario.scale_rate(rate);
        }
        scenario.load.is_closed |= self.closed;
        let needs_ours = scenario.has(Happening::needs_ours) || scenario.registers() > 0;
        let needs_pid = scenario.has(Happening::needs_signal);
        if self.attach && needs_ours {
            let message = "--attach: nothing is broken that was started elsewhere; allowed: a \
                           scenario without registers, and without events but reload and rotate";
            return Err(Failure::Usage(message.to_owned()));
        }
        for file in [&self.json, &self.html].into_iter().flatten() {
            // A file that cannot be written fails here, not after the run.
            let opened = OpenOptions::new().create(true).append(true).open(file);
            opened.map_err(|error| cannot_write(file, &error))?;
        }
        if self.attach && needs_pid && self.pid.is_empty() {
            let message = "--attach: the events reload and rotate need --pid, to send SIGHUP";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok(scenario)
    }

    /// A run, and the temporary directory that lasts as long.
    async fn prepare(&self, scenario: &Scenario) -> Result<(Option<TempDir>, Run), Failure> {
        if let (true, Some(dir)) = (self.attach, &self.dir) {
            let site = Site::open(dir)?;
            if self.pid.len() > site.nodes.len() {
                let (pids, nodes) = (self.pid.len(), site.nodes.len());
                let message =
                    format!("--pid: {pids} of them; allowed: one for each of {nodes} nodes");
                return Err(Failure::Usage(message));
            }
            let pids = self.pid.iter().copied().map(Some).chain(std::iter::repeat(None));
            let nodes = site.nodes.iter().cloned().zip(pids);
            let nodes = nodes.map(|(place, pid)| Node::attach(place, pid)).collect();
            return Ok((None, self.run_of(scenario, site, nodes, None)));
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
            ground::plan(scenario, dir).write()?
        };
        let binary = self.binary()?;
        let registers = ground::registers(&site).await?;
        let nodes = site.nodes.iter().cloned().map(|place| Node::start(&binary, place));
        let nodes = nodes.collect::<Result<Vec<_>, _>>().map_err(RunError::from)?;
        Ok((kept, self.run_of(scenario, site, nodes, registers)))
    }

    fn run_of(
        &self,
        scenario: &Scenario,
        site: Site,
        nodes: Vec<Node>,
        registers: Option<Registers>,
    ) -> Run {
        let scenario = Arc::new(scenario.clone());
        Run { scenario, site, nodes, registers, may_overload: self.sweep }
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

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Output(std::io::Error::other(format!("{}: {error}", path.display())))
}

/// The message that lists the scenarios that are found.
fn which_scenario() -> String {
    let files = std::fs::read_dir(SCENARIOS).into_iter().flatten().flatten();
    let scenarios =
        files.filter_map(|file| Some((file.path(), Scenario::load(&file.path()).ok()?)));
    let lines =
        scenarios.map(|(path, known)| format!("  {}\n      {}", path.display(), known.about));
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    if lines.is_empty() {
        lines.push(format!("  none is in {SCENARIOS} here; any TOML file of that kind will do"));
    }
    format!("which scenario? For example:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests;
