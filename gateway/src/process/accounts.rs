//! Starts what keeps account states: the states, the store's thread, and the way to it.

use std::{fs, io, path::PathBuf, sync::Arc};

use accounts::{
    Accounts,
    local::{Keeper, StoreError},
    store::{Requests, Store},
};
use clock::Clock;
use sys::threads::Part;
use tokio::runtime::Builder;
use zeroize::Zeroizing;

use crate::{
    code::clear::AccountStates,
    config::{AccountStore, Config, EtcdConfig},
    worker::Shared,
};

/// The file of `store = "local"` in the data directory.
const FILE: &str = "accounts.db";
/// What was last seen of `store = "etcd"`, in the data directory.
const SEEN: &str = "accounts.seen";

/// Account states whose store is open and whose thread does not run yet.
pub(super) struct Kept {
    pub(super) accounts: Arc<Accounts>,
    store: Store,
    requests: Requests,
}

impl Kept {
    /// `None`: the configuration keeps no states, and nothing of this runs.
    pub(super) fn new(config: &Config) -> Option<Self> {
        let sources: Vec<&str> = match &config.accounts.store {
            AccountStore::Off => return None,
            AccountStore::Local => vec![FILE],
            AccountStore::Etcd(etcd) => etcd.urls.iter().map(String::as_str).collect(),
        };
        let (store, requests) = Store::new();
        let accounts = Arc::new(Accounts::new(config.accounts.capacity, &sources));
        Some(Self { accounts, store, requests })
    }

    /// What requests ask.
    pub(super) fn states(&self) -> AccountStates {
        AccountStates::new(Arc::clone(&self.accounts))
    }

    /// Opens the store and keeps the states fresh on a thread of its own.
    ///
    /// # Errors
    /// The store cannot be used, or the system refuses the thread.
    pub(super) fn start(self, shared: &Arc<Shared>) -> Result<Store, KeepError> {
        let Self { accounts, store, requests } = self;
        let current = shared.current.load();
        let config = current.config();
        match &config.accounts.store {
            AccountStore::Off => {}
            AccountStore::Local => {
                let path = local_file(config);
                let display_days = {
                    let shared = Arc::clone(shared);
                    move || shared.current.load().config().codes.display_days
                };
                let clock: Clock = shared.clock.clone();
                let keeper = Keeper::open(&path, accounts, clock, requests, display_days)?;
                keep_local(keeper, shared)?;
            }
            AccountStore::Etcd(etcd) => {
                let settings = etcd_settings(etcd, config)?;
                keep_in_etcd(settings, accounts, requests, shared)?;
            }
        }
        Ok(store)
    }
}

/// The database of `store = "local"`.
pub(crate) fn local_file(config: &Config) -> PathBuf {
    config.server.data_dir.join(FILE)
}

fn keep_local(mut keeper: Keeper, shared: &Arc<Shared>) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let threads = Arc::clone(&shared.health.threads);
    std::thread::Builder::new().name("accounts".to_owned()).spawn(move || {
        threads.keep(Part::Accounts, || runtime.block_on(keeper.run()));
    })?;
    Ok(())
}

fn keep_in_etcd(
    settings: etcd::Settings,
    accounts: Arc<Accounts>,
    mut requests: Requests,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (threads, clock) = (Arc::clone(&shared.health.threads), shared.clock.clone());
    std::thread::Builder::new().name("accounts".to_owned()).spawn(move || {
        threads.keep(Part::Accounts, || {
            runtime.block_on(etcd::keep(&settings, &accounts, &clock, &mut requests))
        })
    })?;
    Ok(())
}

/// What an etcd cluster is followed with. The files of TLS are read.
///
/// # Errors
/// A file cannot be read, or holds something else.
pub(crate) fn etcd_settings(
    config_of_etcd: &EtcdConfig,
    config: &Config,
) -> Result<etcd::Settings, KeepError> {
    let read = |file: &Option<PathBuf>| {
        let path = file.as_ref().ok_or(KeepError::NoTls)?;
        fs::read(path).map_err(|source| KeepError::File { path: path.clone(), source })
    };
    let EtcdConfig { urls, ca_file, cert_file, key_file, any_version } = config_of_etcd;
    let tls = match urls.iter().any(|url| url.starts_with("https://")) {
        true => Some(etcd::Tls {
            ca: read(ca_file)?,
            cert: read(cert_file)?,
            key: Zeroizing::new(read(key_file)?),
        }),
        false => None,
    };
    let seen = config.server.data_dir.join(SEEN);
    let days = config.codes.display_days;
    Ok(etcd::Settings::new(urls, tls.as_ref(), *any_version, seen, days)?)
}

/// Why account states cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store of this node.
    #[error(transparent)]
    Local(#[from] StoreError),
    /// How etcd is to be reached.
    #[error(transparent)]
    Etcd(#[from] etcd::SettingsError),
    /// A file of TLS.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The configuration names no file.
    #[error("https needs ca_file, cert_file and key_file")]
    NoTls,
    /// The system refused a thread or its runtime.
    #[error("the system refused a thread for account states: {0}")]
    Thread(#[from] io::Error),
}
