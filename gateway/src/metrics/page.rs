//! A page of families in Prometheus' text format.

use prometheus::{
    TextEncoder,
    proto::{self, LabelPair, Metric, MetricFamily, MetricType},
};

use super::sample::HistogramValues;

/// The families of one scrape.
#[derive(Default)]
pub(crate) struct Page(Vec<MetricFamily>);

/// Label names and values of one series.
pub(crate) type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

impl Page {
    pub(crate) fn counter<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'a, N>, f64)>,
    ) {
        self.family(name, help, MetricType::COUNTER, series, |metric, value| {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        });
    }

    pub(crate) fn gauge<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'a, N>, f64)>,
    ) {
        self.family(name, help, MetricType::GAUGE, series, |metric, value| {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        });
    }

    pub(super) fn histogram<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'a, N>, HistogramValues)>,
    ) {
        self.family(name, help, MetricType::HISTOGRAM, series, |metric, reading| {
            metric.set_histogram(histogram(&reading));
        });
    }

    /// Prometheus text (exposition format 0.0.4), families in alphabetical order. Those without a
    /// series do not appear: the format has no way to write them.
    pub(crate) fn into_text(mut self) -> String {
        self.0.sort_by(|a, b| a.name().cmp(b.name()));
        TextEncoder::new()
            .encode_to_string(&self.0)
            .expect("only families without a name or a series cannot be written")
    }

    fn family<'a, const N: usize, V>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        series: impl IntoIterator<Item = (Labels<'a, N>, V)>,
        set: impl Fn(&mut Metric, V),
    ) {
        let metric = |(labels, value): (Labels<'a, N>, V)| {
            let mut metric = Metric::from_label(labels.map(label).into());
            set(&mut metric, value);
            metric
        };
        let metrics: Vec<_> = series.into_iter().map(metric).collect();
        if metrics.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.0.push(family);
    }
}

fn label((name, value): (&str, &str)) -> LabelPair {
    let mut label = LabelPair::default();
    label.set_name(name.to_owned());
    label.set_value(value.to_owned());
    label
}

fn histogram(reading: &HistogramValues) -> proto::Histogram {
    let bucket = |&(upper_bound, count): &(f64, u64)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(upper_bound);
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(reading.buckets.iter().map(bucket).collect());
    histogram.set_sample_count(reading.count);
    histogram.set_sample_sum(reading.sum);
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut page = Page::default();
        page.counter("c_total", "Counts.", [([("a", "x\"y"), ("b", "z")], 3.0)]);
        page.gauge("g", "Shows.", [([], -1.5)]);
        page.histogram(
            "h",
            "Spreads.",
            [(
                [("a", "x")],
                HistogramValues { buckets: vec![(0.001, 1), (60.0, 2)], count: 4, sum: 90.5 },
            )],
        );
        let expected = r#"# HELP c_total Counts.
# TYPE c_total counter
c_total{a="x\"y",b="z"} 3
# HELP g Shows.
# TYPE g gauge
g -1.5
# HELP h Spreads.
# TYPE h histogram
h_bucket{a="x",le="0.001"} 1
h_bucket{a="x",le="60"} 2
h_bucket{a="x",le="+Inf"} 4
h_sum{a="x"} 90.5
h_count{a="x"} 4
"#;
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn a_family_without_a_series_is_left_out() {
        let mut page = Page::default();
        page.gauge::<1>("g", "Shows.", []);
        assert_eq!(page.into_text(), "");
    }
}
