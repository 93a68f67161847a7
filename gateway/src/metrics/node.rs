//! What is not counted but read when somebody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;
use keyring::key_set::SharedKeySet;
use keyring::time::UnixMillis;

use crate::clock::Clock;
use crate::endpoints::Endpoints;
use crate::health::Health;
use crate::replay::Replay;

/// The parts of a running node that can tell their state.
pub struct Node {
    /// Steps of the wall clock, and the time by which keys and endpoints are judged.
    pub clock: Clock,
    /// The keys in force.
    pub keys: Arc<SharedKeySet>,
    /// The table of spent codes.
    pub replay: Arc<Replay>,
    /// The conditions of readiness.
    pub health: Arc<Health>,
    /// The backends and their endpoints.
    pub endpoints: Arc<Endpoints>,
    /// The configuration in force.
    pub reloads: Arc<Reloads>,
    /// What verifies signatures: `reference`.
    pub verify_engine: &'static str,
}

/// Which configuration is in force, and whether the last attempt to replace it succeeded.
#[derive(Debug)]
pub struct Reloads {
    config: ArcSwap<String>,
    last_successful: AtomicBool,
    last_success_ms: AtomicI64,
}

impl Reloads {
    /// A node that started with the configuration of this digest.
    pub fn started(config: String, now: UnixMillis) -> Self {
        Self {
            config: ArcSwap::from_pointee(config),
            last_successful: AtomicBool::new(true),
            last_success_ms: AtomicI64::new(now.get()),
        }
    }

    /// The configuration of this digest is in force, the keyring was read again.
    pub fn succeeded(&self, config: String, now: UnixMillis) {
        self.config.store(Arc::new(config));
        self.last_success_ms.store(now.get(), Ordering::Relaxed);
        self.last_successful.store(true, Ordering::Relaxed);
    }

    /// Nothing changed, because what was read could not be used.
    pub fn failed(&self) {
        self.last_successful.store(false, Ordering::Relaxed);
    }

    pub(super) fn config(&self) -> Arc<String> {
        self.config.load_full()
    }

    pub(super) fn last_successful(&self) -> bool {
        self.last_successful.load(Ordering::Relaxed)
    }

    pub(super) fn last_success(&self) -> UnixMillis {
        UnixMillis::new(self.last_success_ms.load(Ordering::Relaxed))
    }
}
