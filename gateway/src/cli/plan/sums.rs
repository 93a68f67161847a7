//! From a rate to nodes, registers, memory and disk.

use super::figures::{BUSY_PERCENT, CORES, DECISION_BYTES, FILL_PERCENT, REGISTER_BUSY_PERCENT};
use super::topology::Topology;
use crate::limits::{
    NODES, REGISTER_GROUPS_MAX, REGISTERS_TIMEOUT_MS, REPLAY_CAPACITY, RETRY_STORE_MIB,
    SLOT_LIFE_S, WORKERS,
};
use registers::limits::{
    CLAIM_ANSWER_BYTES, CLAIM_KEPT_BYTES, CLAIM_LIFE_MS, CLAIM_SENT_BYTES, CLAIMS_PER_SECOND_MAX,
    QUICK_PART,
};

/// What is asked for.
#[derive(Debug, Copy, Clone)]
pub(super) struct Demand {
    /// Codes that are spent, a second.
    pub(super) rate: u64,
    pub(super) cities: u32,
    pub(super) nodes_lost: u32,
    /// Between the places of the registers.
    pub(super) rtt_us: u64,
    /// Of one node; `None`: as many as the nodes need.
    pub(super) cores: Option<u32>,
    /// `None`: as many as the cores need.
    pub(super) nodes: Option<u32>,
    /// CPU of a request, alone and with registers.
    pub(super) cost_ns: Cost,
}

#[derive(Debug, Copy, Clone)]
pub(super) struct Cost {
    pub(super) alone: u64,
    pub(super) shared: u64,
}

/// What it takes.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct Plan {
    pub(super) topology: Topology,
    pub(super) cost_ns: u64,
    /// Cores that the rate takes with `BUSY_PERCENT` of each, in tenths, rounded up.
    pub(super) cores_tenths: u64,
    /// Cores of one node.
    pub(super) cores: u64,
    pub(super) nodes: u64,
    /// Nodes that are left after the loss that is planned for.
    pub(super) left: u64,
    /// Slots of a node's table by the formula, and what is set.
    pub(super) slots: u64,
    pub(super) capacity: u64,
    pub(super) shared: Option<Shared>,
    pub(super) record_bytes_a_day: u64,
}

/// The registers.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(super) struct Shared {
    pub(super) groups: u64,
    /// Codes a second of one group.
    pub(super) rate: u64,
    /// Bytes of claims in one register.
    pub(super) claim_bytes: u64,
    /// Bytes of answers kept for retries in one register, at most.
    pub(super) answer_bytes: u64,
    /// Bytes a second to one register, and back.
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) timeout_ms: u64,
}

/// Why there is no plan, in a sentence.
pub(super) type NoPlan = String;

const NS: u64 = 1_000_000_000;

impl Plan {
    pub(super) fn new(demand: &Demand) -> Result<Self, NoPlan> {
        let is_alone = demand.is_alone();
        let topology = Topology::of(demand.cities, is_alone);
        let cost_ns = if is_alone { demand.cost_ns.alone } else { demand.cost_ns.shared };
        let busy_ns = demand.rate.saturating_mul(cost_ns).saturating_mul(100);
        let cores_tenths = busy_ns.saturating_mul(10).div_ceil(NS * BUSY_PERCENT);
        let Nodes { nodes, left, cores } = Nodes::new(demand, cores_tenths)?;
        let slots = (demand.rate.div_ceil(left) * SLOT_LIFE_S * 100).div_ceil(FILL_PERCENT);
        let capacity = slots.next_multiple_of(8).max(REPLAY_CAPACITY.default);
        if capacity > REPLAY_CAPACITY.max {
            return Err(format!(
                "a node's table would need {capacity} slots, and replay.capacity is at most {}: \
                 plan more nodes (--nodes)",
                REPLAY_CAPACITY.max
            ));
        }
        let shared = (!is_alone).then(|| Shared::new(demand, nodes)).transpose()?;
        let record_bytes_a_day = demand.rate.saturating_mul(86_400).saturating_mul(DECISION_BYTES);
        Ok(Self {
            topology,
            cost_ns,
            cores_tenths,
            cores,
            nodes,
            left,
            slots,
            capacity,
            shared,
            record_bytes_a_day,
        })
    }
}

impl Demand {
    /// One node suffices, and its loss is not planned for.
    fn is_alone(&self) -> bool {
        let busy_ns = self.rate.saturating_mul(self.cost_ns.alone).saturating_mul(100);
        let cores = busy_ns.div_ceil(NS * BUSY_PERCENT);
        let most = match (self.cores, self.nodes) {
            (Some(cores), _) => cores,
            (None, None) => CORES,
            // It gets as many as it needs.
            (None, Some(_)) => u32::MAX,
        };
        let is_one = self.nodes.is_none_or(|nodes| nodes == 1);
        self.cities == 1 && self.nodes_lost == 0 && is_one && cores <= u64::from(most)
    }
}

