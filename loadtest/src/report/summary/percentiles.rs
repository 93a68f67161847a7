//! The percentiles of one histogram.

use hdrhistogram::Histogram;

use crate::report::figures::float;
use crate::report::value::Percentiles;

pub(super) const NS_PER_US: u64 = 1_000;

/// Of nanoseconds, in microseconds.
pub(super) fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    if histogram.is_empty() {
        return Percentiles::default();
    }
    let at = |quantile| histogram.value_at_quantile(quantile) / NS_PER_US;
    Percentiles {
        count: histogram.len(),
        mean_us: histogram.mean() / float(NS_PER_US),
        min_us: histogram.min() / NS_PER_US,
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p99_9_us: at(0.999),
        p99_99_us: at(0.9999),
        max_us: histogram.max() / NS_PER_US,
    }
}
