//! What is counted of registers: names are those of the configuration, which are fixed at start.

use super::cells::{Cells, WorkerId};
use super::instruments::{Counter, Gauge, Histogram};
use super::page::Page;
use super::sample::{count, number, signed};

/// All registers of a node, by the order of the configuration.
#[derive(Debug)]
pub struct RegisterMetrics {
    registers: Vec<RegisterCounts>,
    /// Failed claims, a counter for each group.
    quorum_failures: Vec<Counter>,
    reasons: &'static [&'static str],
    workers: usize,
}

/// One register's instruments.
#[derive(Debug)]
pub struct RegisterCounts {
    group: String,
    name: String,
    /// From writing a batch of claims to the last of its answers.
    pub(crate) duration: Histogram,
    /// Refused commands, and connections that broke or could not be had.
    pub(crate) errors: Counter,
    /// Connections of workers that are up.
    pub(crate) connections: Gauge,
    abstaining: Cells,
}

impl RegisterMetrics {
    /// `groups` are the names in each group; a register abstains for one of `reasons`.
    pub(crate) fn new(
        workers: usize,
        groups: &[Vec<String>],
        reasons: &'static [&'static str],
    ) -> Self {
        let register = |group: usize, name: &String| RegisterCounts {
            group: (group + 1).to_string(),
            name: name.clone(),
            duration: Histogram::of_own_work(workers),
            errors: Counter::new(workers),
            connections: Gauge::new(workers),
            abstaining: Cells::new(workers, reasons.len()),
        };
        let registers = groups
            .iter()
            .enumerate()
            .flat_map(|(group, names)| names.iter().map(move |name| register(group, name)))
            .collect();
        let quorum_failures = groups.iter().map(|_| Counter::new(workers)).collect();
        Self { registers, quorum_failures, reasons, workers }
    }

    /// A register, counted through all groups.
    pub(crate) fn register(&self, index: usize) -> Option<&RegisterCounts> {
        self.registers.get(index)
    }

    /// A claim found no majority that could be asked.
    pub(crate) fn quorum_failed(&self, worker: WorkerId, group: usize) {
        if let Some(failures) = self.quorum_failures.get(group) {
            failures.inc(worker);
        }
    }

    /// A line for each register, for a person.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        // The front thread has cells too, and no connections.
        let workers = self.workers.saturating_sub(1);
        self.registers.iter().map(move |one| {
            let up = one.connections.total();
            let abstains: String = self
                .reasons
                .iter()
                .enumerate()
                .filter(|(reason, _)| one.abstaining(*reason) > 0)
                .map(|(_, name)| format!(", abstains: {name}"))
                .collect();
            let (name, group) = (&one.name, &one.group);
            format!("register {name} (group {group}): {up} of {workers} connections up{abstains}")
        })
    }

    pub(super) fn fill(&self, page: &mut Page) {
        let all = || self.registers.iter().map(|one| (one.labels(), one));
        let help = "From writing a batch of claims to a register to the last of its answers.";
        let durations = all().map(|(labels, one)| (labels, one.duration.reading()));
        page.histogram("yanma_register_duration_seconds", help, durations);
        let errors = all().map(|(labels, one)| (labels, number(one.errors.total())));
        let help = "Commands that a register refused, and connections to it that failed.";
        page.counter("yanma_register_errors_total", help, errors);
        let up = all().map(|(labels, one)| (labels, signed(one.connections.total())));
        page.gauge("yanma_register_connections", "Connections to a register that are up.", up);
        let abstaining = all().flat_map(|([group, register], one)| {
            self.reasons.iter().enumerate().map(move |(reason, name)| {
                let labels = [group, register, ("reason", *name)];
                (labels, signed(one.abstaining(reason)))
            })
        });
        let help = "Connections whose register does not vote, by the reason.";
        page.gauge("yanma_register_abstaining", help, abstaining);
        let groups: Vec<String> =
            (1..=self.quorum_failures.len()).map(|group| count(group).to_string()).collect();
        let failures = groups
            .iter()
            .zip(&self.quorum_failures)
            .map(|(group, failures)| ([("group", group.as_str())], number(failures.total())));
        let help = "Claims for which less than a majority of a group could be asked.";
        page.counter("yanma_register_quorum_failures_total", help, failures);
    }
}

impl RegisterCounts {
    /// One of this worker's connections begins (1) or ends (-1) to abstain for a reason.
    pub(crate) fn abstains(&self, worker: WorkerId, reason: usize, by: i64) {
        self.abstaining.add(worker, reason, by.cast_unsigned());
    }

    fn abstaining(&self, reason: usize) -> i64 {
        self.abstaining.sum(reason).cast_signed()
    }

    fn labels(&self) -> [(&'static str, &str); 2] {
        [("group", &self.group), ("register", &self.name)]
    }
}
