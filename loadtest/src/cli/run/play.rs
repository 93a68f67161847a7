//! One run, from a prepared directory to a report: start, load, judge.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::backend::{Backend, BackendCounts};
use crate::clock::{self, NS_PER_MS};
use crate::faults::injector::{EventError, FaultInjector};
use crate::faults::measured::Measured;
use crate::faults::node::error::NodeError;
use crate::faults::node::{Node, NodeEnd};
use crate::faults::register::RegisterError;
use crate::faults::registers::{Registers, RegistersError};
use crate::judge::accounts::Accounts;
use crate::judge::counters::Counters;
use crate::judge::ledger::Ledger;
use crate::judge::outage::Outages;
use crate::judge::seen::Seen;
use crate::judge::verdict::{Broken, Verdict, judge};
use crate::load::changes::{ChangeOrders, ChangeThread};
use crate::load::client::idle::IdleConnections;
use crate::load::codes::{Mill, SUBJECTS};
use crate::load::signer::{Nonces, NotThrowAway};
use crate::load::threads::{LoadThreads, Orders};
use crate::net::address::Address;
use crate::report::summary::{self, Facts};
use crate::report::timeline::Timeline;
use crate::report::value::{Report, SecondSummary};
use crate::rng::Rng;
use crate::scenario::settings::Scenario;
use crate::scenario::times::Times;
use crate::site::Site;
use crate::site::active_keys::ActiveKeys;
use crate::site::error::SiteError;

/// Time from the decision to begin to the first start, so that all threads know it in time.
const LEAD_NS: u64 = 50 * NS_PER_MS;
/// How many codes are made to measure how fast they are made.
const SAMPLE: u32 = 2_000;
/// How long connections are idle before their memory is read. A gateway frees what an idle
/// connection does not need after a second, and returns the memory a second or two later.
const IDLE_SETTLES: Duration = Duration::from_secs(3);

/// Runs begin their subjects at one of so many places.
const SUBJECTS_OF_RUNS: u64 = 1_000_000_000_000;

/// A register does not vote for codes issued within this time after it got its layout. Two more
/// seconds, because both times are whole seconds.
const REGISTERS_ABSTAIN_S: i64 = 15 + 2;

/// What a run needs.
pub struct Run {
    /// What is sent, and which events happen.
    pub scenario: Arc<Scenario>,
    /// Keys and addresses.
    pub site: Site,
    /// The gateways, which may still be starting.
    pub nodes: Vec<Node>,
    /// The registers of the gateways, if there are any.
    pub registers: Option<Registers>,
    /// The load may be more than the gateway can serve, as in a sweep.
    pub may_overload: bool,
}

/// Why a run could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The directory cannot be used.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A key may be worth something.
    #[error(transparent)]
    Key(#[from] NotThrowAway),
    /// A gateway failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A register failed.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Registers could not be started.
    #[error(transparent)]
    Registers(#[from] RegistersError),
    /// An event could not be played.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The load threads could not work.
    #[error("{0}")]
    Load(String),
    /// The stand-in backend cannot listen.
    #[error("the stand-in backend at {0}: {1}")]
    Backend(Address, std::io::Error),
    /// A gateway keeps no account states, and the scenario changes some.
    #[error(
        "the scenario changes accounts, and a gateway.toml has no [accounts]; allowed: store = \
         \"local\" or \"etcd\" with a writer, at each gateway (`prepare --accounts`)"
    )]
    NoAccounts,
    /// The token of the writers cannot be read.
    #[error("{0}: {1}")]
    Token(PathBuf, std::io::Error),
    /// Idle connections could not be opened.
    #[error("idle connections: {0}")]
    Idle(std::io::Error),
}

/// What keeps running during a run.
struct Scene {
    ledger: Arc<Ledger>,
    backend: Backend,
    active_keys: watch::Sender<Arc<ActiveKeys>>,
    orders: Orders,
    minted_per_s: f64,
}