/// How many nodes, and how large.
struct Nodes {
    nodes: u64,
    left: u64,
    cores: u64,
}

impl Nodes {
    fn new(demand: &Demand, cores_tenths: u64) -> Result<Self, NoPlan> {
        let (cities, lost) = (u64::from(demand.cities), u64::from(demand.nodes_lost));
        match demand.nodes.map(u64::from) {
            Some(nodes) => Self::given(nodes, demand, cores_tenths),
            None => {
                let cores = u64::from(demand.cores.unwrap_or(CORES));
                let needed = cores_tenths.div_ceil(10 * cores).max(1);
                let nodes = match cities {
                    1 => needed + lost,
                    // The other cities carry all, or all but `lost` nodes do.
                    _ => needed.div_ceil(cities - 1).max((needed + lost).div_ceil(cities)) * cities,
                };
                if nodes > NODES.max {
                    return Err(format!(
                        "{nodes} nodes of {cores} cores would be needed, and replay.nodes is at most {}: \
                         plan more cores for each (--cores)",
                        NODES.max
                    ));
                }
                Ok(Self { nodes, left: left_of(nodes, cities, lost), cores })
            }
        }
    }

    fn given(nodes: u64, demand: &Demand, cores_tenths: u64) -> Result<Self, NoPlan> {
        let (cities, lost) = (u64::from(demand.cities), u64::from(demand.nodes_lost));
        if lost >= nodes {
            return Err(format!(
                "--nodes-lost {lost} of --nodes {nodes}: none is left; allowed: fewer than there are"
            ));
        }
        if nodes < cities {
            return Err(format!("--nodes {nodes} in {cities} cities: a city has none"));
        }
        let left = left_of(nodes, cities, lost);
        let needed = cores_tenths.div_ceil(10 * left).max(1);
        let cores = demand.cores.map_or(needed, u64::from);
        if cores < needed {
            return Err(format!(
                "--nodes {nodes} of --cores {cores} are too few: {left} are left after the loss that is \
                 planned for, and each needs {needed} cores"
            ));
        }
        if cores > WORKERS.max {
            return Err(format!(
                "{cores} cores a node would be needed, and server.workers is at most {}: plan more nodes \
                 (--nodes)",
                WORKERS.max
            ));
        }
        Ok(Self { nodes, left, cores })
    }
}

/// Nodes after the loss of some anywhere, or of the largest city: whichever takes more.
fn left_of(nodes: u64, cities: u64, lost: u64) -> u64 {
    let city = if cities > 1 { nodes.div_ceil(cities) } else { 0 };
    (nodes - lost.max(city)).max(1)
}

