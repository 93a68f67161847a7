//! Starts what keeps account states: the states, the store's thread, and the way to it.

use std::{io, sync::Arc};

use accounts::{
    Accounts,
    local::{Keeper, StoreError},
    store::{Requests, Store},
};
use clock::Clock;
use sys::threads::Part;
use tokio::runtime::Builder;

use crate::{
    code::clear::AccountStates,
    config::{AccountStore, Config},
    worker::Shared,
};

/// The file of `store = "local"` in the data directory.
const FILE: &str = "accounts.db";

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
                let path = config.server.data_dir.join(FILE);
                let display_days = {
                    let shared = Arc::clone(shared);
                    move || shared.current.load().config().codes.display_days
                };
                let clock: Clock = shared.clock.clone();
                let keeper = Keeper::open(&path, accounts, clock, requests, display_days)?;
                keep_local(keeper, shared)?;
            }
            AccountStore::Etcd(_) => todo!(),
        }
        Ok(store)
    }
}

fn keep_local(mut keeper: Keeper, shared: &Arc<Shared>) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let threads = Arc::clone(&shared.health.threads);
    std::thread::Builder::new().name("accounts".to_owned()).spawn(move || {
        threads.keep(Part::Accounts, || runtime.block_on(keeper.run()));
    })?;
    Ok(())
}

/// Why account states cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store of this node.
    #[error(transparent)]
    Local(#[from] StoreError),
    /// The system refused a thread or its runtime.
    #[error("the system refused a thread for account states: {0}")]
    Thread(#[from] io::Error),
}
