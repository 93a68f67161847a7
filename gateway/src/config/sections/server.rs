//! The process: where it listens, what clients may use up, how long they may take.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;

use super::refusals;
use crate::config::address::Address;
use crate::config::table::Table;
use crate::limits;
use crate::refusal::shape::Shape;
use crate::web::guard::HostName;

/// `[server]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerConfig {
    /// Must be that of every key in the keyring.
    pub environment: String,
    /// Threads that serve, at least 1: a 0 in the file is already the number of cores.
    pub workers: usize,
    /// The keyring's directory.
    pub keyring: PathBuf,
    /// Where the process keeps what must outlive it.
    pub data_dir: PathBuf,
    /// Memory for the tables that make verification fast; 0: no tables.
    pub verify_table_mib: u64,
    /// How long requests are still accepted after `/readyz` said no.
    pub drain_delay_ms: u64,
    /// How long a drain waits for what still runs.
    pub drain_timeout_ms: u64,
}

impl ServerConfig {
    /// Bytes of `verify_table_mib`.
    pub fn verify_table_bytes(&self) -> u64 {
        self.verify_table_mib << 20
    }

    pub(in crate::config) fn read(table: &mut Table<'_>) -> Self {
        let server = Self {
            environment: table.label("environment").unwrap_or_else(|| "production".to_owned()),
            workers: resolve_workers(table.number("workers", limits::WORKERS)),
            keyring: table.path("keyring", "keyring"),
            data_dir: table.path("data_dir", "data"),
            verify_table_mib: table.number("verify_table_mib", limits::VERIFY_TABLE_MIB),
            drain_delay_ms: table.number("drain_delay_ms", limits::DRAIN_DELAY_MS),
            drain_timeout_ms: table.number("drain_timeout_ms", limits::DRAIN_TIMEOUT_MS),
        };
        table.finish();
        server
    }
}

fn resolve_workers(written: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    NonZero::new(written).map_or_else(cores, NonZero::get)
}

/// Reads `[[listener]]`: one on loopback if the file names none.
pub(in crate::config) fn listeners(root: &mut Table<'_>) -> Vec<ListenerConfig> {
    let mut listeners: Vec<ListenerConfig> = Vec::new();
    for mut table in root.tables("listener", limits::LISTENERS_MAX) {
        let listener = read_listener(&mut table, &listeners);
        listeners.extend(listener);
    }
    if listeners.is_empty() {
        let address = Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 7460)));
        listeners.push(ListenerConfig { address, group: None, refusals: Shape::default() });
    }
    listeners
}

fn read_listener(table: &mut Table<'_>, others: &[ListenerConfig]) -> Option<ListenerConfig> {
    let base = table.base();
    let address = table.required("address", |text| Address::parse(text, base), Address::ALLOWED);
    let group = table.group("group");
    let refusals = refusals::shape(table);
    table.finish();
    let (address, name) = (address?, table.name());
    if let Some(taken) = others.iter().map(|other| &other.address).find(|a| a.clashes(&address)) {
        let how = if *taken == address { String::new() } else { format!(", as \"{taken}\"") };
        table.problem(&format!("{name}.address = \"{address}\": another listener has it{how}"));
    }
    if group.is_some() && matches!(address, Address::Tcp(_)) {
        table.problem(&format!("{name}.group: only a listener on a UNIX socket has a group"));
    }
    Some(ListenerConfig { address, group, refusals })
}

/// One `[[listener]]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListenerConfig {
    /// Where clients connect.
    pub address: Address,
    /// Who may connect to a UNIX socket beside this process's user.
    pub group: Option<String>,
    /// The shape of what is refused before a route is known.
    pub refusals: Shape,
}

/// `[admin]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdminConfig {
    /// TCP only: who may reload is told by the peer's address.
    pub address: SocketAddr,
    /// Whether `POST /reload` is there, for loopback alone.
    pub reload: bool,
    /// Names under which browsers reach it, beside addresses and localhost.
    pub hosts: Vec<HostName>,
}

