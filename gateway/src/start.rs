//! From a checked configuration to a serving gateway. Nothing listens before everything is read.

use std::{io, path::PathBuf, sync::Arc};

use keyring::key_set::KeySet;
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
    reload::Reloader,
    replay::Replay,
    server,
    signals::Signals,
    snapshot::{Current, Snapshot},
    state::{self, Fence, State, StateError},
    tables,
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
    /// Whether a new table refuses codes issued before the start as `warming_up`. Only a keyring
    /// that was made by this very start can do without: no code of its keys can have been spent.
    pub fence: Fence,
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
    /// The data directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
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
    let clock = Clock::system();
    let (state, replay) = state::open(&start.config, start.fence, &clock)?;
    let left = runtime.block_on(async move {
        let listeners = start
            .config
            .listeners
            .iter()
            .map(|address| Listener::bind(address).map_err(|source| failed(address, source)))
            .collect::<Result<Vec<_>, _>>()?;
        let admin_address = start.config.admin.address;
        let admin_socket = std::net::TcpListener::bind(admin_address)
            .map_err(|source| failed(&admin_address, source))?;
        let signals = Signals::catch()?;
        let (shared, reloader, may_reload) = share(start, clock, state, replay)?;
        let (reload, reloads) = mpsc::channel(1);
        let reload = may_reload.then_some(reload);
        admin::start(admin_socket, Admin::new(Arc::clone(&shared), reload))?;
        ready(&shared);
        server::run(listeners, shared, reloader, reloads, signals).await?;
        Ok(())
    });
    // Whatever a worker still waits for was given its time in the drain.
    runtime.shutdown_background();
    left
}

fn failed(address: &dyn std::fmt::Display, source: io::Error) -> StartError {
    StartError::Listen { address: address.to_string(), source }
}

fn share(
    start: Start,
    clock: Clock,
    state: State,
    replay: Replay,
) -> Result<(Arc<Shared>, Reloader, bool), StartError> {
    let Start { config, keys, config_file, fence: _ } = start;
    // One more than the workers: the front thread counts what it refuses.
    let metrics = Metrics::new(config.server.workers + 1);
    let endpoints = Endpoints::default();
    let may_reload = config.admin.reload;
    let snapshot = Snapshot::new(config, keys, &endpoints, &metrics);
    metrics.reloaded(clock.now());
    let health = Arc::new(Health::default());
    let current = Current::new(snapshot);
    let shared = Arc::new(Shared { clock, replay, metrics, current, endpoints, health });
    server::look_around(&shared);
    state.watch(&shared)?;
    let tables = tables::start(Arc::clone(&shared))?;
    Ok((shared, Reloader::new(config_file, tables), may_reload))
}
