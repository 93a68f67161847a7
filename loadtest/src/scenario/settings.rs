//! A checked scenario, as values.

use super::event::{Event, Happening};
use crate::clock::NS_PER_MS;
use crate::judge::class::Class;
use crate::judge::law::terms::Terms;

/// A checked scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file's name without its ending.
    pub name: String,
    /// One sentence.
    pub about: String,
    /// Connections and how starts are spread.
    pub load: LoadSettings,
    /// Rates, one after the other, without the warm-up.
    pub phases: Vec<Phase>,
    /// Which keys sign.
    pub codes: CodeSettings,
    /// Classes and their weights above 0.
    pub mix: Vec<(Class, u32)>,
    /// How visits go on after their exchange, if the mix has any.
    pub visits: Option<VisitSettings>,
    /// How accounts are changed meanwhile, if the mix has codes of such people.
    pub accounts: Option<AccountSettings>,
    /// What the stand-in backend does.
    pub backend: BackendSettings,
    /// How gateways are set up.
    pub gateway: GatewaySettings,
    /// What happens to them, in order of time.
    pub events: Vec<Event>,
}

/// Connections and how starts are spread.
#[derive(Clone, Debug)]
pub struct LoadSettings {
    /// Connections that carry requests, over all threads.
    pub connections: u32,
    /// Threads that send.
    pub threads: u32,
    /// How requests travel.
    pub protocol: Protocol,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
    /// Warm-up. Its requests are judged, and their latency is not counted.
    pub warmup_ms: u64,
    /// The gaps between starts.
    pub arrivals: Arrivals,
    /// Connections that are held and send nothing.
    pub idle_connections: u32,
    /// Closed loop: each connection sends again as soon as it was answered. Rates do not count.
    pub is_closed: bool,
}

/// How requests travel.
#[derive(Copy, Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

/// The gaps between starts.
#[derive(Copy, Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// All the same.
    Constant,
    /// Random and independent of each other.
    Poisson,
}

/// A rate for a while.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Phase {
    /// How long.
    pub duration_ms: u64,
    /// Starts a second.
    pub rate: u64,
}

/// Which keys sign.
#[derive(Copy, Clone, Debug)]
pub struct CodeSettings {
    /// How many keys are active.
    pub keys: u32,
    /// How they are chosen.
    pub choice: Choice,
}

/// How a key is chosen for a code.
#[derive(Copy, Clone, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Each as often as any other.
    Uniform,
    /// The n-th with a weight of 1 / n.
    Zipf,
}

/// How a visit goes on after its exchange.
#[derive(Copy, Clone, Debug)]
pub struct VisitSettings {
    /// The fewest and the most calls that open the pass before it pays.
    pub checks: [u64; 2],
    /// The shortest and the longest time from an answer to the next call.
    pub pause_ms: [u64; 2],
    /// Of a thousand calls that spend, how many are sent again.
    pub again_per_mille: u64,
    /// Of a thousand visits, how many end without paying.
    pub abandoned_per_mille: u64,
}

/// How accounts are changed while the load runs.
#[derive(Clone, Debug)]
pub struct AccountSettings {
    /// People whose accounts are changed.
    pub people: u32,
    /// Changes in a second: freezes, lifts, unbinds.
    pub per_s: [u64; 3],
    /// A freeze is lifted after this time at the earliest.
    pub held_ms: u64,
    /// Changes that may be under way at once.
    pub writers: u32,
    /// Of a thousand codes that were refused as frozen, how many are tried again.
    pub again_per_mille: u64,
    /// The gateway's `accounts.stale_ms`: the promise.
    pub stale_ms: u64,
    /// Changes go to a UNIX socket.
    pub unix: bool,
    /// Members of etcd that hold the states. Without any, the gateway's data directory does.
    pub etcd: Vec<String>,
}

/// What the stand-in backend does. The rates are tenths of a percent of all requests.
#[derive(Copy, Clone, Debug, Default)]
pub struct BackendSettings {
    /// It listens on a UNIX socket.
    pub unix: bool,
    /// Every answer is delayed by this time.
    pub delay_ms: u64,
    /// Answered with status 500.
    pub error_per_mille: u64,
    /// The connection is reset instead of an answer.
    pub reset_per_mille: u64,
    /// Half an answer, then the end.
    pub half_per_mille: u64,
    /// No answer.
    pub stall_per_mille: u64,
}

