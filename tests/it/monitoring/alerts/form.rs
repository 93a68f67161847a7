//! What each rule must have, and that rules name only what is there.

use std::collections::BTreeSet;

use super::files::{Rule, checks, rule_files, rules};
use crate::harness::World;
use crate::harness::contract::{FAMILIES, REFUSALS};

/// Outcomes that are no refusals, so that they are in no fault's class.
const FORWARDED: [&str; 3] = ["approved", "replayed", "observed"];
/// Whose fault a refusal is: the classes of `gateway/contract/refusals.toml`.
const CLASSES: [&str; 6] = ["code", "holder", "policy", "caller", "gateway", "backend"];

fn alerts() -> impl Iterator<Item = (String, Rule)> {
    rules().into_iter().filter_map(|rule| Some((rule.alert.clone()?, rule)))
}

/// `YanmaFewNodes` is `yanma-few-nodes`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

#[test]
fn each_alert_says_how_urgent_it_is_what_it_means_and_what_to_do() {
    let mut names = BTreeSet::new();
    for (name, rule) in alerts() {
        assert!(name.starts_with("Yanma"), "{name}");
        assert!(names.insert(name.clone()), "{name} is there twice");
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(matches!(severity, Some("page" | "ticket")), "{name}: {severity:?}");
        assert_eq!(rule.labels.len(), 1, "{name}");
        let keys: Vec<&str> = rule.annotations.keys().map(String::as_str).collect();
        assert_eq!(keys, ["description", "runbook_url", "summary"], "{name}");
        assert!(rule.annotations["summary"].ends_with(['.', '}']), "{name}");
        assert!(rule.annotations["description"].ends_with('.'), "{name}");
        let runbook = format!("config/runbooks/{}.md", kebab(&name));
        assert_eq!(rule.annotations["runbook_url"], runbook);
    }
    assert!(names.len() >= 25, "{names:?}");
}

#[test]
fn each_alert_has_a_case_that_fires_and_one_that_does_not() {
    let checks = checks();
    let tested = |fires: bool| -> BTreeSet<&str> {
        let of_kind = checks.iter().filter(|check| check.exp_alerts.is_empty() != fires);
        of_kind.map(|check| check.alertname.as_str()).collect()
    };
    let names: Vec<String> = alerts().map(|(name, _)| name).collect();
    let all: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(tested(true), all, "that fire");
    assert_eq!(tested(false), all, "that do not");
}

#[test]
fn recorded_series_have_the_names_that_dashboards_rest_on() {
    let recorded: Vec<String> = rules().into_iter().filter_map(|rule| rule.record).collect();
    let expected = [
        "outcome:yanma_requests:rate5m",
        "yanma:gateway_faults:ratio5m",
        "yanma:gateway_faults:ratio30m",
        "yanma:gateway_faults:ratio1h",
        "yanma:gateway_faults:ratio6h",
        "channel_outcome:yanma_codes:rate5m",
        "channel_outcome:yanma_codes:share5m",
        "channel_outcome:yanma_passes:rate5m",
        "channel_outcome:yanma_passes:share5m",
    ];
    assert_eq!(recorded, expected);
}

/// Each outcome that a gateway counts has one row of the contract, which has one fault; or it was forwarded.
#[tokio::test]
async fn each_outcome_is_in_exactly_one_fault_class() {
    let mut classed: Vec<&str> = FORWARDED.to_vec();
    for row in REFUSALS.iter() {
        assert!(CLASSES.contains(&row.fault.as_str()), "{}: {}", row.reason, row.fault);
        classed.push(&row.reason);
    }
    let world = World::start().await;
    let page = world.metrics().await;
    let lines = page.lines().filter(|line| line.starts_with("yanma_requests_total{"));
    let outcomes = lines.filter_map(|line| line.split("outcome=\"").nth(1)?.split('"').next());
    let counted: BTreeSet<&str> = outcomes.collect();
    assert_eq!(classed.iter().copied().collect::<BTreeSet<_>>(), counted);
    assert_eq!(classed.len(), counted.len(), "a word is there twice");
}

#[test]
fn the_gateways_own_faults_are_those_of_the_contract_wherever_they_are_written() {
    let own = REFUSALS.iter().filter(|row| row.fault == "gateway");
    let mut own: Vec<&str> = own.map(|row| row.reason.as_str()).collect();
    own.sort_unstable();
    let mut written = 0;
    for rule in rules() {
        for words in matched(&rule.expr, "outcome").filter(|words| words.contains(&"overloaded")) {
            assert_eq!(words, own, "{}", rule.expr);
            written += 1;
        }
    }
    assert_eq!(written, 5, "four ratios, and the alert of them");
}

#[test]
fn rules_name_metrics_outcomes_and_series_that_are_there() {
    let all = rules();
    let recorded: Vec<&str> = all.iter().filter_map(|rule| rule.record.as_deref()).collect();
    let is_word =
        |word: &str| FORWARDED.contains(&word) || REFUSALS.iter().any(|row| row.reason == word);
    for rule in &all {
        for word in matched(&rule.expr, "outcome").chain(matched(&rule.expr, "reason")).flatten() {
            assert!(is_word(word), "{word} is no outcome: {}", rule.expr);
        }
        for name in names(&rule.expr) {
            let family = ["_bucket", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_family = |name: &str| FAMILIES.iter().any(|family| family.name == name);
            let is_there = is_family(&name)
                || family.is_some_and(is_family)
                || recorded.contains(&name.as_str());
            assert!(is_there, "{name} is no metric: {}", rule.expr);
        }
    }
}

/// Prometheus 3 stores `le="50"` as `50.0`.
#[test]
fn whole_bounds_of_buckets_are_matched_as_either_prometheus_stores_them() {
    for file in rule_files() {
        for bound in file.text.split("le=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let is_whole = bound.bytes().all(|digit| digit.is_ascii_digit());
            assert!(!is_whole, "{}: le=\"{bound}\"", file.name);
        }
    }
}

/// The words that matchers of a label name, one list for each matcher.
fn matched<'a>(expr: &'a str, label: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
    expr.split(label).skip(1).filter_map(|rest| {
        let value = rest.trim_start_matches(['=', '!', '~']).strip_prefix('"')?;
        Some(value.split('"').next()?.split('|').collect())
    })
}

/// The names of series in an expression: what has a colon, or begins with `yanma_`. What is quoted is none.
fn names(expr: &str) -> Vec<String> {
    let bare: String = expr.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':');
    let words = bare.split(|letter| !is_part(letter)).map(str::to_owned);
    words.filter(|word| word.contains(':') || word.starts_with("yanma_")).collect()
}

#[test]
fn the_reader_of_expressions_reads_what_rules_write() {
    let expr = "sum by (a) (yanma_x_total{outcome=~\"b|c\",reason!=\"d\"}[5m]) / a:yanma_y:rate5m";
    assert_eq!(names(expr), ["yanma_x_total", "a:yanma_y:rate5m"]);
    assert_eq!(matched(expr, "outcome").collect::<Vec<_>>(), [["b", "c"]]);
    assert_eq!(matched(expr, "reason").collect::<Vec<_>>(), [["d"]]);
    assert_eq!(kebab("YanmaFewNodes"), "yanma-few-nodes");
}
