//! A plan for a person: each figure with its formula beside it.

use std::io::{self, Write};

use super::figures::{BUSY_PERCENT, DECISION_BYTES, FILL_PERCENT, REGISTER_BUSY_PERCENT};
use super::sums::{Demand, Plan, Shared};
use super::topology::Topology;
use crate::cli::preflight::summary::Bytes;
use crate::limits::{RECORD_KEEP_DAYS_LEAST, RETRY_STORE_MIB, SLOT_BYTES, SLOT_LIFE_S};
use registers::limits::{
    CLAIM_ANSWER_BYTES, CLAIM_KEPT_BYTES, CLAIM_LIFE_MS, CLAIM_SENT_BYTES, CLAIMS_PER_SECOND_MAX,
    QUICK_PART,
};

/// Columns of a name.
const NAME: usize = 15;

/// Writes all but memory and fragment. `origin` says where the cost of a request is from.
pub(super) fn write_plan(
    demand: &Demand,
    plan: &Plan,
    origin: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut line = |name: &str, text: String| {
        let mut lines = text.split('\n');
        writeln!(out, "{name:<NAME$}{}", lines.next().unwrap_or_default())?;
        lines.try_for_each(|more| writeln!(out, "{:NAME$}{more}", ""))
    };
    let rate = grouped(demand.rate);
    line("topology", plan.topology.summary().to_owned())?;
    line("promised", promised(demand, plan).to_owned())?;
    line("not promised", plan.topology.not_promised().to_owned())?;
    line("a request", format!("{} us of CPU\n{origin}", tenths(plan.cost_ns / 100)))?;
    line(
        "cores",
        format!(
            "{} in all, each {BUSY_PERCENT} % busy\n{rate} requests a second x {} us / {BUSY_PERCENT} %",
            tenths(plan.cores_tenths),
            tenths(plan.cost_ns / 100),
        ),
    )?;
    line("nodes", nodes(demand, plan))?;
    line("capacity", capacity(demand, plan))?;
    match &plan.shared {
        None => line("registers", "none: the node's own table remembers".to_owned())?,
        Some(shared) => {
            line("registers", registers(demand, plan, shared))?;
            line("", register_memory(plan, shared))?;
            line("", register_network(shared))?;
            line("", waiting(demand, shared))?;
        }
    }
    line("record", record(demand, plan))
}

fn nodes(demand: &Demand, plan: &Plan) -> String {
    let Plan { nodes, left, cores, .. } = plan;
    let (cities, lost) = (u64::from(demand.cities), demand.nodes_lost);
    let spread = match cities {
        1 => String::new(),
        _ if nodes % cities == 0 => format!(", {} in each of {cities} cities", nodes / cities),
        _ => format!(", spread over {cities} cities"),
    };
    let each = tenths(plan.cores_tenths);
    let loss = match (cities, lost) {
        (1, 0) => "as no loss is planned for",
        (1, _) => "after the loss of --nodes-lost",
        _ => "after the loss of a city, or of --nodes-lost",
    };
    format!(
        "{nodes} of {cores} cores each{spread}\n{each} cores / {cores} a node, rounded up, must be left; \
         {left} of {nodes} left, {loss}"
    )
}

fn promised(demand: &Demand, plan: &Plan) -> &'static str {
    match plan.topology {
        // The rest would be too busy.
        Topology::City if demand.nodes_lost == 0 => {
            "any register may be lost, and no client notices; for a node, plan --nodes-lost 1"
        }
        topology => topology.promised(),
    }
}

fn capacity(demand: &Demand, plan: &Plan) -> String {
    let Plan { slots, capacity, left, nodes, .. } = plan;
    let (rate, each) = (grouped(demand.rate), grouped(demand.rate.div_ceil(*left)));
    let fill = format!("0.{}", FILL_PERCENT / 10);
    let formula = format!(
        "{rate} codes a second / {left} of {nodes} nodes = {each}; x {SLOT_LIFE_S} s that a code is \
         remembered / {fill} full = {} slots",
        grouped(*slots)
    );
    let more = if capacity > &slots.next_multiple_of(8) { "; the default is more" } else { "" };
    format!(
        "{} slots for each node (replay.capacity), {}\n{formula}{more}",
        grouped(*capacity),
        Bytes(capacity * SLOT_BYTES)
    )
}

fn registers(demand: &Demand, plan: &Plan, shared: &Shared) -> String {
    let each = plan.topology.registers().len();
    format!(
        "groups: {}, {each} registers each\n{} codes a second / ({} claims that a register's core does a \
         second x {REGISTER_BUSY_PERCENT} %), rounded up",
        shared.groups,
        grouped(demand.rate),
        grouped(CLAIMS_PER_SECOND_MAX),
    )
}

