//! The runbooks: one for each alert and each procedure, in one form, and what they name is there. That each
//! `yanma` command in them parses is tested where the parser is: `gateway/src/cli/tests/runbooks.rs`.

mod promises;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::harness::contract::{FAMILIES, REFUSALS};
use crate::harness::process::{binary, run, run_well};
use crate::harness::project::{read, root};
use crate::harness::redis::{Redis, config};
use crate::harness::{Setup, World};

/// What a person does without an alert.
const PROCEDURES: &[&str] = &[
    "city-lost",
    "clock",
    "daily-unknowns",
    "data-dir-lost",
    "drills",
    "key-rotation",
    "leaked-seal-secret",
    "leaked-signing-key",
    "register-replacement",
    "upgrade",
];

const HEADINGS: &[&str] = &["Means", "Look", "Do", "After"];
const LINES_MAX: usize = 60;

/// Words in backticks that are another program's, or stand in a file of the operator.
const OTHERS: &[&str] = &[
    // Redis, Prometheus, programs of the system.
    "maxclients",
    "maxmemory",
    "noeviction",
    "ping",
    "used_memory",
    "for",
    "up",
    "top",
    // The keyring, the data directory, the program that was there before.
    "accounts.db",
    "accounts.seen",
    "findings.csv",
    "not_after",
    "retiring",
    "seal_secret",
    "yanma.before",
    // What answers and pages say: of writers, of reconcile, of /readyz, of the sandbox's faults.
    "accounts_full",
    "clean",
    "error",
    "half",
    "ok",
    "reset",
    "until",
    // Programs of ours, a member of a refusal, what a route does with a pass.
    "action",
    "check",
    "pass_check",
    "reconcile",
];

/// A runbook's name and text.
fn runbooks() -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("config/runbooks")).expect("the folder of runbooks");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let name = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), read(path))).collect()
}

/// The alerts of all rule files.
fn alerts() -> BTreeSet<String> {
    rules("- alert: ")
}

/// The names of all rules whose line begins so.
fn rules(begin: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("config/prometheus")).expect("the folder of rules");
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let names = files.map(|file| read(&file)).flat_map(|text| {
        let ours = text.lines().filter_map(|line| line.trim().strip_prefix(begin));
        ours.map(str::to_owned).collect::<Vec<_>>()
    });
    names.collect()
}

/// `YanmaFewNodes` is in `yanma-few-nodes.md`.
fn kebab(alert: &str) -> String {
    let mut name = String::new();
    for letter in alert.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert_or_its_place_among_the_procedures() {
    let alerts = alerts();
    assert!(alerts.len() > 30, "{alerts:?}");
    let mut wanted: BTreeSet<String> = alerts.iter().map(|alert| kebab(alert)).collect();
    wanted.extend(PROCEDURES.iter().map(|name| (*name).to_owned()));
    let there: BTreeSet<String> = runbooks().into_iter().map(|(name, _)| name).collect();
    let missing: Vec<_> = wanted.difference(&there).collect();
    let left_over: Vec<_> = there.difference(&wanted).collect();
    assert!(
        missing.is_empty() && left_over.is_empty(),
        "no runbook {missing:?}, no alert {left_over:?}"
    );
}

#[test]
fn runbooks_have_one_form() {
    let alerts = alerts();
    for (name, text) in runbooks() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{name}: {lines} lines, at most {LINES_MAX}");
        let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).expect(&name);
        let alert = alerts.iter().find(|alert| kebab(alert) == name);
        assert!(alert.is_none_or(|alert| alert == title), "{name}: the title is {title}");
        let headings: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{name}");
        assert_eq!(text.matches("```").count() % 2, 0, "{name}: a block is left open");
    }
}

#[tokio::test]
async fn what_runbooks_name_is_there() {
    let registers = Redis::group().await;
    let world = Setup::new().await.config(&config(&registers)).start().await;
    let known = known(&world).await;
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, text) in runbooks() {
        for word in identifiers(&text) {
            used.insert(word.to_owned());
            if !known.contains(word) && !OTHERS.contains(&word) {
                wrong.push(format!("{name}: `{word}`"));
            }
        }
        for metric in metrics_in(&text) {
            if !FAMILIES.iter().any(|family| is_of(metric, &family.name)) {
                wrong.push(format!("{name}: metric {metric}"));
            }
        }
    }
    let recorded = rules("- record: ");
    for (name, text) in runbooks() {
        let unknown = recorded_in(&text).filter(|rule| !recorded.contains(*rule));
        wrong.extend(unknown.map(|rule| format!("{name}: recording rule {rule}")));
    }
    assert!(wrong.is_empty(), "in no list of the project: {wrong:#?}");
    let stale: Vec<_> = OTHERS.iter().filter(|word| !used.contains(**word)).collect();
    assert!(stale.is_empty(), "no runbook uses {stale:?}");
}

