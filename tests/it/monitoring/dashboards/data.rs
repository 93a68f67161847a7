//! A real Prometheus scrapes gateways that have met everything, and finds data for each expression.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::board::{Board, Query, boards};
use super::traffic::Site;
use crate::harness::eventually;
use crate::harness::project::{read, root};
use crate::monitoring::prometheus::{Api, Prometheus, Sample, scraping};

/// What Grafana puts in place of its variables. The interval covers the whole test.
/// Steps of a subquery are at whole multiples, so they are shorter here.
const VARIABLES: [(&str, &str); 5] = [
    (":$__rate_interval", ":5s"),
    ("$__rate_interval", "40s"),
    ("$route", ".*"),
    ("$channel", ".*"),
    ("$instance", ".*"),
];

/// Scrapes come twice a second and rules are evaluated each second, so this is long.
const LOOKS_TAKE: Duration = Duration::from_secs(12);

/// What finds data only where a gateway has run for long. It is proven to be read.
const LATER: [(&str, &str); 1] = [(" offset 1", "compares with a day or a week ago")];

/// Would hide that there is no data.
const MASK: &str = " or vector(0)";

#[tokio::test]
async fn a_prometheus_finds_data_for_each_expression() {
    let mut site = Site::start().await;
    let rules = shipped_rules();
    let rules: Vec<_> = rules.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let prometheus = Prometheus::start(&scraping(&site.targets()), &rules).await;
    prometheus.api.scraped(2).await;
    site.run().await;

    let queries: Vec<Query> = boards().iter().flat_map(Board::queries).collect();
    assert!(queries.len() > 150, "{} expressions", queries.len());
    let begun = Instant::now();
    let without = eventually("answers of Prometheus", async || {
        let mut without = Vec::new();
        for query in &queries {
            if let Err(what) = look(&prometheus.api, query).await {
                without.push(format!("{}: {what}", query.place));
            }
        }
        (without.is_empty() || begun.elapsed() > LOOKS_TAKE).then_some(without)
    });
    let without = without.await;
    assert!(without.is_empty(), "{} of {}:\n{}", without.len(), queries.len(), without.join("\n"));
}

/// Whether there is a finite sample, and each series has the labels that the dashboard prints.
async fn look(api: &Api, query: &Query) -> Result<(), String> {
    let expression = substituted(&query.expression);
    let found = api.query(&expression).await;
    if LATER.iter().any(|(part, _)| expression.contains(part)) {
        return Ok(());
    }
    if !found.iter().any(|sample: &Sample| sample.value.is_finite()) {
        return Err(format!("no data: {expression}: {found:?}"));
    }
    for sample in &found {
        if let Some(label) = query.printed.iter().find(|label| !sample.labels.contains_key(*label))
        {
            return Err(format!("no label {label} in {sample:?}"));
        }
    }
    Ok(())
}

fn substituted(expression: &str) -> String {
    let put = |text: String, (name, value): (&str, &str)| text.replace(name, value);
    let expression = VARIABLES.into_iter().fold(expression.replace(MASK, ""), put);
    assert!(!expression.contains('$'), "a variable that is not substituted: {expression}");
    expression
}

/// The files of rules that are shipped, with their names. Those that wait for 30 s do not here.
fn shipped_rules() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("config/prometheus")).expect("config/prometheus");
    let paths = folder.map(|entry| entry.expect("an entry").path());
    let rules = paths.filter(|path| path.to_string_lossy().ends_with(".rules.yml"));
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let text = |path: &Path| read(path).replace("interval: 30s", "interval: 1s");
    rules.map(|path| (name(&path), text(&path))).collect()
}
