//! One page of families as Prometheus reads them.

use prometheus::{
    TextEncoder,
    proto::{self, LabelPair, MetricFamily, MetricType},
};

use super::instruments::{Reading, to_float};

/// The families of one scrape.
#[derive(Default)]
pub(crate) struct Page(Vec<MetricFamily>);

pub(crate) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Page {
    /// Adds families that are made already.
    pub(crate) fn extend(&mut self, families: Vec<MetricFamily>) {
        self.0.extend(families);
    }

    /// Prometheus text (exposition format 0.0.4), families in alphabetical order.
    pub(crate) fn into_text(mut self) -> String {
        self.0.sort_by(|a, b| a.name().cmp(b.name()));
        // Names and labels are ours: the encoder has nothing to refuse.
        TextEncoder::new().encode_to_string(&self.0).unwrap_or_default()
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType, samples: Vec<proto::Metric>) {
        if samples.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples);
        self.0.push(family);
    }

    pub(crate) fn counters(&mut self, name: &str, help: &str, samples: Vec<proto::Metric>) {
        self.family(name, help, MetricType::COUNTER, samples);
    }

    pub(crate) fn gauges(&mut self, name: &str, help: &str, samples: Vec<proto::Metric>) {
        self.family(name, help, MetricType::GAUGE, samples);
    }

    pub(super) fn histograms(&mut self, name: &str, help: &str, samples: Vec<proto::Metric>) {
        self.family(name, help, MetricType::HISTOGRAM, samples);
    }
}

fn labelled(labels: Labels<'_>) -> proto::Metric {
    let pair = |(name, value): &(&'static str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    proto::Metric::from_label(labels.iter().map(pair).collect())
}

pub(crate) fn counter(labels: Labels<'_>, total: u64) -> proto::Metric {
    let mut value = proto::Counter::default();
    value.set_value(to_float(total));
    let mut sample = labelled(labels);
    sample.set_counter(value);
    sample
}

pub(crate) fn gauge(labels: Labels<'_>, value: f64) -> proto::Metric {
    let mut shown = proto::Gauge::default();
    shown.set_value(value);
    let mut sample = labelled(labels);
    sample.set_gauge(shown);
    sample
}

pub(super) fn histogram(labels: Labels<'_>, reading: &Reading) -> proto::Metric {
    let bucket = |&(bound, count): &(f64, u64)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut shown = proto::Histogram::default();
    shown.set_bucket(reading.buckets.iter().map(bucket).collect());
    shown.set_sample_count(reading.count);
    shown.set_sample_sum(reading.sum);
    let mut sample = labelled(labels);
    sample.set_histogram(shown);
    sample
}

pub(crate) fn count(n: usize) -> f64 {
    to_float(u64::try_from(n).unwrap_or(u64::MAX))
}

/// Milliseconds as seconds.
#[expect(clippy::as_conversions, reason = "dates need 42 bits; a float holds 53 exactly")]
pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

pub(crate) fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}
