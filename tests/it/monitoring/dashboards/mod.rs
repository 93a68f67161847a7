//! The dashboards of `config/grafana`: each panel says what it shows, each name in an expression is
//! one of ours, and a real Prometheus finds data for each expression. No test can draw them: Grafana
//! is in no registry that the tests install from.

mod board;
mod data;
mod promql;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use self::board::{Board, Panel, boards, files, list, text};
use self::promql::names;
use crate::harness::contract::FAMILIES;
use crate::harness::project::{read, root};
use crate::harness::python::python;

/// Links and bookmarks of people rest on these.
const UIDS: [(&str, &str); 3] = [
    ("codes.json", "yanma-codes"),
    ("node.json", "yanma-node"),
    ("overview.json", "yanma-overview"),
];

/// Families that no panel shows, and why.
const UNSHOWN: [(&str, &str); 1] =
    [("process_virtual_memory_bytes", "address space is reserved, not used: it calls for nothing")];

/// Units by their names in Grafana, as far as we use them.
const UNITS: [&str; 11] = [
    "Bps",
    "bool_yes_no",
    "bytes",
    "cps",
    "d",
    "dtdurations",
    "percentunit",
    "reqps",
    "s",
    "short",
    "none",
];

/// Words in a sentence of a description. Its reader was asleep a minute ago.
const WORDS_MAX: usize = 25;

#[test]
fn every_panel_says_what_it_shows_and_whom_it_asks() {
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    for board in boards() {
        for panel in board.shown() {
            let place = format!("{}: {}", board.file, panel.title);
            assert!(!panel.title.is_empty() && !panel.targets.is_empty(), "{place} {}", panel.id);
            let unit = text(&panel.field_config["defaults"], "unit");
            assert!(UNITS.contains(&unit), "{place}: unit {unit}");
            assert_is_clear(&place, &panel.description);
            for asked in panel.targets.iter().map(|one| &one.datasource).chain([&panel.datasource])
            {
                assert_eq!(asked, &source, "{place}");
            }
            let letters: BTreeSet<_> = panel.targets.iter().map(|one| &one.ref_id).collect();
            assert_eq!(letters.len(), panel.targets.len(), "{place}: one letter, two expressions");
        }
        let variables = board.variables();
        assert_eq!(
            (&variables[0]["name"], &variables[0]["type"], &variables[0]["query"]),
            (&json!("datasource"), &json!("datasource"), &json!("prometheus")),
            "{}",
            board.file
        );
        let asking = variables[1..].iter().chain(board.marks());
        for asked in asking {
            assert_eq!(asked["datasource"], source, "{}: {}", board.file, asked["name"]);
        }
    }
}

/// What it shows, what is normal, what to do: three thoughts at least, none of them long.
fn assert_is_clear(place: &str, description: &str) {
    let sentences: Vec<_> = description
        .split(['.', ':', ';', '?'])
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .collect();
    assert!(sentences.len() >= 2 && description.ends_with(['.', '?']), "{place}: {description}");
    for sentence in sentences {
        let words = sentence.split_whitespace().count();
        assert!(words <= WORDS_MAX, "{place}: {words} words: {sentence}");
    }
}

#[test]
fn no_panel_lies_on_another_and_each_has_an_id_of_its_own() {
    let apart = |one: &Panel, other: &Panel| {
        let (one, other) = (&one.grid_pos, &other.grid_pos);
        one.x + one.w <= other.x
            || other.x + other.w <= one.x
            || one.y + one.h <= other.y
            || other.y + other.h <= one.y
    };
    for board in boards() {
        let ids: BTreeSet<_> = board.panels.iter().map(|panel| panel.id).collect();
        assert_eq!(ids.len(), board.panels.len(), "{}: one id, two panels", board.file);
        for (at, panel) in board.panels.iter().enumerate() {
            let place = &panel.grid_pos;
            assert!(
                place.w > 0 && place.h > 0 && place.x + place.w <= 24,
                "{}: {panel:?}",
                board.file
            );
            let over = board.panels[..at].iter().find(|other| !apart(panel, other));
            assert!(over.is_none(), "{}: {} lies on {over:?}", board.file, panel.title);
        }
        let titles: BTreeSet<_> = board.shown().map(|panel| &panel.title).collect();
        assert_eq!(titles.len(), board.shown().count(), "{}: one title, two panels", board.file);
    }
}

