//! From a checked configuration to a serving gateway. Nothing listens before everything is read.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use keyring::{code::IssuedAt, key_set::KeySet};
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::mpsc,
};

use crate::{
    admin::{self, Admin},
    clock::Clock,
    config::Config,
    endpoints::Endpoints,
    health::Health,
    io::Listener,
    metrics::Metrics,
    orders::{self, Orders},
    reload::Reloader,
    replay::{Replay, ReplayError},
    server,
    signals::Signals,
    snapshot::{Current, Snapshot},
    tables,
    takeover::{CommandLine, Inheritance, Predecessor},
    worker::Shared,
};

/// What a gateway is started from.
#[derive(Debug)]
pub struct Start {
    /// The checked configuration.
    pub config: Config,
    /// The keyring that it names.
    pub keys: KeySet,
    /// Where a reload reads the configuration again.
    pub config_file: PathBuf,
    /// Whether codes issued before the start are refused as `warming_up`. Only a keyring that
    /// was made by this very start can do without: no code of its keys can have been spent.
    pub fence: Fence,
    /// How a new process is started that takes over on SIGUSR2. Absent: that is refused.
    pub command_line: Option<CommandLine>,
}

/// Does the replay table begin behind a fence?
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Fence {
    /// Codes issued until now, and a skew's time after, are refused as `warming_up`.
    UntilNow,
    /// The keys are younger than this process.
    NotNeeded,
}

/// Why the gateway did not start. Every text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {}", listen_error(.source))]
    Listen {
        /// As the configuration writes it.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// The replay table cannot be had.
    #[error("[replay] capacity: {0}")]
    Replay(#[from] ReplayError),
    /// The data directory cannot be used.
    #[error("[server] data_dir: {path}: {why}")]
    DataDir {
        /// The directory, or the file in it.
        path: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Threads, runtimes, signal handlers.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

fn listen_error(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process listens there".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    }
}

/// Starts everything, calls `ready` once it serves, and returns when the gateway has left.
///
/// # Errors
///
/// [`StartError`]; nothing keeps running then.
pub fn serve(start: Start, ready: impl FnOnce(&Shared)) -> Result<(), StartError> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let data_dir = DataDir::lock(&start.config)?;
    let left = runtime.block_on(async move {
        let Sockets { listeners, admin, predecessor } = Sockets::open(&start.config)?;
        let signals = Signals::catch()?;
        let command_line = start.command_line.clone();
        let (shared, reloader, may_reload) = share(start, data_dir.skew_ms)?;
        let (reload, reloads) = mpsc::channel(1);
        let mut orders = Orders { signals, reloader, reloads, command_line };
        if let Some(predecessor) = predecessor
            && !orders.take_over(predecessor, &shared).await?
        {
            return Ok(());
        }
        let reload = may_reload.then_some(reload);
        let admin = admin::start(admin, Admin::new(Arc::clone(&shared), reload))?;
        ready(&shared);
        server::run(listeners, admin, shared, orders).await?;
        Ok(())
    });
    // Whatever a worker still waits for was given its time in the drain.
    runtime.shutdown_background();
    left
}

/// What this process listens on: taken over from a predecessor as far as it has it, else opened.
struct Sockets {
    listeners: Vec<Listener>,
    admin: std::net::TcpListener,
    predecessor: Option<Predecessor>,
}

impl Sockets {
    fn open(config: &Config) -> Result<Self, StartError> {
        let mut inheritance = Inheritance::receive()?;
        let mut inherited = |address: &str| inheritance.as_mut()?.take(address);
        let mut listeners = Vec::with_capacity(config.listeners.len());
        for address in &config.listeners {
            let listener = match inherited(&address.to_string()) {
                Some(socket) => Listener::adopt(address, socket),
                None => Listener::bind(address),
            };
            listeners.push(listener.map_err(|source| failed(address, source))?);
        }
        let address = config.admin.address;
        let admin = match inherited(&address.to_string()) {
            Some(socket) => Ok(socket.into()),
            None => std::net::TcpListener::bind(address),
        };
        let admin = admin.map_err(|source| failed(&address, source))?;
        let predecessor = inheritance.map(Inheritance::close_the_rest);
        Ok(Self { listeners, admin, predecessor })
    }
}

/// The data directory, held by this process alone: two processes with a table each would accept
/// a code twice, and a process that drains goes on redeeming after its listeners are closed.
#[derive(Debug)]
struct DataDir {
    /// Unlocked by the system when the process ends, however it ends.
    _lock: File,
    /// The larger of this process's skew and the last one's: codes of either may be spent.
    skew_ms: i64,
}

impl DataDir {
    fn lock(config: &Config) -> Result<Self, StartError> {
        let dir = &config.server.data_dir;
        let path = dir.join("lock");
        let failed = |why: String| StartError::DataDir { path: path.display().to_string(), why };
        std::fs::create_dir_all(dir).map_err(|error| failed(error.to_string()))?;
        let options = &mut File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut lock = options.open(&path).map_err(|error| failed(error.to_string()))?;
        lock.try_lock_shared().map_err(|_| {
            failed(
                "another gateway runs or drains with this directory; wait for it, or give this \
                 one a directory of its own"
                    .to_owned(),
            )
        })?;
        let before = swap_text(&mut lock, &config.codes.skew_ms.to_string());
        let before = before.map_err(|error| failed(error.to_string()))?;
        let skew_ms = before.trim().parse().unwrap_or(0).max(config.codes.skew_ms);
        Ok(Self { _lock: lock, skew_ms })
    }
}

/// Writes `text` in place of what the file holds, and returns that.
fn swap_text(file: &mut File, text: &str) -> io::Result<String> {
    let mut before = String::new();
    file.read_to_string(&mut before)?;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(before)
}

fn failed(address: &dyn std::fmt::Display, source: io::Error) -> StartError {
    StartError::Listen { address: address.to_string(), source }
}

fn share(start: Start, skew_ms: i64) -> Result<(Arc<Shared>, Reloader, bool), StartError> {
    let Start { config, keys, config_file, fence, command_line: _ } = start;
    let clock = Clock::system();
    let fence = match fence {
        Fence::UntilNow => Some(fence_after(clock.now().get(), skew_ms)),
        Fence::NotNeeded => None,
    };
    let replay = Replay::new(config.replay.capacity, fence)?;
    // One more than the workers: the front thread counts what it refuses.
    let metrics = Metrics::new(config.server.workers + 1);
    let endpoints = Endpoints::default();
    let may_reload = config.admin.reload;
    let snapshot = Snapshot::new(config, keys, &endpoints, &metrics);
    metrics.reloaded(clock.now());
    let health = Arc::new(Health::default());
    let current = Current::new(snapshot);
    let shared = Arc::new(Shared { clock, replay, metrics, current, endpoints, health });
    orders::look_around(&shared);
    let tables = tables::start(Arc::clone(&shared))?;
    Ok((shared, Reloader::new(config_file, tables), may_reload))
}

/// The last issue second that another process, gone now, may have spent a code of.
fn fence_after(now_ms: i64, skew_ms: i64) -> IssuedAt {
    let seconds = (now_ms + skew_ms + 999).div_euclid(1_000);
    IssuedAt::new(u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fence_rounds_up() {
        assert_eq!(fence_after(1_800_000_000_000, 2_000).get(), 1_800_000_002);
        assert_eq!(fence_after(1_800_000_000_001, 2_000).get(), 1_800_000_003);
    }
}
