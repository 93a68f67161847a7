//! From a checked configuration to a serving gateway. Nothing listens before everything is read.

use std::{io, path::PathBuf, sync::Arc};

use keyring::key_set::KeySet;
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::mpsc,
};

use crate::{
    admin::{self, Admin},
    code_requests::CodeRequests,
    config::{Config, ListenerConfig},
    descriptors,
    endpoints::Endpoints,
    health::Health,
    io::Listener,
    metrics::Metrics,
    orders::{self, Orders},
    record::{Record, RecordError, Recording},
    reload::Reloader,
    replay::Replay,
    retry::Answers,
    server,
    signals::Survived,
    snapshot::{Current, Snapshot},
    state::{self, Fence, State, StateError},
    tables,
    takeover::{CommandLine, Inheritance, Predecessor},
    worker::Shared,
};
use clock::Clock;
use sys::{disk::Group, threads};

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
    /// How a new process is started that takes over on SIGUSR2. Absent: that is refused.
    pub command_line: Option<CommandLine>,
}

/// Why the gateway did not start, or did not end as it was told. Every text is one sentence.
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
    /// The decision record cannot begin.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A part of the process panicked that it cannot serve without; what ran was finished.
    #[error("the gateway has left, because it could not serve any more: {0}")]
    Lost(&'static str),
    /// A group that the configuration names.
    #[error("{key}: {source}")]
    Group {
        /// The key.
        key: &'static str,
        /// Why it cannot be used.
        source: io::Error,
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
    threads::tell_panics();
    descriptors::raise();
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    // Before the first file grows, and before anybody may take this process for one that serves.
    let survived = runtime.block_on(async { Survived::catch() })?;
    let clock = Clock::system();
    let (state, replay) = state::open(&start.config, start.fence, &clock)?;
    let left = runtime.block_on(async move {
        let Sockets { listeners, admin, predecessor } = Sockets::open(&start.config)?;
        let signals = survived.and_leave()?;
        let command_line = start.command_line.clone();
        let (shared, reloader, may_reload, recording) = share(start, clock, state, replay)?;
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
        let health = Arc::clone(&shared.health);
        let left = server::run(listeners, admin, shared, orders).await;
        // Whatever was decided is written before the process ends.
        drop(recording);
        left?;
        match health.threads.lost() {
            Some(part) if health.threads.must_leave() => Err(StartError::Lost(part.sentence())),
            _ => Ok(()),
        }
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
        for ListenerConfig { address, group } in &config.listeners {
            let listener = match inherited(&address.to_string()) {
                Some(socket) => Listener::adopt(address, socket),
                None => Listener::bind(address, find_group("[[listener]] group", group)?),
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

/// The group of a key that may be left out.
///
/// # Errors
///
/// [`StartError::Group`].
pub fn find_group(key: &'static str, name: &Option<String>) -> Result<Option<Group>, StartError> {
    let found = name.as_deref().map(Group::find).transpose();
    found.map_err(|source| StartError::Group { key, source })
}

fn failed(address: &dyn std::fmt::Display, source: io::Error) -> StartError {
    StartError::Listen { address: address.to_string(), source }
}

type Started = (Arc<Shared>, Reloader, bool, Recording);

fn share(start: Start, clock: Clock, state: State, replay: Replay) -> Result<Started, StartError> {
    let Start { config, keys, config_file, .. } = start;
    // One more than the workers: the front thread counts what it refuses.
    let metrics = Metrics::new(config.server.workers + 1);
    if let Some(registers) = &config.replay.registers {
        metrics.show_registers(&registers.names());
    }
    let endpoints = Endpoints::default();
    let may_reload = config.admin.reload;
    let snapshot = Snapshot::new(config, keys, &endpoints, &metrics);
    metrics.reloaded(clock.now());
    let (health, answers) = (Arc::new(Health::default()), Answers::new());
    let config = snapshot.config();
    let codes = CodeRequests::new(config.limits.requests_in_flight_max);
    let labels = (snapshot.record_labels(), snapshot.keys());
    let group = find_group("[record] group", &config.record.group)?;
    let workers = config.server.workers;
    let (record, recording) =
        Record::begin(&config.record, group, workers, labels, &clock, &health)?;
    let current = Current::new(snapshot);
    let bodies = Arc::default();
    let shared = Shared {
        clock,
        replay,
        answers,
        metrics,
        current,
        endpoints,
        health,
        record,
        bodies,
        codes,
    };
    let shared = Arc::new(shared);
    orders::look_around(&shared);
    state.watch(&shared)?;
    let tables = tables::start(Arc::clone(&shared))?;
    Ok((shared, Reloader::new(config_file, tables), may_reload, recording))
}
