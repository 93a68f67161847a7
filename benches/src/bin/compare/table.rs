//! The table, for a terminal and as Markdown, and its chart.

use loadtest::report::chart::{Bar, bars};

use crate::load::Figures;
use crate::row::Row;

/// One row's figures: the medians of its rounds.
pub(crate) struct Line {
    name: &'static str,
    rate: Option<u32>,
    figures: Figures,
    /// The smallest and largest CPU time of a round, in microseconds.
    cpu_us: (f64, f64),
}

impl Line {
    /// The medians of `rounds`, each for itself.
    pub(crate) fn new(row: &Row, rounds: &[Figures]) -> Self {
        let of = |pick: fn(&Figures) -> f64| median(rounds.iter().map(pick).collect());
        let cpu = || rounds.iter().map(|figures| figures.cpu_us);
        Self {
            name: row.name(),
            rate: row.rate(),
            figures: Figures {
                requests_per_s: of(|figures| figures.requests_per_s),
                cpu_us: of(|figures| figures.cpu_us),
                p50_us: of(|figures| figures.p50_us),
                p99_us: of(|figures| figures.p99_us),
            },
            cpu_us: (cpu().fold(f64::MAX, f64::min), cpu().fold(0.0, f64::max)),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Of nginx's CPU time at the same rate, which all others are compared with.
fn of_nginx(lines: &[Line]) -> impl Fn(&Line) -> String {
    move |line| {
        let is_alike = |nginx: &&Line| nginx.name.starts_with("nginx") && nginx.rate == line.rate;
        let nginx = lines.iter().find(is_alike).map(|nginx| nginx.figures.cpu_us);
        nginx.map_or("-".to_owned(), |cpu| format!("{:.2}", line.figures.cpu_us / cpu))
    }
}

/// The table in columns.
pub(crate) fn text(lines: &[Line]) -> String {
    let ratio = of_nginx(lines);
    let mut text = format!(
        "{:<36} {:>11} {:>14} {:>14} {:>8} {:>8} {:>8}\n",
        "", "requests/s", "CPU us/request", "(min to max)", "of nginx", "p50 us", "p99 us"
    );
    for line in lines {
        let Figures { requests_per_s, cpu_us, p50_us, p99_us } = line.figures;
        let (least, most) = line.cpu_us;
        text.push_str(&format!(
            "{:<36} {requests_per_s:>11.0} {cpu_us:>14.2} {:>14} {:>8} {p50_us:>8.0} {p99_us:>8.0}\n",
            line.name,
            format!("{least:.2}-{most:.2}"),
            ratio(line),
        ));
    }
    text
}

/// The table for the README.
pub(crate) fn markdown(lines: &[Line]) -> String {
    let ratio = of_nginx(lines);
    let mut text = "| proxy | CPU a request | of nginx | requests/s | p50 | p99 |\n\
                    |---|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for line in lines {
        let Figures { requests_per_s, cpu_us, p50_us, p99_us } = line.figures;
        text.push_str(&format!(
            "| {} | {cpu_us:.1} µs | {} | {requests_per_s:.0} | {p50_us:.0} µs | {p99_us:.0} µs |\n",
            line.name,
            ratio(line),
        ));
    }
    text
}

/// CPU time of a request as bars. Verified by the `p256` crate it is so long that the others could
/// not be told apart: that row is in the table only.
pub(crate) fn chart(lines: &[Line]) -> String {
    let bar = |line: &Line| Bar {
        label: line.name.to_owned(),
        value: line.figures.cpu_us,
        unit: "µs".to_owned(),
        highlight: line.name == "yanma, redeem",
    };
    let shown = lines.iter().filter(|line| !line.name.ends_with("reference"));
    let rows: Vec<Bar> = shown.map(bar).collect();
    bars(
        "CPU time of a request",
        "One core for the proxy, all rows in one run. Less is better.",
        &rows,
    )
}
