//! The format of the file, and the checks that make a scenario of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::account_table::AccountsTable;
use super::check::Check;
use super::error::ScenarioError;
use super::event_table::EventTable;
use super::settings::{
    Arrivals, BackendSettings, Choice, CodeSettings, GatewaySettings, LoadSettings, Phase,
    Protocol, Scenario, VisitSettings,
};
use crate::judge::class::Class;

/// The most connections that a gateway may open to its backend, each for one request.
const SLOTS_MAX: u64 = 65_536;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    about: String,
    #[serde(default)]
    load: LoadTable,
    #[serde(default)]
    phase: Vec<PhaseTable>,
    #[serde(default)]
    codes: CodesTable,
    #[serde(default)]
    mix: BTreeMap<String, u64>,
    visits: Option<VisitsTable>,
    accounts: Option<AccountsTable>,
    #[serde(default)]
    backend: BackendTable,
    #[serde(default)]
    gateway: GatewayTable,
    #[serde(default)]
    event: Vec<EventTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LoadTable {
    connections: u64,
    threads: u64,
    protocol: Protocol,
    streams: u64,
    warmup_s: u64,
    arrivals: Arrivals,
    idle_connections: u64,
    closed: bool,
}

impl Default for LoadTable {
    fn default() -> Self {
        Self {
            connections: 32,
            threads: 1,
            protocol: Protocol::Http1,
            streams: 16,
            warmup_s: 1,
            arrivals: Arrivals::Constant,
            idle_connections: 0,
            closed: false,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhaseTable {
    duration_s: u64,
    rate: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CodesTable {
    keys: u64,
    choice: Choice,
}

impl Default for CodesTable {
    fn default() -> Self {
        Self { keys: 8, choice: Choice::Uniform }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VisitsTable {
    checks: [u64; 2],
    pause_ms: [u64; 2],
    again_per_mille: u64,
    abandoned_per_mille: u64,
}

impl Default for VisitsTable {
    fn default() -> Self {
        Self {
            checks: [1, 4],
            pause_ms: [1_000, 4_000],
            again_per_mille: 300,
            abandoned_per_mille: 100,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BackendTable {
    unix: bool,
    delay_ms: u64,
    error_per_mille: u64,
    reset_per_mille: u64,
    half_per_mille: u64,
    stall_per_mille: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct GatewayTable {
    nodes: u64,
    workers: u64,
    unix: bool,
    backend_timeout_ms: u64,
    replay_capacity: Option<u64>,
    verify_table_mib: Option<u64>,
    registers: u64,
    groups: u64,
    register_timeout_ms: u64,
}

impl Default for GatewayTable {
    fn default() -> Self {
        Self {
            nodes: 1,
            workers: 0,
            unix: false,
            backend_timeout_ms: 10_000,
            replay_capacity: None,
            verify_table_mib: None,
            registers: 0,
            groups: 1,
            register_timeout_ms: 50,
        }
    }
}

impl Scenario {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ScenarioError`] names the file, the key, the value and what is allowed.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let unreadable = |error| ScenarioError::Unreadable { path: path.to_owned(), error };
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let text = keyring::text::read_toml(bytes)
            .map_err(|error| ScenarioError::Text { path: path.to_owned(), error })?;
        Self::parse(path, &text)
    }

    /// Checks the text of a file.
    ///
    /// # Errors
    /// [`ScenarioError`] names the file, the key, the value and what is allowed.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ScenarioError> {
        let form = |error| ScenarioError::Form { path: path.to_owned(), error: Box::new(error) };
        let file: ScenarioFile = toml::from_str(text).map_err(form)?;
        Check { path }.scenario(file)
    }
}

impl Check<'_> {
    fn scenario(&self, file: ScenarioFile) -> Result<Scenario, ScenarioError> {
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let load = self.load(&file.load)?;
        let phases = self.phases(&file.phase, load.is_closed)?;
        let mut scenario = Scenario {
            name,
            about: file.about,
            load,
            phases,
            codes: self.codes(&file.codes)?,
            mix: self.mix(&file.mix)?,
            backend: self.backend(&file.backend)?,
            gateway: self.gateway(&file.gateway)?,
            events: Vec::new(),
            visits: None,
            accounts: None,
        };
        scenario.visits = self.visits(file.visits, &scenario)?;
        scenario.accounts = self.accounts(file.accounts, &scenario)?;
        self.bounded("load.connections * load.streams", scenario.slots(), 0..=SLOTS_MAX)?;
        scenario.events = self.events(&file.event, &scenario)?;
        Ok(scenario)
    }

    fn load(&self, load: &LoadTable) -> Result<LoadSettings, ScenarioError> {
        let connections = self.within("load.connections", load.connections, 2..=20_000)?;
        let threads = self.within("load.threads", load.threads, 1..=64)?;
        if threads > connections {
            return Err(self.wrong("load.threads", threads, "at most load.connections"));
        }
        Ok(LoadSettings {
            connections,
            threads,
            protocol: load.protocol,
            streams: self.within("load.streams", load.streams, 1..=1_000)?,
            warmup_ms: self.bounded("load.warmup_s", load.warmup_s, 0..=3_600)? * 1_000,
            arrivals: load.arrivals,
            idle_connections: self.within(
                "load.idle_connections",
                load.idle_connections,
                0..=1_000_000,
            )?,
            is_closed: load.closed,
        })
    }

    fn phases(&self, phases: &[PhaseTable], is_closed: bool) -> Result<Vec<Phase>, ScenarioError> {
        if phases.is_empty() || (is_closed && phases.len() > 1) {
            let allowed = "one [[phase]] or more; one with load.closed, which has no rates";
            return Err(self.wrong("phase", phases.len(), allowed));
        }
        let checked = phases.iter().map(|phase| {
            let seconds = self.bounded("phase.duration_s", phase.duration_s, 1..=86_400)?;
            let rate = self.bounded("phase.rate", phase.rate, 1..=10_000_000)?;
            Ok(Phase { duration_ms: seconds * 1_000, rate })
        });
        checked.collect()
    }

    fn codes(&self, codes: &CodesTable) -> Result<CodeSettings, ScenarioError> {
        Ok(CodeSettings {
            keys: self.within("codes.keys", codes.keys, 1..=500)?,
            choice: codes.choice,
        })
    }

    fn mix(&self, mix: &BTreeMap<String, u64>) -> Result<Vec<(Class, u32)>, ScenarioError> {
        let drawn = || Class::ALL.iter().copied().filter(|class| class.is_of_mix());
        let words: Vec<&str> = drawn().map(Class::word).collect();
        let mut checked = Vec::new();
        for (word, weight) in mix {
            let class = drawn().find(|class| class.word() == word);
            let class = class.ok_or_else(|| self.wrong("mix", word, &words.join(", ")))?;
            let weight = self.within(&format!("mix.{word}"), *weight, 0..=1_000_000)?;
            if weight > 0 {
                checked.push((class, weight));
            }
        }
        if checked.is_empty() {
            return Err(self.wrong("mix", "nothing", "a weight above 0 for one class or more"));
        }
        Ok(checked)
    }

    fn visits(
        &self,
        visits: Option<VisitsTable>,
        scenario: &Scenario,
    ) -> Result<Option<VisitSettings>, ScenarioError> {
        if !scenario.mix.iter().any(|(class, _)| *class == Class::Exchange) {
            let allowed = "a mix with exchange, which begins visits";
            return visits.map_or(Ok(None), |_| Err(self.wrong("visits", "a table", allowed)));
        }
        // The judge does not know which call of a visit had a broken answer.
        if scenario.terms(0).backend_breaks {
            let allowed = "a backend that answers whole and in time";
            return Err(self.wrong("mix.exchange", "visits", allowed));
        }
        let VisitsTable { checks, pause_ms, again_per_mille, abandoned_per_mille } =
            visits.unwrap_or_default();
        Ok(Some(VisitSettings {
            checks: self.range("visits.checks", checks, 100)?,
            pause_ms: self.range("visits.pause_ms", pause_ms, 900_000)?,
            again_per_mille: self.bounded("visits.again_per_mille", again_per_mille, 0..=1_000)?,
            abandoned_per_mille: self.bounded(
                "visits.abandoned_per_mille",
                abandoned_per_mille,
                0..=1_000,
            )?,
        }))
    }

    /// The least and the most of something, in this order.
    fn range(
        &self,
        key: &str,
        [least, most]: [u64; 2],
        end: u64,
    ) -> Result<[u64; 2], ScenarioError> {
        Ok([self.bounded(key, least, 0..=most.min(end))?, self.bounded(key, most, least..=end)?])
    }

    fn backend(&self, backend: &BackendTable) -> Result<BackendSettings, ScenarioError> {
        let BackendTable { unix, delay_ms, .. } = *backend;
        let rates = [
            ("backend.error_per_mille", backend.error_per_mille),
            ("backend.reset_per_mille", backend.reset_per_mille),
            ("backend.half_per_mille", backend.half_per_mille),
            ("backend.stall_per_mille", backend.stall_per_mille),
        ];
        for (key, rate) in rates {
            self.bounded(key, rate, 0..=1_000)?;
        }
        let sum: u64 = rates.iter().map(|(_, rate)| rate).sum();
        self.bounded("the sum of backend.*_per_mille", sum, 0..=1_000)?;
        Ok(BackendSettings {
            unix,
            delay_ms: self.bounded("backend.delay_ms", delay_ms, 0..=60_000)?,
            error_per_mille: backend.error_per_mille,
            reset_per_mille: backend.reset_per_mille,
            half_per_mille: backend.half_per_mille,
            stall_per_mille: backend.stall_per_mille,
        })
    }

    fn gateway(&self, gateway: &GatewayTable) -> Result<GatewaySettings, ScenarioError> {
        let timeout_ms = gateway.backend_timeout_ms;
        Ok(GatewaySettings {
            nodes: self.within("gateway.nodes", gateway.nodes, 1..=16)?,
            workers: self.within("gateway.workers", gateway.workers, 0..=512)?,
            unix: gateway.unix,
            backend_timeout_ms: self.bounded(
                "gateway.backend_timeout_ms",
                timeout_ms,
                1..=600_000,
            )?,
            replay_capacity: gateway.replay_capacity,
            verify_table_mib: gateway.verify_table_mib,
            registers: self.registers(gateway.registers)?,
            groups: self.within("gateway.groups", gateway.groups, 1..=8)?,
            register_timeout_ms: self.bounded(
                "gateway.register_timeout_ms",
                gateway.register_timeout_ms,
                1..=5_000,
            )?,
        })
    }

    fn registers(&self, registers: u64) -> Result<u32, ScenarioError> {
        match registers {
            0 => Ok(0),
            3 => Ok(3),
            5 => Ok(5),
            other => Err(self.wrong("gateway.registers", other, "0 (none), 3 or 5")),
        }
    }
}
