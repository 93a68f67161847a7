//! From a checked configuration to a serving gateway. It listens only after everything is read.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU8},
};

use keyring::key_set::KeySet;
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::mpsc,
};

use crate::{
    admin::{self, Admin},
    code::clear::AccountStates,
    code::requests::CodeRequests,
    config::{Config, ListenerConfig},
    idempotency::{MessagesUnderWay, ResponseStore},
    metrics::Metrics,
    process::accounts::{KeepError, Kept},
    process::control::{self, Orders},
    process::key_tables,
    process::reload::Reloader,
    process::run,
    process::signals::Survived,
    process::takeover::{CommandLine, Inheritance, Predecessor},
    readiness::Health,
    snapshot::{Current, Snapshot},
    transport::listener::Listener,
    upstream::endpoints::Endpoints,
    worker::Shared,
    writing::Opened,
};
use clock::Clock;
use record::{Record, RecordError, Recording, WhenFull};
use replay::directory::{self, DataDirectory, DirectoryError, Fence, Tables};
use sys::{
    disk::Group,
    threads::{self, Part},
};

/// The inputs of a start.
#[derive(Debug)]
pub struct Start {
    /// The checked configuration.
    pub config: Config,
    /// The keyring that it names.
    pub keys: KeySet,
    /// Where a reload reads the configuration again.
    pub config_file: PathBuf,
    /// Whether a new table refuses codes issued before the start as `warming_up`. Only a keyring
    /// made by this very start needs no fence: no code of its keys can have been redeemed.
    pub fence: Fence,
    /// How a new process is started that takes over on SIGUSR2. Absent: SIGUSR2 is refused.
    pub command_line: Option<CommandLine>,
}