impl Run {
    /// Runs and judges. Gateways of our own are ended.
    ///
    /// # Errors
    /// [`RunError`] if there is nothing to judge.
    pub async fn run(mut self) -> Result<Report, RunError> {
        let scene = self.set().await?;
        let resident_before = self.resident();
        let idle = self.open_idle().await?;
        if idle.is_some() {
            tokio::time::sleep(IDLE_SETTLES).await;
        }
        let resident_with = self.resident();
        let mut load_threads =
            LoadThreads::start(&scene.orders).map_err(|error| RunError::Load(error.to_string()))?;
        load_threads.wait_until_ready().await.map_err(RunError::Load)?;

        let times = self.times();
        let started_ms = clock::unix_ms();
        load_threads.begin(times);
        let changes = self.start_changes(&scene, times)?;
        let (counters, seconds, measured) = self.play(&scene, &mut load_threads, times).await?;
        if let Some(changes) = changes {
            changes.wait_until_done().await.map_err(RunError::Load)?;
        }
        load_threads.release();

        let idle = idle.map(|idle| summary::idle(&idle, resident_before, resident_with));
        let pids = self.nodes.iter().map(|node| (node.pid(), node.restarts())).collect();
        let verdict = self.judge(&scene, counters.seen.clone()).await?;
        Ok(summary::report(Facts {
            scenario: &self.scenario,
            workers: self.site.workers,
            started_ms,
            times,
            counters,
            seconds,
            measured,
            verdict,
            idle,
            pids,
            backend: scene.backend.counts(),
            minted_per_s: scene.minted_per_s,
        }))
    }

    /// Prepares a run: the backend, then gateways that are ready and whose fence has passed, then
    /// keys.
    async fn set(&mut self) -> Result<Scene, RunError> {
        let ledger = Arc::new(self.ledger());
        let address = &self.site.backend;
        let backend = Backend::start(address, self.scenario.backend, Arc::clone(&ledger))
            .map_err(|error| RunError::Backend(address.clone(), error))?;
        let mut fences_s = Vec::new();
        for node in &mut self.nodes {
            node.wait_until_ready().await?;
            fences_s.push(node.fence_s().await?);
        }
        let mut last_s = fences_s.iter().copied().max().unwrap_or(0);
        if self.scenario.visits.is_some() {
            // A new table of passes has a fence ahead of the clock.
            for node in &self.nodes {
                last_s = last_s.max(node.pass_fence_s().await?);
            }
        }
        if let Some(registers) = &self.registers {
            registers.wait_until_told().await?;
            last_s = last_s.max(clock::unix_s() + REGISTERS_ABSTAIN_S);
        }
        behind(last_s).await;
        let outages = Outages::default();
        let size = |count| usize::try_from(count).unwrap_or(0);
        let of_a_group = size(self.scenario.gateway.registers);
        outages.set_up(&fences_s, size(self.scenario.registers()), of_a_group);
        let active_keys = Arc::new(ActiveKeys::read(&self.site)?);
        let (active_keys, reader) = watch::channel(active_keys);
        let mut terms = self.scenario.terms(self.site.skew_ms);
        terms.may_overload = self.may_overload;
        let orders = Orders {
            scenario: Arc::clone(&self.scenario),
            nodes: self.nodes.iter().map(|node| node.place().listen.clone()).collect(),
            active_keys: reader,
            ledger: Arc::clone(&ledger),
            outages: Arc::new(outages),
            nonces: Nonces::new(),
            terms,
            seed: Rng::random().next_u64(),
        };
        let minted_per_s = minted_per_s(&orders)?;
        Ok(Scene { ledger, backend, active_keys, orders, minted_per_s })
    }

    /// An empty ledger. The people whose accounts are changed have subjects that no other run has.
    fn ledger(&self) -> Ledger {
        let mut rng = Rng::random();
        let Some(settings) = &self.scenario.accounts else { return Ledger::new(rng.next_u64()) };
        let people = usize::try_from(settings.people).unwrap_or(0);
        let first_subject = SUBJECTS + 1 + rng.below(SUBJECTS_OF_RUNS);
        let accounts = Accounts::new(people, first_subject, settings.stale_ms * NS_PER_MS);
        Ledger::with_accounts(rng.next_u64(), accounts)
    }

    /// Starts the writers, if the scenario changes accounts.
    fn start_changes(&self, scene: &Scene, times: Times) -> Result<Option<ChangeThread>, RunError> {
        let Some(settings) = self.scenario.accounts.clone() else { return Ok(None) };
        let doors = self.nodes.iter().map(|node| node.place().accounts.as_ref());
        let doors = doors.collect::<Option<Vec<_>>>().unwrap_or_default();
        let Some(first) = doors.first() else { return Err(RunError::NoAccounts) };
        let token_file = first.token_file.clone();
        let token = std::fs::read_to_string(&token_file);
        let token = token.map_err(|error| RunError::Token(token_file, error))?.trim().to_owned();
        let gateways = doors.iter().map(|door| door.listen.clone()).collect();
        let orders = ChangeOrders { settings, gateways, token, ledger: Arc::clone(&scene.ledger) };
        let started = ChangeThread::start(orders, times);
        Ok(Some(started.map_err(|error| RunError::Load(error.to_string()))?))
    }

