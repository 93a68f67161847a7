//! What gateways and tool used between the ends of a run, and which events happened between.

use std::collections::BTreeMap;

use crate::clock;
use crate::faults::node::Node;
use crate::procfs;

/// An event that happened.
#[derive(Clone, Debug)]
pub struct Done {
    /// When, on the monotonic clock.
    pub at_ns: u64,
    /// What, in a few words.
    pub what: String,
}

/// What the measured part of a run used.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Resident memory of each node at its beginning.
    pub resident_start: Vec<u64>,
    /// Resident memory of each node at its end.
    pub resident_end: Vec<u64>,
    /// CPU time of each node.
    pub node_cpu_ns: Vec<u64>,
    /// CPU time of the tool.
    pub own_cpu_ns: u64,
    /// The most that one of its threads ran, and the longest that one waited for a core.
    pub most: procfs::Use,
    /// How long it took.
    pub wall_ns: u64,
    /// The events that happened.
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
