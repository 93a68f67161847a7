//! What a configuration does, for a person: where it listens, what its routes ask, what it may take.

use std::fmt;
use std::io::Write;

use keyring::code::{Kind, Kinds};
use keyring::key_set::KeySet;
use keyring::suite::{Engine, Plan};
use keyring::time::UnixMillis;

use super::engine::Choice;
use super::unfit::SANDBOX;
use crate::cli::failure::Failure;
use crate::config::{
    AccountStore, AccountsConfig, BackendConfig, CodeUse, Config, MessageRule, MinAuth, Opaque,
    PassUse, RuleConfig, WhenStale, warnings,
};
use crate::limits;
use crate::refusal::shape::{Shape, Unknown};

/// What an idle connection to a backend costs, measured with hyper 1.12.
const BACKEND_CONNECTION_BYTES: u64 = 20 * 1_024;

/// Which gateway this is and where it listens.
pub(in crate::cli) fn write_summary(
    config: &Config,
    keys: &KeySet,
    choice: Choice,
    now: UnixMillis,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let server = &config.server;
    writeln!(out, "configuration  {}, environment {}", config.digest, server.environment)?;
    writeln!(
        out,
        "keyring        {}, keys: {}, of which accept codes issued now: {}",
        keys.digest(),
        keys.iter().len(),
        keys.usable_at(now)
    )?;
    for listener in &config.listeners {
        let refusals = refusals(listener.refusals).map(|text| format!(", {text}"));
        writeln!(out, "listens on     {}{}", listener.address, refusals.unwrap_or_default())?;
    }
    let reload = if config.admin.reload { ", POST /reload allowed" } else { "" };
    writeln!(out, "admin on       {}{reload}", config.admin.address)?;
    writeln!(out, "workers        {}", server.workers)?;
    let (slots, bytes) = replay_table(config);
    writeln!(out, "replay table   {slots} slots, {}", Bytes(bytes))?;
    if config.has_passes_table() {
        let (slots, bytes) = passes_table(config);
        let life_s = config.passes.life_s;
        writeln!(out, "passes table   {slots} slots, {}; a pass lives {life_s} s", Bytes(bytes))?;
    }
    writeln!(out, "accounts       {}", AccountsKept(&config.accounts))?;
    writeln!(out, "record         {}", Recorded(&config.record))?;
    writeln!(out, "verifies with  {choice}")?;
    if choice.engine != Engine::Reference {
        writeln!(out, "tables for it  {}", Tables(&plan(config, keys)))?;
    }
    Ok(())
}

/// Where account states are kept, for a person.
struct AccountsKept<'a>(&'a AccountsConfig);

impl fmt::Display for AccountsKept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.0;
        match &accounts.store {
            AccountStore::Off => return f.write_str("none: a frozen account pays"),
            AccountStore::Local => f.write_str("kept by this node")?,
            AccountStore::Etcd(etcd) => write!(f, "kept in etcd, members: {}", etcd.urls.len())?,
        }
        let stale_ms = accounts.stale_ms;
        let stale = match accounts.when_stale {
            WhenStale::Refuse => "nothing is admitted",
            WhenStale::Admit => "requests are admitted",
        };
        write!(f, "; older than {stale_ms} ms: {stale}; writers on {}", accounts.listen)?;
        let names: Vec<&str> = accounts.writers.iter().map(|writer| writer.name.as_str()).collect();
        write!(f, ": {}", if names.is_empty() { "none".to_owned() } else { names.join(" ") })
    }
}

/// Where decisions are recorded, for a person.
struct Recorded<'a>(&'a record::Settings);

impl fmt::Display for Recorded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0;
        if !record.enabled {
            return f.write_str("none: no decision is written down");
        }
        write!(f, "{}, kept ", record.directory.display())?;
        match record.keep_days {
            0 => f.write_str("until somebody else deletes it")?,
            days => write!(f, "for {days} days")?,
        }
        write!(f, "; if it cannot be written: {}", record.when_full.as_str())?;
        let subjects = if record.subject_key.is_some() { "hashed" } else { "left out" };
        write!(f, "; subjects {subjects}")
    }
}

/// What `verify_table_mib` buys for these keys.
fn plan(config: &Config, keys: &KeySet) -> Plan {
    Plan::new(config.server.verify_table_bytes(), keys.tabled().count())
}

/// A plan for a person.
struct Tables<'a>(&'a Plan);

impl fmt::Display for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.0;
        if plan.keys_served() == 0 {
            return f.write_str("none");
        }
        write!(
            f,
            "keys: {}, {} each, and {} for all; {} additions a code",
            plan.keys_served(),
            Bytes(plan.key_bytes()),
            Bytes(plan.base_bytes()),
            plan.additions()
        )
    }
}