/// How gateways are set up.
#[derive(Copy, Clone, Debug)]
pub struct GatewaySettings {
    /// Nodes, each with a replay table of its own.
    pub nodes: u32,
    /// Threads of a node; 0 is one per core.
    pub workers: u32,
    /// Clients connect to a UNIX socket.
    pub unix: bool,
    /// How long a node waits for the backend.
    pub backend_timeout_ms: u64,
    /// Slots of the replay table; `None` is the gateway's default.
    pub replay_capacity: Option<u64>,
    /// Memory for verification tables; `None` is the gateway's default.
    pub verify_table_mib: Option<u64>,
    /// Registers of a group. With 0, each node remembers for itself.
    pub registers: u32,
    /// Groups of registers.
    pub groups: u32,
    /// How long a node waits for its registers.
    pub register_timeout_ms: u64,
}

impl Scenario {
    /// Requests that can be under way at once.
    pub fn slots(&self) -> u64 {
        let streams = match self.load.protocol {
            Protocol::Http1 => 1,
            Protocol::Http2 => self.load.streams,
        };
        u64::from(self.load.connections) * u64::from(streams)
    }

    /// How long it takes, without the warm-up.
    pub fn duration_ms(&self) -> u64 {
        self.phases.iter().map(|phase| phase.duration_ms).sum()
    }

    /// The highest rate.
    pub fn peak_rate(&self) -> u64 {
        self.phases.iter().map(|phase| phase.rate).max().unwrap_or(0)
    }

    /// Scales everything after the warm-up to this duration.
    pub fn scale_duration(&mut self, duration_ms: u64) {
        let before = self.duration_ms().max(1);
        let scale = |ms: u64| (ms * duration_ms / before).max(1);
        self.phases.iter_mut().for_each(|phase| phase.duration_ms = scale(phase.duration_ms));
        self.events.iter_mut().for_each(|event| event.at_ms = scale(event.at_ms));
    }

    /// Scales all rates so that the highest is `rate`.
    pub fn scale_rate(&mut self, rate: u64) {
        let peak = self.peak_rate().max(1);
        self.phases.iter_mut().for_each(|phase| phase.rate = (phase.rate * rate / peak).max(1));
    }

    /// The warm-up at the first rate, then the phases.
    pub fn all_phases(&self) -> Vec<Phase> {
        let first = self.phases.first().map_or(1, |phase| phase.rate);
        let warmup = Phase { duration_ms: self.load.warmup_ms, rate: first };
        [warmup].into_iter().chain(self.phases.iter().copied()).collect()
    }

    /// The warm-up in nanoseconds.
    pub fn warmup_ns(&self) -> u64 {
        self.load.warmup_ms * NS_PER_MS
    }

    /// Whether an event of this kind happens.
    pub fn has(&self, is_such: impl Fn(&Happening) -> bool) -> bool {
        self.events.iter().any(|event| is_such(&event.what))
    }

    /// Registers of all groups.
    pub fn registers(&self) -> u32 {
        self.gateway.registers * self.gateway.groups
    }

    /// Whether every answer of the backend comes after the gateway has given up.
    pub fn backend_is_too_slow(&self) -> bool {
        self.backend.delay_ms >= self.gateway.backend_timeout_ms
    }

    /// What the scenario's own faults excuse.
    pub fn terms(&self, skew_ms: i64) -> Terms {
        let BackendSettings {
            error_per_mille,
            reset_per_mille,
            half_per_mille,
            stall_per_mille,
            ..
        } = self.backend;
        Terms {
            skew_ms,
            backend_errs: error_per_mille > 0,
            backend_breaks: self.backend_is_too_slow()
                || reset_per_mille + half_per_mille + stall_per_mille > 0,
            backend_timeout_ms: self.gateway.backend_timeout_ms,
            may_overload: false,
            has_registers: self.registers() > 0,
            small_table: self.gateway.replay_capacity,
            may_be_stale: self.accounts.is_some() && !self.events.is_empty(),
        }
    }
}