/// Events, reasons, metrics, labels and their values, keys of the configuration, names
/// of the record's fields.
async fn known(world: &World) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    known.extend(REFUSALS.iter().map(|row| row.reason.clone()));
    known.extend(["approved", "replayed", "observed"].map(str::to_owned));
    known.extend(FAMILIES.iter().map(|family| family.name.clone()));
    let page = world.metrics().await;
    for labels in page.lines().filter_map(|line| line.split_once('{')?.1.split_once('}')) {
        for label in labels.0.split("\",") {
            let (name, value) = label.split_once('=').expect("a label");
            known.extend([name, value.trim_matches('"')].map(str::to_owned));
        }
    }
    let events = read(&root().join("gateway/contract/events.toml"));
    let events = events.lines().filter_map(|line| line.strip_prefix("name = "));
    known.extend(events.map(|name| name.trim_matches('"').to_owned()));
    known.extend(keys_of_the_configuration());
    known.extend(["gateway.toml", "keyring.toml"].map(str::to_owned));
    let record = read(&root().join("gateway/record/src/writer/events.rs"));
    known.extend(record.split('"').skip(1).step_by(2).map(str::to_owned));
    known
}

/// Each key that `config/gateway.toml` documents, as `key` and as `section.key`; what stands in a comment as
/// an example counts too.
fn keys_of_the_configuration() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut section = String::new();
    for line in read(&root().join("config/gateway.toml")).lines() {
        let line = line.trim_start_matches("# ").trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.trim_start_matches('[').to_owned();
        }
        let key = line.split_once(" = ").map(|(key, _)| key);
        let is_key =
            |key: &&str| key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
        if let Some(key) = key.filter(is_key) {
            keys.extend([key.to_owned(), format!("{section}.{key}")]);
        }
    }
    keys
}

/// What stands in backticks, outside of blocks, and is a name: of lower case letters, digits, `_` and `.`.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    let quoted = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    quoted.filter(|word| {
        word.starts_with(|letter: char| letter.is_ascii_lowercase())
            && word.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.".contains(letter)
            })
            && !word.starts_with("yanma_")
    })
}

/// Every name of a recording rule.
fn recorded_in(text: &str) -> impl Iterator<Item = &str> {
    let words =
        text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_:".contains(letter));
    words.filter(|word| word.contains(":yanma_") || word.starts_with("yanma:"))
}

/// Every name of a metric, in prose and in blocks. The names of recording rules hold colons.
fn metrics_in(text: &str) -> impl Iterator<Item = &str> {
    let words =
        text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_:".contains(letter));
    words.filter(|word| word.starts_with("yanma_") && !word.contains(':'))
}

fn is_of(metric: &str, family: &str) -> bool {
    let rest = metric.strip_prefix(family);
    rest.is_some_and(|rest| ["", "_bucket", "_count", "_sum"].contains(&rest))
}

#[test]
fn each_expression_is_one_that_prometheus_takes() {
    let mut rules = String::from("groups:\n  - name: runbooks\n    rules:\n");
    let mut count = 0;
    for (name, text) in runbooks() {
        for expression in expressions(&text) {
            let quoted = serde_json::to_string(expression).expect("JSON of a text");
            let record = format!("{}:expression:{count}", name.replace('-', "_"));
            rules += &format!("      - record: {record}\n        expr: {quoted}\n");
            count += 1;
        }
    }
    assert!(count > 100, "{count} expressions");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runbooks.yml");
    fs::write(&file, rules).expect("the file");
    let checked = Command::new("promtool").args(["check", "rules"]).arg(&file).output();
    let checked = checked.expect("promtool is installed");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "{said}");
}

/// The lines of each block of PromQL: an expression each.
fn expressions(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```").skip(1).step_by(2);
    let ours = blocks.filter_map(|block| block.strip_prefix("promql\n"));
    ours.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty())
}

#[test]
fn the_readers_find_what_is_named() {
    let text = "`a_b` and `yanma check`, `c.d`\n```promql\nrate(yanma_x_bucket[5m])\n  up\n```\n`E` a:yanma_y:z";
    assert_eq!(identifiers(text).collect::<Vec<_>>(), ["a_b", "c.d"]);
    assert_eq!(metrics_in(text).collect::<Vec<_>>(), ["yanma_x_bucket"]);
    assert_eq!(recorded_in(text).collect::<Vec<_>>(), ["a:yanma_y:z"]);
    assert_eq!(expressions(text).collect::<Vec<_>>(), ["rate(yanma_x_bucket[5m])", "up"]);
    assert!(is_of("yanma_x_bucket", "yanma_x") && !is_of("yanma_x_total", "yanma_x"));
    assert_eq!(kebab("YanmaFewNodes"), "yanma-few-nodes");
    let keys = keys_of_the_configuration();
    assert!(
        ["replay.timeout_ms", "maintenance", "accounts.stale_ms"]
            .iter()
            .all(|key| keys.contains(*key))
    );
}

#[tokio::test]
async fn the_program_prints_each_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = run_well(folder.path(), &["runbook"]).await;
    for (name, text) in runbooks() {
        assert!(list.contains(&format!("  {name} ")), "{name} is not in the list");
        let alert = text.lines().next().and_then(|line| line.strip_prefix("# Yanma"));
        let spelt = alert.map_or_else(|| name.to_uppercase(), str::to_owned);
        assert_eq!(run_well(folder.path(), &["runbook", &spelt]).await, text, "{spelt}");
    }
    let unknown = run(folder.path(), &["runbook", "FewNods"]).await;
    assert_eq!(unknown.status.code(), Some(64));
    assert!(unknown.stdout.is_empty());
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(said.contains("yanma-few-nodes"), "{said}");
}

#[test]
fn a_pipe_that_is_closed_is_no_error() {
    for arguments in [&["runbook"][..], &["runbook", "clock"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(binary());
        command.args(arguments).stdout(writer).stderr(Stdio::piped());
        let done = command.output().expect("it runs");
        assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    }
}