pub(in crate::cli) fn write_backends(
    backends: &[BackendConfig],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    writeln!(out, "backends")?;
    for backend in backends {
        let endpoints: Vec<String> = backend.endpoints.iter().map(ToString::to_string).collect();
        let connections = match backend.reuse {
            true => format!("a connection may idle for {} ms", backend.idle_ms),
            false => "a new connection for each request".to_owned(),
        };
        let state = if backend.maintenance { ", in maintenance" } else { "" };
        writeln!(
            out,
            "  {:<16} {}, answers within {} ms, {connections}{state}",
            backend.name,
            endpoints.join(" "),
            backend.timeout_ms
        )?;
    }
    let head = Bytes(size(limits::ANSWER_HEAD_BYTES_MAX));
    let lines = limits::H1_HEADERS_MAX;
    writeln!(out, "  an answer has {lines} header lines and a head of {head} at the most")?;
    Ok(())
}

pub(in crate::cli) fn write_routes(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "routes")?;
    for route in &config.routes {
        let methods: Vec<&str> = route.methods.iter().map(|method| method.as_str()).collect();
        match route.infno() {
            None => write_rule(config, &route.path, &route.rule, &methods, out)?,
            Some(infno) => {
                writeln!(
                    out,
                    "  {:<16} by {} in the body {}",
                    route.path,
                    infno.name,
                    methods.join(" ")
                )?;
                for MessageRule { key, rule, .. } in &infno.rules {
                    write_rule(config, &format!("  {key}"), rule, &[], out)?;
                }
            }
        }
    }
    Ok(())
}

/// One line for a rule, and one for each place with a backend of its own.
fn write_rule(
    config: &Config,
    name: &str,
    rule: &RuleConfig,
    methods: &[&str],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let backend = |index: usize| config.backends.get(index).map_or("", |backend| &*backend.name);
    let demands = demands(rule, methods).join(", ");
    let answers = rule.backend.map_or("answered here, without a backend", backend);
    writeln!(out, "  {name:<16} {demands} -> {answers}")?;
    for (prefix, index) in &rule.region_backends {
        writeln!(out, "  {:<16}   insured in {prefix} -> {}", "", backend(*index))?;
    }
    Ok(())
}

/// What a route does with a code and asks of it.
fn demands(rule: &RuleConfig, methods: &[&str]) -> Vec<String> {
    let of_code = match rule.code {
        CodeUse::Redeem => Some("verifies the code and spends it"),
        CodeUse::Exchange => Some("verifies the code, spends it and gives a pass for it"),
        CodeUse::Check => Some("verifies the code, spends nothing"),
        CodeUse::None => None,
    };
    let of_pass = match rule.pass {
        PassUse::Spend => Some("opens the pass and spends it"),
        PassUse::Check => Some("opens the pass, spends nothing"),
        PassUse::None => None,
    };
    let mut demands: Vec<String> = match (of_code, of_pass) {
        (None, None) => vec!["takes no code".to_owned()],
        (Some(code), Some(pass)) => vec![format!("{code}; or {pass}")],
        (one, other) => one.or(other).map(str::to_owned).into_iter().collect(),
    };
    if !methods.is_empty() {
        demands.push(methods.join(" "));
    }
    demands.extend(kinds(rule.kinds).map(str::to_owned));
    match rule.min_auth {
        MinAuth::None => {}
        MinAuth::Password => demands.push("password or better".to_owned()),
        MinAuth::Biometric => demands.push("fingerprint or face".to_owned()),
    }
    if rule.require_region {
        demands.push("region chosen".to_owned());
    }
    if let Some(regions) = &rule.open_regions {
        let regions: Vec<String> = regions.iter().map(ToString::to_string).collect();
        demands.push(format!("open for {}", regions.join(" ")));
    }
    if rule.opaque == Opaque::Reserve {
        demands.push("lets opaque codes pass once in 460 s, reserved, NOT verified".to_owned());
    }
    demands.extend(refusals(rule.refusals));
    if rule.unknown == Unknown::Cut {
        demands.push("cuts the connection if an outcome is unknown".to_owned());
    }
    if !rule.enforce {
        demands.push("REFUSES NOTHING of this, only observes".to_owned());
    }
    demands
}

/// The shape of refusals, unless it is the usual one.
fn refusals(shape: Shape) -> Option<String> {
    (shape != Shape::Problem).then(|| format!("refuses as {}", shape.word()))
}