fn register_memory(plan: &Plan, shared: &Shared) -> String {
    format!(
        "memory of each: {}\n{} codes a second x {CLAIM_KEPT_BYTES} B x {} s, and for retries \
         retry.store_mib of all nodes at most: {} x {} MiB / {}",
        Bytes(shared.claim_bytes + shared.answer_bytes),
        grouped(shared.rate),
        CLAIM_LIFE_MS / 1_000,
        plan.nodes,
        RETRY_STORE_MIB.default,
        shared.groups,
    )
}

fn register_network(shared: &Shared) -> String {
    let mbit = |bytes: u64| (bytes * 8).div_ceil(1_000_000);
    format!(
        "network of each: {} Mbit/s in, {} out\n{} codes a second x {CLAIM_SENT_BYTES} B in, \
         {CLAIM_ANSWER_BYTES} B out",
        mbit(shared.bytes_in),
        mbit(shared.bytes_out),
        grouped(shared.rate),
    )
}

fn waiting(demand: &Demand, shared: &Shared) -> String {
    let rtt = format!("{}.{:03}", demand.rtt_us / 1_000, demand.rtt_us % 1_000);
    let rtt = rtt.trim_end_matches('0').trim_end_matches('.');
    format!(
        "a spend waits for {rtt} ms, and at most {} ms (replay.timeout_ms)\none round trip to a majority; \
         {QUICK_PART} x {rtt} ms, and the default at least",
        shared.timeout_ms
    )
}

fn record(demand: &Demand, plan: &Plan) -> String {
    let day = plan.record_bytes_a_day;
    format!(
        "{} a day in all, {} on each node; six months are {}\n{} decisions a second x 86,400 s x \
         {DECISION_BYTES} B, if the rate holds all day; x {RECORD_KEEP_DAYS_LEAST} days",
        Stored(day),
        Stored(day / plan.nodes),
        Stored(day.saturating_mul(RECORD_KEEP_DAYS_LEAST)),
        grouped(demand.rate),
    )
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn tenths(tenths: u64) -> String {
    format!("{}.{}", grouped(tenths / 10), tenths % 10)
}

/// Bytes on a disk, in the units in which disks are sold.
struct Stored(u64);

impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const UNITS: [(&str, u64); 4] = [
            ("PB", 1_000_000_000_000_000),
            ("TB", 1_000_000_000_000),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
        ];
        for (unit, bytes) in UNITS {
            if self.0 >= bytes {
                return write!(f, "{} {unit}", tenths(self.0 / (bytes / 10)));
            }
        }
        write!(f, "{} kB", self.0 / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sums::tests::DEMAND;
    use super::*;

    fn text(demand: Demand) -> String {
        let plan = Plan::new(&demand).unwrap();
        let mut out = Vec::new();
        write_plan(&demand, &plan, "measured", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_figure_has_its_formula_beside_it() {
        let said = text(Demand { cities: 2, ..DEMAND });
        for words in [
            "44.0 us of CPU\n               measured",
            "cores          7.4 in all, each 60 % busy",
            "100,000 requests a second x 44.0 us / 60 %",
            "nodes          2 of 8 cores each, 1 in each of 2 cities",
            "must be left; 1 of 2 left, after the loss of a city, or of --nodes-lost",
            "100,000 codes a second / 1 of 2 nodes = 100,000; x 80 s",
            "= 13,333,334 slots",
            "groups: 1, 3 registers each",
            "100,000 codes a second x 230 B x 120 s",
            "network of each: 144 Mbit/s in, 4 out",
            "a spend waits for 2 ms, and at most 50 ms",
            "7.3 TB a day in all, 3.6 TB on each node",
            "100,000 decisions a second x 86,400 s x 850 B",
            "runbook city-lost",
        ] {
            assert!(said.contains(words), "{words}\n{said}");
        }
        let alone = text(Demand { nodes_lost: 0, ..DEMAND });
        let risky = text(Demand { nodes_lost: 0, rate: 300_000, ..DEMAND });
        assert!(risky.contains("plan --nodes-lost 1") && risky.contains("3 of 3 left"), "{risky}");
        assert!(alone.contains("registers      none") && alone.contains("31.0 us"), "{alone}");
    }

    #[test]
    fn numbers_are_for_a_person() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let stored = [1_000, 1_500_000, 24_000_000_000, 7_344_000_000_000, u64::MAX];
        assert_eq!(
            stored.map(|bytes| Stored(bytes).to_string()),
            ["1 kB", "1.5 MB", "24.0 GB", "7.3 TB", "18,446.7 PB"]
        );
    }
}