    async fn open_idle(&self) -> Result<Option<IdleConnections>, RunError> {
        let count = usize::try_from(self.scenario.load.idle_connections).unwrap_or(0);
        if count == 0 {
            return Ok(None);
        }
        let targets = self.nodes.iter().map(|node| node.place().listen.clone()).collect();
        IdleConnections::open(targets, count).await.map(Some).map_err(RunError::Idle)
    }

    fn times(&self) -> Times {
        let begin_ns = clock::now_ns() + LEAD_NS;
        let measured_ns = begin_ns + self.scenario.warmup_ns();
        Times {
            begin_ns,
            measured_ns,
            end_ns: measured_ns + self.scenario.duration_ms() * NS_PER_MS,
        }
    }

    async fn play(
        &mut self,
        scene: &Scene,
        load_threads: &mut LoadThreads,
        times: Times,
    ) -> Result<(Counters, Vec<SecondSummary>, Measured), RunError> {
        let outages: &Outages = &scene.orders.outages;
        let (site, nodes) = (&self.site, &mut self.nodes);
        let registers = self.registers.as_mut();
        let mut injector =
            FaultInjector { site, nodes, registers, active_keys: &scene.active_keys, outages };
        let mut timeline = Timeline::new(load_threads.threads());
        let played =
            async { injector.play(&self.scenario.events, times).await.map_err(Into::into) };
        let loaded = async {
            load_threads.wait_until_done(|note| timeline.add(&note)).await.map_err(RunError::Load)
        };
        let (mut counters, measured) = tokio::try_join!(loaded, played)?;
        let seconds = timeline.end(std::mem::take(&mut counters.seconds));
        Ok((counters, seconds, measured))
    }

    /// Judges the run, when nothing can arrive any more.
    async fn judge(&mut self, scene: &Scene, seen: Seen) -> Result<Verdict, RunError> {
        let (mut all_are_ours, mut ends) = (true, Vec::new());
        for (number, node) in (1..).zip(&mut self.nodes) {
            let how = match node.end().await? {
                None => {
                    all_are_ours = false;
                    continue;
                }
                Some(NodeEnd::Told) => continue,
                Some(NodeEnd::ByItself) => "ended by itself",
                Some(NodeEnd::Failed) => "did not end in order when it was told",
            };
            ends.push(format!("gateway {number} {how}; it said: {}", node.last_words()));
        }
        if all_are_ours {
            let alone = scene.backend.wait_until_alone().await;
            alone.map_err(|error| RunError::Backend(self.site.backend.clone(), error))?;
        } else {
            for node in &self.nodes {
                node.wait_until_quiet().await?;
            }
        }
        let mut verdict = judge(&scene.ledger, seen, self.broken(scene));
        verdict.faults.extend(ends);
        verdict.faults.extend(scene.orders.outages.broken());
        Ok(verdict)
    }

    fn broken(&self, scene: &Scene) -> Broken {
        let BackendCounts { arrivals, errors, resets, halves, stalls, .. } = scene.backend.counts();
        match self.scenario.backend_is_too_slow() {
            true => Broken { unknown: arrivals, errors: 0 },
            false => Broken { unknown: resets + halves + stalls, errors },
        }
    }

    fn resident(&self) -> u64 {
        self.nodes.iter().map(Node::resident_bytes).sum()
    }
}

/// Waits until new codes are issued after the second that a fence names.
async fn behind(fence_s: i64) {
    let left_ms = u64::try_from((fence_s + 1) * 1_000 - clock::unix_ms()).unwrap_or(0);
    // A little more, so that the second has surely begun.
    tokio::time::sleep(Duration::from_millis(left_ms + 5)).await;
}

/// How many codes this thread makes in a second, measured on a few that are not sent.
///
/// # Errors
/// [`NotThrowAway`] if a key may be worth something.
pub fn minted_per_s(orders: &Orders) -> Result<f64, NotThrowAway> {
    let ledger = Arc::new(Ledger::new(0));
    let mut mill =
        Mill::new(&orders.scenario, orders.active_keys.clone(), ledger, orders.nonces.clone())?;
    let before_ns = clock::thread_cpu_ns();
    (0..SAMPLE).for_each(|_| drop(std::hint::black_box(mill.next_of_mix())));
    let spent = Duration::from_nanos(clock::thread_cpu_ns().saturating_sub(before_ns).max(1));
    Ok(f64::from(SAMPLE) / spent.as_secs_f64())
}
