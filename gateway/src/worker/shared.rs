//! What all workers share, and the process around them.

use std::sync::{Arc, atomic::AtomicU8};

use clock::Clock;
use record::Record;
use replay::directory::Tables;
use sys::threads::Threads;

use crate::{
    code::clear::AccountStates,
    code::redeem::Memory,
    code::requests::CodeRequests,
    code::status::Sources,
    config::Config,
    idempotency::{MessagesUnderWay, ResponseStore},
    metrics::Metrics,
    readiness::Health,
    snapshot::Current,
    transport::body_memory::BodyMemory,
    upstream::endpoints::Endpoints,
};

/// What all workers share. Nothing in it is locked on the way of a request, but for one entry of
/// `responses` at a time.
pub struct Shared {
    /// The reader of clocks.
    pub clock: Clock,
    /// The tables of what is spent.
    pub tables: Tables,
    /// What tells the passes of one person and second apart. It wraps.
    pub pass_count: AtomicU8,
    /// What became of codes, for those who ask again.
    pub responses: ResponseStore,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Configuration and keyring in force.
    pub current: Current,
    /// The state of each backend's endpoints.
    pub endpoints: Endpoints,
    /// Whether this node is ready.
    pub health: Arc<Health>,
    /// Where decisions are written down.
    pub record: Record,
    /// The memory that bodies hold.
    pub bodies: Arc<BodyMemory>,
    /// What is known of accounts; `None`: their states are not kept.
    pub accounts: Option<AccountStates>,
    /// Requests under way with one code.
    pub codes: CodeRequests,
    /// Messages under way that a reversal must not overtake.
    pub messages: MessagesUnderWay,
}

impl Shared {
    /// What is spent, and for how long it may be.
    pub(crate) fn memory<'a>(&'a self, config: &'a Config) -> Memory<'a> {
        Memory {
            codes: &self.tables.codes,
            passes: self.tables.passes.as_ref(),
            code_rules: &config.codes,
            pass_life: config.passes.life(),
            clock: &self.clock,
        }
    }

    /// What this node can tell of codes and passes.
    pub(crate) fn sources<'a>(&'a self, config: &'a Config) -> Sources<'a> {
        Sources {
            responses: &self.responses,
            memory: self.memory(config),
            are_shared: config.replay.registers.is_some(),
        }
    }
}

impl AsRef<Tables> for Shared {
    fn as_ref(&self) -> &Tables {
        &self.tables
    }
}

impl AsRef<Threads> for Shared {
    fn as_ref(&self) -> &Threads {
        &self.health.threads
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How far the gateway is on its way out.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Phase {
    Serving,
    /// Requests are finished, connections are closed as they fall quiet.
    Draining,
}
