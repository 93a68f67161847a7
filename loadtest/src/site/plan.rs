//! What a directory is to hold.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::net::address::Address;

/// The environment of the keys that this tool makes. The tool signs with no other keys, and
/// `yanma serve` in production takes none of these.
pub const ENVIRONMENT: &str = "loadtest";

/// What a directory is to hold.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub dir: PathBuf,
    /// Active keys.
    pub keys: u32,
    /// Where each node listens, and its admin listener.
    pub nodes: Vec<(Address, SocketAddr)>,
    /// Where the stand-in backend listens.
    pub backend: Address,
    /// Threads of a node; 0 is one per core.
    pub workers: u32,
    /// How long a node waits for the backend.
    pub backend_timeout_ms: u64,
    /// Client connections of a node.
    pub connections_max: u64,
    /// Requests that a node may have under way. It must not refuse the load as too much.
    pub requests_max: u64,
    /// Whether there are routes and a secret for passes.
    pub has_passes: bool,
    /// What nodes remember, and where.
    pub memory: MemoryPlan,
}

/// What a node remembers, and where. `None` is the gateway's own default.
#[derive(Clone, Debug, Default)]
pub struct MemoryPlan {
    /// Slots of the replay table.
    pub replay_capacity: Option<u64>,
    /// Memory for verification tables.
    pub verify_table_mib: Option<u64>,
    /// Registers by group. Without any, each node remembers for itself.
    pub groups: Vec<Vec<SocketAddr>>,
    /// How long a node waits for registers.
    pub register_timeout_ms: u64,
    /// Where account states are kept and written, if they are.
    pub accounts: Option<AccountPlan>,
}

/// Where account states are kept and written.
#[derive(Clone, Debug)]
pub struct AccountPlan {
    /// Where each node takes changes.
    pub listen: Vec<Address>,
    /// How late a change may be honoured.
    pub stale_ms: u64,
    /// Members of etcd. Without any, the data directory holds the states.
    pub etcd: Vec<String>,
}