impl AdminConfig {
    pub(in crate::config) fn read(table: &mut Table<'_>, listeners: &[ListenerConfig]) -> Self {
        let free = |text: &str| {
            let address: SocketAddr = text.parse().ok()?;
            let ours = Address::Tcp(address);
            let taken = listeners.iter().any(|other| other.address.clashes(&ours));
            (!taken).then_some(address)
        };
        let allowed = "an IP address and port such as 127.0.0.1:7461 that no listener has";
        let address = table.string("address", free, allowed);
        let admin = Self {
            address: address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7461))),
            reload: table.boolean("reload", false),
            hosts: hosts(table),
        };
        table.finish();
        admin
    }

    /// Whether a process that started with this may go on with the other.
    pub(crate) fn starts_like(&self, other: &Self) -> bool {
        (self.address, self.reload) == (other.address, other.reload)
    }
}

fn hosts(table: &mut Table<'_>) -> Vec<HostName> {
    let mut hosts = Vec::new();
    for item in table.items("hosts", limits::ADMIN_HOSTS_MAX).into_iter().flatten() {
        match item.string().and_then(HostName::parse) {
            Some(host) if !hosts.contains(&host) => hosts.push(host),
            Some(_) => item.refuse("a name that is not there already"),
            None => item.refuse(HostName::ALLOWED),
        }
    }
    hosts
}

/// `[limits]`: what clients may use up, over all workers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Client connections.
    pub connections_max: usize,
    /// Requests between their head and the end of their answer.
    pub requests_in_flight_max: usize,
    /// Request line and header lines of one request.
    pub header_bytes_max: usize,
    /// Header lines of one request.
    pub header_count_max: usize,
    /// The body of one request.
    pub body_bytes_max: usize,
    /// Replies on redeem routes are held until they are whole, up to this size.
    pub reply_bytes_max: usize,
    /// Memory for bodies and replies that are held whole.
    pub body_memory_mib: usize,
    /// Requests at once on one HTTP/2 connection.
    pub h2_streams_max: u32,
}

impl Limits {
    pub(in crate::config) fn read(table: &mut Table<'_>) -> Self {
        let read = Self {
            connections_max: table.number("connections_max", limits::CONNECTIONS_MAX),
            requests_in_flight_max: table
                .number("requests_in_flight_max", limits::REQUESTS_IN_FLIGHT_MAX),
            header_bytes_max: table.number("header_bytes_max", limits::HEADER_BYTES_MAX),
            header_count_max: table.number("header_count_max", limits::HEADER_COUNT_MAX),
            body_bytes_max: table.number("body_bytes_max", limits::BODY_BYTES_MAX),
            reply_bytes_max: table.number("reply_bytes_max", limits::REPLY_BYTES_MAX),
            body_memory_mib: table.number("body_memory_mib", limits::BODY_MEMORY_MIB),
            h2_streams_max: table.number("h2_streams_max", limits::H2_STREAMS_MAX),
        };
        table.finish();
        read
    }

    /// Bytes of `body_memory_mib`.
    pub fn body_memory_bytes(&self) -> usize {
        self.body_memory_mib << 20
    }

    /// Requests of one of so many workers.
    pub fn requests_of_worker_max(&self, workers: usize) -> usize {
        self.requests_in_flight_max.div_ceil(workers)
    }

    /// Requests at once on one HTTP/2 connection: as many as are configured, but no more than the
    /// connection's share of its worker's.
    pub fn h2_streams(&self, workers: usize) -> u32 {
        let share = (self.requests_of_worker_max(workers) / limits::CONNECTION_SHARE_PART).max(1);
        u32::try_from(share).map_or(self.h2_streams_max, |share| share.min(self.h2_streams_max))
    }
}

/// `[timeouts]`: how long clients may take. A sweep keeps them, so each may last
/// [`limits::SWEEP_MS`] longer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// For a head.
    pub header_ms: u64,
    /// For a body.
    pub body_ms: u64,
    /// Between two requests.
    pub idle_ms: u64,
    /// Without progress while an answer waits to be read.
    pub write_ms: u64,
}

impl Timeouts {
    pub(in crate::config) fn read(table: &mut Table<'_>) -> Self {
        let timeouts = Self {
            header_ms: table.number("header_ms", limits::HEADER_MS),
            body_ms: table.number("body_ms", limits::BODY_MS),
            idle_ms: table.number("idle_ms", limits::IDLE_MS),
            write_ms: table.number("write_ms", limits::WRITE_MS),
        };
        table.finish();
        timeouts
    }
}
