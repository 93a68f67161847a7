//! A node: its accounts, and the thread that keeps them.

use std::{path::Path, sync::Arc, thread};

use accounts::{Accounts, Claim, NotCleared, change::Change, store};
use clock::Clock;
use etcd::Settings;
use keyring::code::{IssuedAt, Subject};
use tokio::{runtime::Builder, sync::oneshot};

use crate::cluster::{Cluster, await_that};

pub(crate) const STALE_MS: u32 = 1_000;

pub(crate) struct Node {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) store: store::Store,
    pub(crate) clock: Clock,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

pub(crate) fn settings(cluster: &Cluster, seen: &Path) -> Settings {
    Settings::new(&cluster.endpoints(), None, true, seen.to_owned(), 180).unwrap()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Begins a life of the store, with nothing merged.
pub(crate) fn init(cluster: &Cluster) {
    let settings = settings(cluster, Path::new("not-used"));
    await_that("init", || block_on(etcd::init(&settings, Vec::new(), &Clock::system())).is_ok());
}

impl Node {
    /// Its files are in the cluster's folder, under this name.
    pub(crate) fn start(cluster: &Cluster, name: &str) -> Self {
        Self::with_capacity(cluster, name, 100_000)
    }

    pub(crate) fn with_capacity(cluster: &Cluster, name: &str, capacity: usize) -> Self {
        let settings = settings(cluster, &cluster.folder.path().join(format!("{name}.seen")));
        let accounts = Arc::new(Accounts::new(capacity, &settings.names()));
        let clock = Clock::system();
        let (store, mut requests) = store::Store::new();
        let (stop, stopped) = oneshot::channel();
        let (kept, time) = (Arc::clone(&accounts), clock.clone());
        let thread = thread::spawn(move || {
            block_on(async {
                tokio::select! {
                    never = etcd::keep(&settings, &kept, &time, &mut requests) => match never {},
                    _ = stopped => {}
                }
            });
        });
        Self { accounts, store, clock, stop: Some(stop), thread: Some(thread) }
    }

    /// A look; `None`: admitted.
    pub(crate) fn look(&self, subject: u64) -> Option<NotCleared> {
        let claim = Claim {
            subject: Subject::new(subject).unwrap(),
            relation: accounts::entry::Relation::ALL,
            channel: "wechat".parse().unwrap(),
            epoch: Some(1),
            issued_at: IssuedAt::new(1),
        };
        self.accounts.clear(&claim, STALE_MS, || self.clock.reading()).err()
    }

    pub(crate) fn admits(&self) -> bool {
        self.look(u64::MAX).is_none()
    }

    pub(crate) fn await_admits(&self, why: &str) {
        await_that(why, || self.admits());
    }

    pub(crate) fn change(
        &self,
        changes: Vec<Change>,
    ) -> Result<Vec<store::Acknowledged>, store::Failure> {
        let names = store::Names { writer: "w".to_owned(), request: "r".to_owned() };
        block_on(self.store.change(changes, names))
    }

    pub(crate) fn boot_ns(&self) -> i64 {
        self.clock.reading().boot_ns
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(thread::JoinHandle::join);
        assert!(
            thread::panicking() || ended.is_none_or(|ended| ended.is_ok()),
            "the keeper panicked"
        );
    }
}