#[test]
fn addresses_stay_and_links_lead_to_a_dashboard() {
    let boards = boards();
    let found: Vec<_> = boards.iter().map(|board| (board.file.as_str(), board.uid())).collect();
    assert_eq!(found, UIDS);
    for board in &boards {
        let to_others = UIDS.iter().filter(|(_, uid)| *uid != board.uid());
        let expected: BTreeSet<_> = to_others.map(|(_, uid)| format!("/d/{uid}")).collect();
        let links = list(&board.json["links"]).iter().map(|link| text(link, "url").to_owned());
        assert_eq!(links.collect::<BTreeSet<_>>(), expected, "{}", board.file);
        for target in targets_of_links(&board.json) {
            assert_link_arrives(&boards, &target);
        }
    }
}

/// Every address of a dashboard, wherever it stands.
fn targets_of_links(json: &Value) -> Vec<String> {
    match json {
        Value::String(text) if text.starts_with("/d/") => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(targets_of_links).collect(),
        Value::Object(all) => all.values().flat_map(targets_of_links).collect(),
        _ => Vec::new(),
    }
}

/// The dashboard is there, and has the variables that the link sets.
fn assert_link_arrives(boards: &[Board], target: &str) {
    let (uid, query) =
        target["/d/".len()..].split_once('?').unwrap_or((&target["/d/".len()..], ""));
    let board = boards.iter().find(|board| board.uid() == uid);
    let board = board.unwrap_or_else(|| panic!("{target}: no such dashboard"));
    for set in query.split('&').filter_map(|part| part.strip_prefix("var-")) {
        let (name, _) = set.split_once('=').expect("a value");
        let is_there = board.variables().iter().any(|variable| variable["name"] == name);
        assert!(is_there, "{target}: {} has no variable {name}", board.file);
    }
}

/// Metrics by name, with the labels that their series have in Prometheus.
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let mut known = BTreeMap::new();
    let mut add = |name: &str, labels: &[&str]| {
        let labels = labels.iter().copied().map(str::to_owned).collect();
        known.insert(name.to_owned(), labels);
    };
    for family in FAMILIES.iter() {
        let mut labels: Vec<&str> = family.labels.iter().map(String::as_str).collect();
        labels.extend(["instance", "job"]);
        if family.kind == "histogram" {
            add(&format!("{}_sum", family.name), &labels);
            add(&format!("{}_count", family.name), &labels);
            labels.push("le");
            add(&format!("{}_bucket", family.name), &labels);
        } else {
            add(&family.name, &labels);
        }
    }
    add("up", &["instance", "job"]);
    add("ALERTS", &["alertname", "alertstate", "severity", "instance", "job", "channel", "route"]);
    for name in rules("record") {
        // The part before the first colon is the level: the labels that are left.
        let level = name.split(':').next().expect("a level").to_owned();
        add(
            &name,
            &["channel", "outcome"]
                .into_iter()
                .filter(|one| level.split('_').any(|part| part == *one))
                .collect::<Vec<_>>(),
        );
    }
    known
}

/// The names after `record:` or `alert:` in the rules that are shipped.
fn rules(kind: &str) -> Vec<String> {
    let files = fs::read_dir(root().join("config/prometheus")).expect("config/prometheus");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let texts =
        paths.filter(|path| path.to_string_lossy().ends_with(".rules.yml")).map(|path| read(&path));
    let marker = format!("{kind}: ");
    let of = |text: String| -> Vec<String> {
        let lines = text
            .lines()
            .filter_map(|line| line.trim_start_matches(['-', ' ']).strip_prefix(&marker));
        lines.map(|name| name.trim().to_owned()).collect()
    };
    texts.flat_map(of).collect()
}

