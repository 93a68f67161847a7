//! Writes a node's `gateway.toml`, and reads what the tool must know of it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::accounts::{self, AccountDoor, AccountsSection};
use super::error::{SiteError, at};
use super::plan::{ENVIRONMENT, MemoryPlan, Plan};
use crate::judge::call::Call;
use crate::net::address::Address;

/// Large enough that a new code is never from the future. Small, because a node that starts refuses
/// codes for so long.
const SKEW_MS: i64 = 500;

pub(super) fn path(dir: &Path, node: usize) -> PathBuf {
    match node {
        0 => dir.join("gateway.toml"),
        more => dir.join(format!("gateway-{}.toml", more + 1)),
    }
}

pub(super) fn text(plan: &Plan, node: usize, listen: &Address, admin: SocketAddr) -> String {
    let Plan { workers, backend_timeout_ms, connections_max, requests_max, memory, .. } = plan;
    let endpoint = match &plan.backend {
        Address::Tcp(address) => format!("http://{address}"),
        unix => unix.to_string(),
    };
    format!(
        r#"# Written by yanma-loadtest: keys that everybody may sign with, a backend that settles nothing.
[server]
environment = "{ENVIRONMENT}"
workers = {workers}
keyring = "keyring"
data_dir = "data-{number}"
{verify_table_mib}drain_delay_ms = 0
drain_timeout_ms = 30000

[[listener]]
address = "{listen}"

[admin]
address = "{admin}"

[codes]
skew_ms = {SKEW_MS}

{replay}
{accounts}[limits]
connections_max = {connections_max}
requests_in_flight_max = {requests_max}
h2_streams_max = 1000

[timeouts]
idle_ms = 3600000

[[backend]]
name = "settlement"
endpoints = ["{endpoint}"]
timeout_ms = {backend_timeout_ms}
connections_max = {requests_max}

[[route]]
path = "/pay"
methods = ["POST"]
code = "redeem"
backend = "settlement"
{visits}"#,
        number = node + 1,
        verify_table_mib = line("verify_table_mib", memory.verify_table_mib),
        replay = replay(memory),
        accounts = memory.accounts.as_ref().map_or(String::new(), |one| accounts::text(one, node)),
        visits = if plan.has_passes { visits() } else { String::new() },
    )
}

/// The routes of a visit, and how long its pass lives.
fn visits() -> String {
    let route = |call: Call| {
        format!(
            "\n[[route]]\npath = \"{}\"\nmethods = [\"POST\"]\ncode = \"{}\"\nbackend = \"settlement\"\n",
            call.path(),
            call.rule()
        )
    };
    let routes: String = Call::OF_A_VISIT.into_iter().map(route).collect();
    format!("\n[passes]\nlife_s = 900\n{routes}")
}

fn replay(memory: &MemoryPlan) -> String {
    let capacity = line("capacity", memory.replay_capacity);
    if memory.groups.is_empty() {
        return format!(
            "# Each node remembers for itself: two of them on one keyring let a code be used twice.\n\
             [replay]\nstore = \"local\"\n{capacity}"
        );
    }
    let timeout_ms = memory.register_timeout_ms;
    let mut text =
        format!("[replay]\nstore = \"registers\"\ntimeout_ms = {timeout_ms}\n{capacity}");
    for group in &memory.groups {
        let registers: Vec<String> =
            group.iter().map(|address| format!("\"redis://{address}\"")).collect();
        text += &format!("[[replay.group]]\nregisters = [{}]\n", registers.join(", "));
    }
    text
}

fn line(key: &str, value: Option<u64>) -> String {
    value.map(|value| format!("{key} = {value}\n")).unwrap_or_default()
}

/// The addresses and files of a node.
#[derive(Clone, Debug)]
pub struct NodePlace {
    /// Its configuration.
    pub config: PathBuf,
    /// Where clients connect.
    pub listen: Address,
    /// Its admin listener.
    pub admin: SocketAddr,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Where it takes changes of account states, if it keeps any.
    pub accounts: Option<AccountDoor>,
}