fn kinds(kinds: Kinds) -> Option<&'static str> {
    match (kinds.contains(Kind::Payment), kinds.contains(Kind::Display)) {
        (true, true) => Some("payment and display codes"),
        (true, false) => Some("payment codes"),
        (false, true) => Some("display codes"),
        (false, false) => None,
    }
}

fn replay_table(config: &Config) -> (u64, u64) {
    table_of(config.replay.capacity)
}

/// The table of spent passes; there is none where no route takes passes.
fn passes_table(config: &Config) -> (u64, u64) {
    if config.has_passes_table() { table_of(config.passes.capacity) } else { (0, 0) }
}

/// Slots and bytes of a table with at least so many slots.
fn table_of(capacity: usize) -> (u64, u64) {
    let slots = size(capacity).next_multiple_of(8);
    (slots, slots * limits::SLOT_BYTES)
}

/// What a part of the gateway may take.
pub(in crate::cli) struct MemoryPart {
    name: &'static str,
    pub(in crate::cli) bytes: u64,
    how: String,
}

impl fmt::Display for MemoryPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bytes, how } = self;
        write!(f, "{name:<20} {:>10}  {how}", Bytes(*bytes).to_string())
    }
}

/// The memory of each part, at most. `tables` are the bytes of the verification tables.
pub(in crate::cli) fn memory(config: &Config, tables: u64) -> [MemoryPart; 11] {
    let settings = &config.limits;
    let ((_, table), (_, passes)) = (replay_table(config), passes_table(config));
    let people = if config.accounts.is_on() { config.accounts.capacity } else { 0 };
    let accounts = product(people, limits::ACCOUNT_BYTES);
    let clients = product(settings.connections_max, limits::SERVED_CONNECTION_BYTES);
    let parked = product(settings.connections_max, limits::PARKED_CONNECTION_BYTES);
    let windows = product(settings.connections_max, u64::from(limits::H2_CONNECTION_WINDOW_BYTES));
    let bodies = product(settings.requests_in_flight_max, size(limits::BODY_FREE_BYTES));
    let large = size(settings.body_memory_bytes());
    let upstream = config.backends.iter().map(|backend| backend.connections_max);
    let upstream = upstream.map(|count| product(count, BACKEND_CONNECTION_BYTES)).sum();
    let queue = if config.record.enabled { config.record.queue_entries } else { 0 };
    let (queue, queued) =
        (product(queue, size(record::ENTRY_BYTES)), format!("{queue} decisions that wait"));
    let quiet =
        format!("{} of them; {} once they are quiet", settings.connections_max, Bytes(parked));
    let kept = format!("for retries, {} s each", config.retry.keep_ms / 1_000);
    [
        ("replay table", table, "from the start".to_owned()),
        ("passes table", passes, "from the start, if a route takes passes".to_owned()),
        ("account states", accounts, "while they are loaded anew, twice that".to_owned()),
        ("verification tables", tables, "while a reload builds, old and new ones".to_owned()),
        ("stored answers", size(config.retry.store_bytes), kept),
        ("record queue", queue, queued),
        ("client connections", clients, quiet),
        ("HTTP/2 windows", windows, "if all are HTTP/2: what no request has read yet".to_owned()),
        ("backend connections", upstream, "all of all backends".to_owned()),
        ("small bodies", bodies, format!("{} requests in flight", settings.requests_in_flight_max)),
        ("large bodies", large, "and replies on redeem routes, which may exceed it".to_owned()),
    ]
    .map(|(name, bytes, how)| MemoryPart { name, bytes, how })
}

pub(in crate::cli) fn write_memory(
    config: &Config,
    tables: u64,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    writeln!(out, "memory, at most")?;
    for part in memory(config, tables) {
        writeln!(out, "  {part}")?;
    }
    Ok(())
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a setting fits")
}

fn product(count: usize, bytes: u64) -> u64 {
    size(count).saturating_mul(bytes)
}

pub(in crate::cli) fn write_warnings(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    if config.server.environment == SANDBOX {
        writeln!(out, "warning: environment \"{SANDBOX}\": `yanma serve` refuses to run this")?;
    }
    for warning in warnings::of(config) {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(())
}

/// A number of bytes for a person.
pub(in crate::cli) struct Bytes(pub(in crate::cli) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
        for (unit, bits) in UNITS {
            let tenths = (u128::from(self.0) * 10) >> bits;
            if tenths >= 10 {
                return write!(f, "{}.{} {unit}", tenths / 10, tenths % 10);
            }
        }
        write!(f, "{} B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_the_largest_unit_that_is_full() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (8_388_608 * 8, "64.0 MiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
