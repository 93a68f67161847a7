//! The families of registers, which count for themselves.

use registers::counts::{Counts, DURATION_BOUNDS_NS, Durations};

use super::page::Page;
use super::sample::{HistogramValues, count, number, signed};

pub(super) fn fill(counts: &Counts, page: &mut Page) {
    let all = || counts.registers().iter().map(|one| (one.labels(), one));
    let help = "From writing a batch of claims to a register to the last of its answers.";
    let durations = all().map(|(labels, one)| (labels, reading(&one.durations())));
    page.histogram("yanma_register_duration_seconds", help, durations);
    let errors = all().map(|(labels, one)| (labels, number(one.errors())));
    let help = "Commands that a register refused, and connections to it that failed.";
    page.counter("yanma_register_errors_total", help, errors);
    let up = all().map(|(labels, one)| (labels, signed(one.connections())));
    page.gauge("yanma_register_connections", "Connections to a register that are up.", up);
    let ineligible = all().flat_map(|([group, register], one)| {
        one.ineligible().into_iter().map(move |(reason, connections)| {
            ([group, register, ("reason", reason)], signed(connections))
        })
    });
    let help = "Connections whose register does not vote, by the reason.";
    page.gauge("yanma_register_abstaining", help, ineligible);
    let failures: Vec<(String, u64)> = (1..)
        .zip(counts.quorum_failures())
        .map(|(group, failures)| (count(group).to_string(), failures))
        .collect();
    let failures =
        failures.iter().map(|(group, failures)| ([("group", group.as_str())], number(*failures)));
    let help = "Claims for which less than a majority of a group could be asked.";
    page.counter("yanma_register_quorum_failures_total", help, failures);
}

/// The count is the sum of the buckets that were read, so the two always agree.
fn reading(durations: &Durations) -> HistogramValues {
    let mut count = 0;
    let mut upto = durations.buckets.iter().map(|in_bucket| {
        count += in_bucket;
        count
    });
    let bounds = DURATION_BOUNDS_NS.iter().map(|&bound| number(bound) / 1e9);
    let buckets = bounds.zip(upto.by_ref()).collect();
    let all = upto.last().unwrap_or_default();
    HistogramValues { buckets, count: all, sum: number(durations.sum_ns) / 1e9 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{WorkerId, instruments::Histogram};

    #[test]
    fn batches_are_shown_as_the_gateways_own_work_is() {
        let mut durations = Durations::default();
        let histogram = Histogram::of_own_work(1);
        for (bucket, ns) in durations.buckets.iter_mut().zip(DURATION_BOUNDS_NS) {
            *bucket += 1;
            durations.sum_ns += ns;
            histogram.observe_ns(WorkerId::new(0), ns);
        }
        durations.buckets[DURATION_BOUNDS_NS.len()] += 1;
        durations.sum_ns += 7_000_000_000;
        histogram.observe_ns(WorkerId::new(0), 7_000_000_000);
        assert_eq!(reading(&durations), histogram.reading());
    }
}
