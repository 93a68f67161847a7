//! The page's charts, each with a heading that says what to look for.

use std::collections::BTreeMap;

use crate::report::chart::{Axis, Chart, Scale, Series, Size, Unit};
use crate::report::figures;
use crate::report::markup::escape;
use crate::report::value::{Report, SecondSummary};

/// Reasons with a line of their own; the rest share one.
const REASONS: usize = 5;

const LATENCY: Axis = Axis { label: "", scale: Scale::Log, unit: Unit::Time };
const RATE: Axis = Axis { label: "", scale: Scale::Linear, unit: Unit::PerSecond };
const TIME: Axis = Axis { label: "since the start", scale: Scale::Linear, unit: Unit::Seconds };
const PERCENTILE: Axis =
    Axis { label: "share of answers", scale: Scale::Percentile, unit: Unit::Percent };
const OFFERED: Axis =
    Axis { label: "requests offered", scale: Scale::Linear, unit: Unit::PerSecond };

pub(super) fn all(report: &Report) -> String {
    let over_time = !report.seconds.is_empty();
    [
        distribution(report),
        sweep(report),
        latency(report),
        refusals(report),
        rate(report),
        if over_time { events(report) } else { String::new() },
    ]
    .concat()
}

fn distribution(report: &Report) -> String {
    let latency = &report.latency;
    let chart = Chart {
        title: "Latency by percentile".to_owned(),
        x: PERCENTILE,
        y: LATENCY,
        series: vec![
            series("response", latency.response_distribution.clone()),
            series("service", latency.service_distribution.clone()),
        ],
        marks: Vec::new(),
    };
    let note = "Each further nine takes the same room. Where response leaves service, requests \
                waited before they could be sent.";
    figure("Latency distribution", note, &chart, "No answer was measured.")
}

fn sweep(report: &Report) -> String {
    let Some(steps) = &report.sweep else { return String::new() };
    let points = |ok: bool| {
        let points = steps.iter().filter(move |step| step.ok == ok);
        let mut points: Vec<_> =
            points.map(|step| (step.rate, figures::float(step.p99_us))).collect();
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        points
    };
    let chart = Chart {
        title: "99th percentile at each rate offered".to_owned(),
        x: OFFERED,
        y: LATENCY,
        series: vec![series("kept", points(true)), series("not kept", points(false))],
        marks: Vec::new(),
    };
    figure("Sweep", "p99 of response time at each rate that was tried.", &chart, "No step was run.")
}

fn latency(report: &Report) -> String {
    let line = |name, of: fn(&SecondSummary) -> u64| {
        let value = |second: &SecondSummary| {
            if second.max_us > 0 { figures::float(of(second)) } else { f64::NAN }
        };
        over_time(name, &report.seconds, value)
    };
    let chart = Chart {
        title: "Response time in each second".to_owned(),
        x: TIME,
        y: LATENCY,
        series: vec![
            line("p50", |second| second.p50_us),
            line("p99", |second| second.p99_us),
            line("greatest", |second| second.max_us),
        ],
        marks: marks(report),
    };
    let note = "Response time of all answers. A line breaks where a second had no answer.";
    figure("Latency over time", note, &chart, "No second was measured.")
}

fn refusals(report: &Report) -> String {
    let names = reasons(&report.seconds);
    let (shown, others) = names.split_at(names.len().min(REASONS));
    let of = |second: &SecondSummary, wanted: &dyn Fn(&str) -> bool| {
        let counts = second.refused.iter().filter(|(reason, _)| wanted(reason));
        figures::float(counts.map(|(_, count)| count).sum())
    };
    let mut lines: Vec<Series> = shown
        .iter()
        .map(|name| over_time(name, &report.seconds, |second| of(second, &|other| other == name)))
        .collect();
    if !others.is_empty() {
        let rest =
            |second: &SecondSummary| of(second, &|other| others.iter().any(|name| name == other));
        lines.push(over_time("all others", &report.seconds, rest));
    }
    let chart = Chart {
        title: "Refusals in each second by reason".to_owned(),
        x: TIME,
        y: RATE,
        series: lines,
        marks: marks(report),
    };
    figure(
        "Refusals over time",
        "By reason, the most frequent first.",
        &chart,
        "Nothing was refused.",
    )
}

fn rate(report: &Report) -> String {
    let line = |name, of: fn(&SecondSummary) -> u64| {
        over_time(name, &report.seconds, |second| figures::float(of(second)))
    };
    let chart = Chart {
        title: "Requests in each second".to_owned(),
        x: TIME,
        y: RATE,
        series: vec![
            line("answered", |second| second.answered),
            line("sent", |second| second.sent),
            line("approved", |second| second.approved),
        ],
        marks: marks(report),
    };
    figure("Rate over time", "Sent, answered and approved.", &chart, "No second was measured.")
}

/// What the numbers on the vertical lines mean.
fn events(report: &Report) -> String {
    if report.events.is_empty() {
        return String::new();
    }
    let items = report.events.iter().map(|event| {
        let came = event.came().join(", ");
        format!(
            "<li>{} <span>{}</span><br/><span>{}</span></li>",
            escape(&event.what),
            figures::seconds(event.second),
            escape(&came)
        )
    });
    format!(
        "<section class=\"events\"><h2>Events</h2><p class=\"note\">The numbered lines in the \
         charts above, each with what came of requests until the next.</p><ol>{}</ol></section>\n",
        items.collect::<String>()
    )
}

fn marks(report: &Report) -> Vec<f64> {
    report.events.iter().map(|event| event.second).collect()
}

/// All reasons, the most frequent first.
fn reasons(seconds: &[SecondSummary]) -> Vec<String> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in seconds.iter().flat_map(|second| &second.refused) {
        *totals.entry(reason).or_default() += count;
    }
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    totals.into_iter().map(|(reason, _)| reason.to_owned()).collect()
}

fn over_time(
    name: &str,
    seconds: &[SecondSummary],
    value: impl Fn(&SecondSummary) -> f64,
) -> Series {
    let points = seconds.iter().map(|second| (figures::float(second.second), value(second)));
    series(name, points.collect())
}

fn series(name: &str, points: Vec<(f64, f64)>) -> Series {
    Series { name: name.to_owned(), points }
}

fn figure(title: &str, note: &str, chart: &Chart, if_empty: &str) -> String {
    let drawn = match (chart.svg(Size::Wide), chart.svg(Size::Narrow)) {
        (Some(wide), Some(narrow)) => {
            format!("<div class=\"wide\">{wide}</div><div class=\"narrow\">{narrow}</div>")
        }
        _ => format!("<p class=\"empty\">{if_empty}</p>"),
    };
    format!(
        "<section class=\"figure\"><h2>{title}</h2><p class=\"note\">{note}</p>{drawn}</section>\n"
    )
}