impl Shared {
    fn new(demand: &Demand, nodes: u64) -> Result<Self, NoPlan> {
        let each = CLAIMS_PER_SECOND_MAX * REGISTER_BUSY_PERCENT / 100;
        let groups = demand.rate.div_ceil(each);
        if usize::try_from(groups).is_ok_and(|groups| groups > REGISTER_GROUPS_MAX) {
            return Err(format!(
                "{groups} groups of registers would be needed, and {REGISTER_GROUPS_MAX} are allowed: \
                 plan for at most {} codes a second",
                each.saturating_mul(u64::try_from(REGISTER_GROUPS_MAX).unwrap_or(1))
            ));
        }
        // So that a claim still counts as answered quickly.
        let quick_us = QUICK_PART * demand.rtt_us;
        let timeout_ms = quick_us.div_ceil(1_000).max(REGISTERS_TIMEOUT_MS.default);
        if timeout_ms > REGISTERS_TIMEOUT_MS.max {
            return Err(format!(
                "--rtt-ms: registers so far apart cannot be waited for; allowed: up to {} ms",
                REGISTERS_TIMEOUT_MS.max / QUICK_PART
            ));
        }
        let rate = demand.rate.div_ceil(groups);
        let life_s = CLAIM_LIFE_MS.unsigned_abs() / 1_000;
        Ok(Self {
            groups,
            rate,
            claim_bytes: rate * CLAIM_KEPT_BYTES * life_s,
            answer_bytes: nodes * (RETRY_STORE_MIB.default << 20) / groups,
            bytes_in: rate * CLAIM_SENT_BYTES,
            bytes_out: rate * CLAIM_ANSWER_BYTES,
            timeout_ms,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::plan) const DEMAND: Demand = Demand {
        rate: 100_000,
        cities: 1,
        nodes_lost: 1,
        rtt_us: 2_000,
        cores: None,
        nodes: None,
        cost_ns: Cost { alone: 31_000, shared: 44_000 },
    };

    fn nodes(demand: Demand) -> (u64, u64, u64) {
        let plan = Plan::new(&demand).unwrap();
        (plan.nodes, plan.left, plan.cores)
    }

    /// 100,000/s x 44 us / 60 % are 7.3 cores.
    #[test]
    fn nodes_carry_the_rate_after_the_loss_that_is_planned_for() {
        assert_eq!(Plan::new(&DEMAND).unwrap().cores_tenths, 74);
        assert_eq!(nodes(DEMAND), (2, 1, 8));
        assert_eq!(nodes(Demand { nodes_lost: 3, ..DEMAND }), (4, 1, 8));
        assert_eq!(nodes(Demand { cores: Some(2), ..DEMAND }), (5, 4, 2));
        // Each of two cities carries all; of three cities, two do.
        assert_eq!(nodes(Demand { cities: 2, cores: Some(2), ..DEMAND }), (8, 4, 2));
        assert_eq!(nodes(Demand { cities: 3, cores: Some(2), ..DEMAND }), (6, 4, 2));
        // More nodes may be lost than a city has.
        assert_eq!(
            nodes(Demand { cities: 2, nodes_lost: 6, cores: Some(2), ..DEMAND }),
            (10, 4, 2)
        );
        // The nodes are given, so their cores follow.
        assert_eq!(nodes(Demand { nodes: Some(5), ..DEMAND }), (5, 4, 2));
        assert_eq!(nodes(Demand { nodes: Some(2), cores: Some(16), ..DEMAND }), (2, 1, 16));
    }

    #[test]
    fn one_node_remembers_alone_only_if_its_loss_is_not_planned_for_and_it_suffices() {
        let alone = |demand: Demand| Plan::new(&demand).unwrap().topology == Topology::Alone;
        let one = Demand { nodes_lost: 0, ..DEMAND };
        assert!(alone(one) && Plan::new(&one).unwrap().shared.is_none());
        assert_eq!(Plan::new(&one).unwrap().cost_ns, 31_000);
        assert!(!alone(DEMAND) && !alone(Demand { cities: 2, ..one }));
        assert!(!alone(Demand { cores: Some(4), ..one }), "5.2 cores");
        assert!(!alone(Demand { rate: 200_000, ..one }), "10.3 cores, and a node has 8");
        assert!(alone(Demand { rate: 200_000, nodes: Some(1), ..one }), "a larger one");
        assert!(
            !alone(Demand { nodes: Some(2), ..one }) && alone(Demand { nodes: Some(1), ..one })
        );
    }

    #[test]
    fn the_table_of_a_node_holds_what_it_gets_after_the_loss() {
        let plan = Plan::new(&Demand { rate: 150_000, ..DEMAND }).unwrap();
        // Two of three nodes are left: 75,000/s x 80 s / 0.6.
        assert_eq!((plan.nodes, plan.left), (3, 2));
        assert_eq!((plan.slots, plan.capacity), (10_000_000, 10_000_000));
        let small = Plan::new(&Demand { rate: 10, ..DEMAND }).unwrap();
        assert_eq!((small.slots, small.capacity), (1_334, REPLAY_CAPACITY.default));
    }

    #[test]
    fn registers_get_groups_memory_and_network() {
        let shared = |rate| Plan::new(&Demand { rate, ..DEMAND }).unwrap().shared.unwrap();
        let one = shared(100_000);
        assert_eq!((one.groups, one.rate, one.timeout_ms), (1, 100_000, 50));
        assert_eq!(one.claim_bytes, 2_760_000_000);
        assert_eq!(one.answer_bytes, 2 << 28);
        assert_eq!((one.bytes_in * 8, one.bytes_out * 8), (144_000_000, 4_000_000));
        assert_eq!(
            (shared(1_000_000).groups, shared(212_000).groups, shared(212_001).groups),
            (5, 1, 2)
        );
        let far = Plan::new(&Demand { rtt_us: 30_500, ..DEMAND }).unwrap().shared.unwrap();
        assert_eq!(far.timeout_ms, 244);
    }

    #[test]
    fn what_cannot_be_planned_is_told_in_a_sentence() {
        for (demand, why) in [
            (Demand { nodes: Some(1), ..DEMAND }, "--nodes-lost 1 of --nodes 1: none is left"),
            (Demand { nodes: Some(1), nodes_lost: 0, cities: 2, ..DEMAND }, "a city has none"),
            (Demand { nodes: Some(3), cores: Some(2), ..DEMAND }, "each needs 4 cores"),
            (
                Demand { rate: 13_000_000, nodes_lost: 60, cores: Some(1), ..DEMAND },
                "replay.nodes is at most 1000",
            ),
            (Demand { rate: 9_000_000, nodes: Some(2), ..DEMAND }, "server.workers is at most 512"),
            (
                Demand { rate: 20_000_000, cores: Some(64), ..DEMAND },
                "64 are allowed: plan for at most 135",
            ),
            (Demand { rtt_us: 626_000, ..DEMAND }, "allowed: up to 625 ms"),
            (Demand { rate: u64::MAX, ..DEMAND }, "replay.nodes is at most"),
        ] {
            let said = Plan::new(&demand).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
