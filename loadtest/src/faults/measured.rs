//! The measuring at both ends of a run, and what was done between them.

use std::collections::BTreeMap;

use crate::clock;
use crate::faults::node::Node;
use crate::procfs;

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// When, on the monotonic clock.
    pub at_ns: u64,
    /// What, in a few words.
    pub what: String,
}

/// What was seen at the ends of the measured part.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Resident memory of each node when it began.
    pub resident_start: Vec<u64>,
    /// The same when it ended.
    pub resident_end: Vec<u64>,
    /// What each node cost.
    pub node_cpu_ns: Vec<u64>,
    /// What the tool cost.
    pub own_cpu_ns: u64,
    /// What its busiest thread cost, and how long the one waited that waited most for a core.
    pub most: procfs::Use,
    /// How long it took.
    pub wall_ns: u64,
    /// What was done.
    pub events: Vec<Done>,
    begin_ns: u64,
    own_before: BTreeMap<u32, procfs::Use>,
}

impl Measured {
    /// The measured part begins.
    pub fn begin(nodes: &mut [Node]) -> Self {
        nodes.iter_mut().for_each(Node::measure_from_here);
        Self {
            own_before: procfs::threads(std::process::id()),
            begin_ns: clock::now_ns(),
            resident_start: resident(nodes),
            ..Self::default()
        }
    }

    /// The measured part ends.
    pub fn end(&mut self, nodes: &[Node]) {
        self.wall_ns = clock::now_ns().saturating_sub(self.begin_ns).max(1);
        self.node_cpu_ns = nodes.iter().map(Node::cpu_ns).collect();
        self.resident_end = resident(nodes);
        let after = procfs::threads(std::process::id());
        let sum = |threads: &BTreeMap<u32, procfs::Use>| -> u64 {
            threads.values().map(|thread| thread.ran_ns).sum()
        };
        self.own_cpu_ns = sum(&after).saturating_sub(sum(&self.own_before));
        self.most = procfs::most(&self.own_before, &after);
    }
}

fn resident(nodes: &[Node]) -> Vec<u64> {
    nodes.iter().map(Node::resident_bytes).collect()
}
