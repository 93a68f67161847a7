//! The part of a configuration that a plan decides.

use std::fmt::Write as _;

use super::sums::{Plan, Shared};

/// Addresses that belong to no one (RFC 5737), one block for each place.
const BLOCKS: [&str; 3] = ["192.0.2", "198.51.100", "203.0.113"];
/// The last number of the first address of a block.
const FIRST_HOST: u64 = 11;

impl Plan {
    /// `[replay]` as TOML.
    pub(super) fn fragment(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("memory takes what is written");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Self { nodes, capacity, .. } = self;
        match &self.shared {
            None => writeln!(text, "[replay]\nstore = \"local\"\nnodes = 1\ncapacity = {capacity}"),
            Some(Shared { groups, timeout_ms, .. }) => {
                writeln!(text, "[replay]\nstore = \"registers\"\nnodes = {nodes}")?;
                writeln!(text, "capacity = {capacity}\ntimeout_ms = {timeout_ms}")?;
                let mut hosts = [FIRST_HOST; BLOCKS.len()];
                (0..*groups).try_for_each(|_| self.write_group(&mut hosts, text))
            }
        }
    }

    fn write_group(&self, hosts: &mut [u64; BLOCKS.len()], text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n[[replay.group]]\nregisters = [")?;
        for place in self.topology.registers() {
            let (Some(host), Some(block)) = (hosts.get_mut(*place), BLOCKS.get(*place)) else {
                continue;
            };
            writeln!(
                text,
                "    \"redis://{block}.{host}:6379\", # {}",
                self.topology.place(*place)
            )?;
            *host += 1;
        }
        writeln!(text, "]")
    }
}

#[cfg(test)]
mod tests {
    use super::super::rest_of_an_example;
    use super::super::sums::tests::DEMAND;
    use super::super::sums::{Demand, Plan};

    /// Each fragment is accepted with the rest of an example, and says what was planned.
    #[test]
    fn each_fragment_is_a_configuration() {
        let mut seen = 0;
        for cities in 1..=3 {
            for nodes_lost in [0, 1, 2, 5] {
                for rate in [1, 10, 1_000, 100_000, 212_001, 1_000_000, 13_000_000] {
                    for cores in [1, 8, 512] {
                        let cores = Some(cores);
                        let demand = Demand { rate, cities, nodes_lost, cores, ..DEMAND };
                        let Ok(plan) = Plan::new(&demand) else { continue };
                        let config = rest_of_an_example(&plan.fragment()).unwrap();
                        let capacity = u64::try_from(config.replay.capacity).unwrap();
                        assert_eq!(capacity, plan.capacity);
                        let groups = config.replay.registers.map(|registers| registers.groups);
                        let groups: Vec<usize> = groups.iter().flatten().map(Vec::len).collect();
                        let count = plan.shared.as_ref().map_or(0, |shared| shared.groups);
                        let registers = plan.topology.registers().len();
                        assert_eq!(groups, vec![registers; usize::try_from(count).unwrap()]);
                        assert!(count > 0 || plan.nodes == 1, "{plan:?}");
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 200, "{seen} plans");
    }
}