/// Why the gateway did not start, or did not end as told. Every text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refused to listen on an address.
    #[error("cannot listen on {address}: {}", listen_error(.source))]
    Listen {
        /// As the configuration writes it.
        address: String,
        /// The system's error.
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The decision record cannot begin.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A part panicked that the process cannot serve without. Running work was finished.
    #[error("the gateway has left, because it could not serve any more: {0}")]
    Lost(&'static str),
    /// Account states cannot be kept.
    #[error("[accounts] {0}")]
    Accounts(#[from] KeepError),
    /// A group of the configuration cannot be used.
    #[error("{key}: {source}")]
    Group {
        /// The key.
        key: &'static str,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// The system refused a thread, a runtime or a signal handler.
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
/// [`StartError`]; nothing runs any more in that case.
pub fn serve(start: Start, ready: impl FnOnce(&Shared)) -> Result<(), StartError> {
    threads::tell_panics();
    sys::descriptors::raise();
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    // Catch signals before the first file grows, and before another process could see this one as
    // serving.
    let survived = runtime.block_on(async { Survived::catch() })?;
    let clock = Clock::system();
    let (directory, tables) = directory::open(start.config.data_directory(), start.fence, &clock)?;
    let left = runtime.block_on(async move {
        let Sockets { listeners, admin, writing, predecessor } = Sockets::open(&start.config)?;
        let signals = survived.and_leave()?;
        let command_line = start.command_line.clone();
        let kept = Kept::new(&start.config);
        let states = kept.as_ref().map(Kept::states);
        let (shared, reloader, may_reload, recording) =
            share(start, clock, (directory, tables), states)?;
        let store = kept.map(|kept| kept.start(&shared)).transpose()?;
        // The states are kept fresh for as long as this is held: through the drain too.
        let _keeps = store.clone();
        control::look_around(&shared);
        let (reload, reloads) = mpsc::channel(1);
        let mut orders = Orders { signals, reloader, reloads, command_line };
        if let Some(predecessor) = predecessor
            && !orders.take_over(predecessor, &shared).await?
        {
            return Ok(());
        }
        let reload = may_reload.then_some(reload);
        let admin = admin::start(admin, Admin::new(Arc::clone(&shared), reload))?;
        let writing = writing.zip(store);
        let writing = writing.map(|(opened, store)| opened.start(Arc::clone(&shared), store));
        let writing = writing.transpose()?;
        ready(&shared);
        let health = Arc::clone(&shared.health);
        let left = run::run(listeners, (admin, writing), Arc::clone(&shared), orders).await;
        // All decisions are written before the process ends. No scrape may have seen its last
        // counts, least of all after it has handed over.
        recording.end(shared.metrics.outcomes());
        left?;
        match health.threads.lost() {
            Some(part) if health.threads.must_leave() => Err(StartError::Lost(part.sentence())),
            _ => Ok(()),
        }
    });
    // A worker's remaining tasks had their time in the drain.
    runtime.shutdown_background();
    left
}

/// The sockets that this process listens on. It takes them over from a predecessor if that has
/// them, and opens the others.
struct Sockets {
    listeners: Vec<Listener>,
    admin: std::net::TcpListener,
    writing: Option<Opened>,
    predecessor: Option<Predecessor>,
}

impl Sockets {
    fn open(config: &Config) -> Result<Self, StartError> {
        let mut inheritance = Inheritance::receive()?;
        let mut inherited = |address: &str| inheritance.as_mut()?.take(address);
        let mut listeners = Vec::with_capacity(config.listeners.len());
        for ListenerConfig { address, group, refusals } in &config.listeners {
            let listener = match inherited(&address.to_string()) {
                Some(socket) => Listener::adopt(address, socket),
                None => Listener::bind(address, find_group("[[listener]] group", group)?),
            };
            let listener = listener.map_err(|source| failed(address, source))?;
            listeners.push(listener.refusing_in(*refusals));
        }
        let address = config.admin.address;
        let admin = match inherited(&address.to_string()) {
            Some(socket) => Ok(socket.into()),
            None => std::net::TcpListener::bind(address),
        };
        let admin = admin.map_err(|source| failed(&address, source))?;
        let writing = config.accounts.is_on().then(|| {
            let address = &config.accounts.listen;
            let socket = inherited(&address.to_string());
            Opened::open(address, socket).map_err(|source| failed(address, source))
        });
        let writing = writing.transpose()?;
        let predecessor = inheritance.map(Inheritance::close_the_rest);
        Ok(Self { listeners, admin, writing, predecessor })
    }
}

/// Finds the group of an optional key.
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

fn share(
    start: Start,
    clock: Clock,
    (directory, tables): (DataDirectory, Tables),
    accounts: Option<AccountStates>,
) -> Result<Started, StartError> {
    let Start { config, keys, config_file, .. } = start;
    // One more than the workers: the front thread counts the connections that it refuses.
    let metrics = Metrics::new(config.server.workers + 1);
    if let Some(registers) = &config.replay.registers {
        metrics.show_registers(&registers.names());
    }
    if config.has_passes_table() {
        metrics.show_passes();
    }
    let endpoints = Endpoints::default();
    let may_reload = config.admin.reload;
    let snapshot = Snapshot::new(config, keys, &endpoints, &metrics);
    metrics.reloaded(clock.now());
    let (health, responses) = (Arc::new(Health::default()), ResponseStore::new());
    let config = snapshot.config();
    let codes = CodeRequests::new(config.limits.requests_in_flight_max);
    let (record, recording) = begin_record(&snapshot, &clock, &health)?;
    let current = Current::new(snapshot);
    let bodies = Arc::default();
    let shared = Shared {
        clock,
        tables,
        pass_count: AtomicU8::new(0),
        responses,
        metrics,
        current,
        endpoints,
        health,
        record,
        bodies,
        accounts,
        codes,
        messages: MessagesUnderWay::default(),
    };
    let shared = Arc::new(shared);
    control::look_around(&shared);
    let health = Arc::clone(&shared.health);
    directory.watch(&shared, &shared.clock, move |is_kept| health.set_table(is_kept))?;
    let tables = key_tables::start(Arc::clone(&shared))?;
    Ok((shared, Reloader::new(config_file, tables), may_reload, recording))
}

fn begin_record(
    snapshot: &Snapshot,
    clock: &Clock,
    health: &Arc<Health>,
) -> Result<(Record, Recording), RecordError> {
    let (config, health) = (snapshot.config(), Arc::clone(health));
    let context = record::Context {
        workers: config.server.workers,
        labels: snapshot.record_labels(),
        keys: snapshot.keys().iter().len(),
        clock: clock.clone(),
        on_panic: Box::new(move |when_full| {
            if when_full == WhenFull::Refuse {
                health.threads.leave();
            }
            health.threads.ended(Part::Record);
        }),
    };
    Record::begin(&config.record, context)
}