/// What the configurations of a directory say.
pub(super) struct Configured {
    pub(super) nodes: Vec<NodePlace>,
    pub(super) backend: Address,
    pub(super) registers: Vec<SocketAddr>,
    pub(super) skew_ms: i64,
    pub(super) workers: usize,
}

/// The part that the tool reads. The gateway checks the rest.
#[derive(Deserialize)]
struct GatewayFile {
    server: ServerSection,
    #[serde(default)]
    listener: Vec<ListenerSection>,
    #[serde(default)]
    admin: AdminSection,
    #[serde(default)]
    codes: CodesSection,
    #[serde(default)]
    replay: ReplaySection,
    #[serde(default)]
    accounts: AccountsSection,
    backend: Vec<BackendSection>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReplaySection {
    group: Vec<GroupSection>,
}

#[derive(Deserialize)]
struct GroupSection {
    registers: Vec<String>,
}

#[derive(Deserialize)]
struct ServerSection {
    #[serde(default)]
    workers: usize,
    #[serde(default = "data")]
    data_dir: PathBuf,
}

fn data() -> PathBuf {
    PathBuf::from("data")
}

#[derive(Deserialize)]
struct ListenerSection {
    address: String,
}

#[derive(Deserialize)]
#[serde(default)]
struct AdminSection {
    address: SocketAddr,
}

impl Default for AdminSection {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 7461)) }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct CodesSection {
    skew_ms: i64,
}

impl Default for CodesSection {
    fn default() -> Self {
        Self { skew_ms: 2_000 }
    }
}

#[derive(Deserialize)]
struct BackendSection {
    endpoints: Vec<String>,
}

/// Reads the configurations of all nodes of a directory.
pub(super) fn read(dir: &Path) -> Result<Configured, SiteError> {
    let (first, place) = node(&path(dir, 0))?;
    let mut nodes = vec![place];
    while path(dir, nodes.len()).exists() {
        nodes.push(node(&path(dir, nodes.len()))?.1);
    }
    let backend = first.backend.first().and_then(|backend| backend.endpoints.first());
    let backend = address(&path(dir, 0), "backend.endpoints", backend)?;
    Ok(Configured {
        nodes,
        backend,
        registers: registers(&path(dir, 0), &first.replay)?,
        skew_ms: first.codes.skew_ms,
        workers: first.server.workers,
    })
}

fn node(config: &Path) -> Result<(GatewayFile, NodePlace), SiteError> {
    let text = fs::read_to_string(config).map_err(at(config))?;
    let file: GatewayFile =
        toml::from_str(&text).map_err(|error| wrong(config, error.to_string()))?;
    let listen = address(config, "listener.address", file.listener.first().map(|l| &l.address))?;
    let dir = config.parent().unwrap_or(Path::new(""));
    let data_dir = dir.join(&file.server.data_dir);
    let accounts = file.accounts.door(config, &data_dir).map_err(|what| wrong(config, what))?;
    let admin = file.admin.address;
    let place = NodePlace { config: config.to_owned(), listen, admin, data_dir, accounts };
    Ok((file, place))
}

fn registers(config: &Path, replay: &ReplaySection) -> Result<Vec<SocketAddr>, SiteError> {
    let all = replay.group.iter().flat_map(|group| &group.registers);
    let read = |text: &String| {
        let address = text.strip_prefix("redis://").and_then(|address| address.parse().ok());
        let what = || format!("replay.group.registers: {text:?}; allowed: redis://IP:PORT");
        address.ok_or_else(|| wrong(config, what()))
    };
    all.map(read).collect()
}

fn address(config: &Path, key: &str, text: Option<&String>) -> Result<Address, SiteError> {
    let text = text.ok_or_else(|| wrong(config, format!("{key} is missing")))?;
    text.parse().map_err(|error| wrong(config, format!("{key}: {error}")))
}

fn wrong(config: &Path, what: String) -> SiteError {
    SiteError::Config { path: config.to_owned(), what }
}
