//! `yanma-loadtest prepare`: keys and configuration for a gateway that is started by hand.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::net::address::Address;
use crate::site::plan::{AccountPlan, MemoryPlan, Plan};

/// Far more than any load here opens.
const CONNECTIONS: u64 = 100_000;
const REQUESTS: u64 = 65_536;
const BACKEND_TIMEOUT_MS: u64 = 10_000;
/// The default of scenarios.
const STALE_MS: u64 = 1_000;

const AFTER_HELP: &str = "\
Example:
  yanma-loadtest prepare --dir load
  yanma serve --config load/gateway.toml &
  yanma-loadtest run FILE --attach --dir load --pid $!";

/// Make throw-away keys and a gateway.toml, for a gateway that you start yourself
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Where; nothing may be prepared there yet
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Active issuer keys
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=500))]
    keys: u32,
    /// Where the gateway listens: IP address and port, or unix:/path
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7460")]
    listen: Address,
    /// Where its metrics are
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7461")]
    admin: SocketAddr,
    /// Where the stand-in backend will listen: IP address and port, or unix:/path
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7462")]
    backend: Address,
    /// Threads of the gateway; 0 is one per core
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(..=512))]
    workers: u32,
    /// Also a pass secret and the routes of visits
    #[arg(long)]
    passes: bool,
    /// Also account states, changed at a UNIX socket in the directory
    #[arg(long)]
    accounts: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    // Relative to the configuration.
    let listen = vec![Address::Unix("accounts.sock".into())];
    let accounts = || AccountPlan { listen, stale_ms: STALE_MS, etcd: Vec::new() };
    let accounts = arguments.accounts.then(accounts);
    let plan = Plan {
        dir: arguments.dir.clone(),
        keys: arguments.keys,
        nodes: vec![(arguments.listen.clone(), arguments.admin)],
        backend: arguments.backend.clone(),
        workers: arguments.workers,
        backend_timeout_ms: BACKEND_TIMEOUT_MS,
        connections_max: CONNECTIONS,
        requests_max: REQUESTS,
        has_passes: arguments.passes,
        memory: MemoryPlan { accounts, ..MemoryPlan::default() },
    };
    plan.write()?;
    let dir = arguments.dir.display();
    let text = format!(
        "{dir}: keyring of {} throw-away keys, signing keys, gateway.toml.\n\n\
         Start the gateway:\n  yanma serve --config {dir}/gateway.toml\n\
         Put load on it:\n  yanma-loadtest run config/loadtest/monday-morning.toml --attach \
         --dir {dir} --pid PID\n\
         Make codes for another tool (a code lives 60 seconds):\n  \
         yanma-loadtest mint --dir {dir} --count 1000\n",
        arguments.keys
    );
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
