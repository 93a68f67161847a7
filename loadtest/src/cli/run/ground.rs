//! What a run needs of the machine: addresses, and descriptors for its connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::failure::Failure;
use crate::cli::run::play::RunError;
use crate::faults::register_proxy::ProxyEnds;
use crate::faults::registers::Registers;
use crate::net::address::Address;
use crate::scenario::settings::Scenario;
use crate::site::Site;
use crate::site::plan::{AccountPlan, MemoryPlan, Plan};

/// Connections that a gateway may have beside those of the scenario.
const SPARE_CONNECTIONS: u64 = 1_024;
/// The gateway's own defaults, and the largest value that it accepts.
const CONNECTIONS: u64 = 16_384;
const REQUESTS: u64 = 8_192;
const REQUESTS_MAX: u64 = 65_536;

/// Files, timers, listeners and runtimes of a process.
const SPARE_DESCRIPTORS: u64 = 256;

/// The plan of a directory for gateways that this tool starts.
pub(super) fn plan(scenario: &Scenario, dir: PathBuf) -> Plan {
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
        // Twice as many, because workers share the limit and one may have more than its part.
        requests_max: (2 * scenario.slots()).clamp(REQUESTS, REQUESTS_MAX),
        has_passes: scenario.visits.is_some(),
        memory: MemoryPlan {
            replay_capacity: gateway.replay_capacity,
            verify_table_mib: gateway.verify_table_mib,
            groups: groups(scenario),
            register_timeout_ms: gateway.register_timeout_ms,
            accounts: accounts(scenario),
        },
        dir,
    }
}

/// Where gateways keep account states and take changes of them.
fn accounts(scenario: &Scenario) -> Option<AccountPlan> {
    let accounts = scenario.accounts.as_ref()?;
    let listen = |node: u16| match accounts.unix {
        // Relative to the configuration.
        true => Address::Unix(format!("accounts-{node}.sock").into()),
        false => Address::Tcp(own_address(22_000 + node)),
    };
    let nodes = u16::try_from(scenario.gateway.nodes).unwrap_or(1);
    Some(AccountPlan {
        listen: (0..nodes).map(listen).collect(),
        stale_ms: accounts.stale_ms,
        etcd: accounts.etcd.clone(),
    })
}

/// Where gateways find their registers: at proxies. Each register listens one port further.
fn groups(scenario: &Scenario) -> Vec<Vec<SocketAddr>> {
    let count = u16::try_from(scenario.registers()).unwrap_or(0);
    let all: Vec<SocketAddr> = (0..count).map(|number| own_address(21_000 + 2 * number)).collect();
    let of_a_group = usize::try_from(scenario.gateway.registers).unwrap_or(0).max(1);
    all.chunks(of_a_group).map(<[_]>::to_vec).collect()
}

/// Starts the registers that a site's gateways ask, if they ask any.
///
/// # Errors
/// [`RunError`] if they cannot be started.
pub(super) async fn registers(site: &Site) -> Result<Option<Registers>, RunError> {
    if site.registers.is_empty() {
        return Ok(None);
    }
    let behind = |listen: SocketAddr| SocketAddr::new(listen.ip(), listen.port() + 1);
    let ends = |listen: &SocketAddr| ProxyEnds { listen: *listen, register: behind(*listen) };
    let ends = site.registers.iter().map(ends).collect();
    let configs = site.nodes.iter().map(|node| node.config.clone()).collect();
    Ok(Some(Registers::start(ends, configs, site.dir()).await?))
}

/// Linux serves all of 127.0.0.0/8. Each process of this tool has an address of its own there, so
/// two processes never use the same port. The kernel gives out ports from 32768 on.
fn own_address(port: u16) -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, 128 | (high & 0x3f), middle, low), port))
}

/// Raises the limit of descriptors to what this user may have. Gateways that are started here
/// inherit it.
///
/// # Errors
/// [`Failure::TooMany`] if that is too few for the scenario.
pub(super) fn make_room(scenario: &Scenario) -> Result<(), Failure> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let most = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, most).map_err(|error| Failure::Output(error.into()))?;
    let needed = descriptors(scenario);
    match maximum {
        Some(allowed) if allowed < needed => Err(Failure::TooMany { needed, allowed }),
        _ => Ok(()),
    }
}

/// Descriptors that one process needs, be it a gateway or the tool with its stand-in backend. Each
/// request may need a connection on either side.
fn descriptors(scenario: &Scenario) -> u64 {
    let load = &scenario.load;
    let connections = u64::from(load.connections) + u64::from(load.idle_connections);
    connections + scenario.slots() + SPARE_DESCRIPTORS
}