#[test]
fn every_name_in_an_expression_is_one_of_ours() {
    let known = known();
    for query in boards().iter().flat_map(Board::queries) {
        let found = names(&query.expression);
        let place = format!("{}: {}", query.place, query.expression);
        assert!(!found.selectors.is_empty(), "{place}");
        let mut labels = BTreeSet::new();
        for (metric, matchers) in &found.selectors {
            let of_metric =
                known.get(metric).unwrap_or_else(|| panic!("{place}: no metric {metric}"));
            labels.extend(of_metric);
            for [label, operator, value] in matchers {
                assert!(of_metric.contains(label), "{place}: {metric} has no label {label}");
                // Prometheus 3 writes 50.0 where Prometheus 2 writes 50.
                let is_whole = label == "le" && operator == "=" && !value.contains('.');
                assert!(!is_whole, "{place}: le=\"{value}\" finds nothing in Prometheus 3");
            }
        }
        for label in &found.groupings {
            assert!(labels.contains(label), "{place}: no metric of these has label {label}");
        }
    }
}

#[test]
fn every_family_is_on_a_dashboard_or_left_out_for_a_reason() {
    let all = boards();
    let queries: Vec<_> = all.iter().flat_map(Board::queries).collect();
    let named = queries.iter().flat_map(|query| names(&query.expression).selectors);
    let named: BTreeSet<String> = named.map(|(metric, _)| metric).collect();
    let is_shown = |family: &str| {
        let parts = ["", "_bucket", "_sum", "_count"].map(|part| format!("{family}{part}"));
        parts.iter().any(|name| named.contains(name))
    };
    let unshown: Vec<_> =
        FAMILIES.iter().map(|family| family.name.as_str()).filter(|name| !is_shown(name)).collect();
    assert_eq!(unshown, UNSHOWN.map(|(name, _)| name));
}

/// A description says which alert judges what the panel shows.
#[test]
fn every_alert_is_named_at_a_panel_and_no_other() {
    let alerts: BTreeSet<_> = rules("alert").into_iter().collect();
    let mut named = BTreeSet::new();
    for board in boards() {
        for panel in board.shown() {
            let words = panel.description.split(|one: char| !one.is_ascii_alphanumeric());
            let is_alert = |word: &&str| word.starts_with("Yanma") && *word != "Yanma";
            named.extend(words.filter(is_alert).map(str::to_owned));
        }
    }
    assert_eq!(named, alerts);
}

/// What a panel calls the gateway's own fault is what the objective counts.
#[test]
fn the_gateways_faults_are_those_of_the_rules() {
    let recorded = read(&root().join("config/prometheus/yanma-recording.rules.yml"));
    let all = boards();
    let queries = all.iter().flat_map(Board::queries);
    let lists: Vec<_> = queries
        .flat_map(|query| names(&query.expression).selectors)
        .flat_map(|(_, matchers)| matchers)
        .filter(|[_, operator, value]| operator == "=~" && value.contains("overloaded"))
        .map(|[_, _, value]| value)
        .collect();
    assert!(!lists.is_empty());
    for list in lists {
        assert!(
            recorded.contains(&format!("outcome=~\"{list}\"")),
            "the rules count others than {list}"
        );
    }
}

/// Grafana's own library reads each file and finds no key that it does not know.
#[tokio::test]
async fn grafanas_library_reads_each_dashboard() {
    let files: Vec<_> = files().iter().map(|file| file.display().to_string()).collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    let output = python("dashboards.py", &files).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for board in boards() {
        let queries: usize = board.shown().map(|panel| panel.targets.len()).sum();
        let line = format!("{}: {} panels, {queries} queries", board.file, board.panels.len());
        assert!(said.contains(&line), "no line {line} in {said}");
    }
}
