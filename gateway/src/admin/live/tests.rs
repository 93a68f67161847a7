use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::json;

use super::*;
use crate::{
    admin::page,
    code::clear::AccountStates,
    metrics::{Outcome, WorkerId},
    refusal::{Limit, Refusal},
    web::table::at,
};

const W0: WorkerId = WorkerId::new(0);

fn document(live: &Live, shared: &Shared) -> Value {
    serde_json::from_slice(&live.json(shared)).unwrap()
}

/// A node on which everything holds.
fn make_ready(shared: &Shared) {
    shared.health.set_keys(true);
    shared.health.set_clock(true);
    shared.health.set_key_tables();
    shared.metrics.reloaded(shared.clock.now());
}

#[test]
fn rates_are_by_the_time_that_passed() {
    let (shared, hand) = page::tests::shared();
    make_ready(&shared);
    let live = Live::new(&shared);
    let route = shared.metrics.route("/pay");
    for _ in 0..30 {
        for _ in 0..4 {
            route.requests(W0, Outcome::Approved);
        }
        hand.advance(1_000);
        live.tick(&shared);
    }
    // Half a minute without a tick, at the same rate.
    for _ in 0..120 {
        route.requests(W0, Outcome::Approved);
    }
    hand.advance(30_000);
    let shown = document(&live, &shared);
    assert_eq!(shown["requests"]["per_s"], json!(4.0));
    assert_eq!(shown["requests"]["one_minute_s"], json!(60.0));
    assert_eq!(shown["outcomes"][0]["one_minute"], json!(240));
    let rates = shown["history"]["served"].as_array().unwrap();
    assert!(rates.len() == 31 && rates.iter().all(|rate| *rate == json!(4.0)), "{rates:?}");
    let expected = "Ready. 4 requests/s, 100 % free of gateway faults in 5 minutes.";
    // The reference engine is what a fixture verifies with.
    let said = at(&shown, "verdict.detail_en").as_str().unwrap().to_owned()
        + at(&shown, "verdict.en").as_str().unwrap();
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_is_wrong_comes_first() {
    let (shared, hand) = page::tests::shared();
    make_ready(&shared);
    let live = Live::new(&shared);
    let route = shared.metrics.route("/pay");
    route.requests(W0, Outcome::Refused(Refusal::OutcomeUnknown));
    route.requests(W0, Outcome::Refused(Refusal::CodeUsed));
    route.requests(W0, Outcome::Approved);
    shared.metrics.limit_hits(W0, Limit::Connections);
    shared.metrics.limit_hits(W0, Limit::BodyBytes);
    let current = shared.current.load();
    let [backend] = current.backends() else { panic!("one backend") };
    let [one, two] = backend.endpoints() else { panic!("two endpoints") };
    one.record_connect_failure(shared.clock.now());
    hand.advance(1_000);
    let shown = document(&live, &shared);
    let kinds = |shown: &Value| -> Vec<String> {
        let problems = shown["problems"].as_array().unwrap().iter();
        problems.map(|problem| problem["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        kinds(&shown),
        ["outcome_unknown", "verifier_slow", "limit_hit", "endpoint_down"],
        "{shown}"
    );
    assert_eq!(shown["verdict"]["en"], "1 outcome is unknown in 5 minutes, 33.34 %.");
    assert_eq!(shown["verdict"]["state"], "trouble");

    two.record_connect_failure(shared.clock.now());
    hand.advance(1_000);
    let shown = document(&live, &shared);
    assert!(kinds(&shown).contains(&"backend_down".to_owned()), "{shown}");
    assert_eq!(shown["backends"][0]["state"], "down");

    shared.health.set_keys(false);
    hand.advance(1_000);
    let shown = document(&live, &shared);
    assert_eq!(shown["verdict"]["state"], "not_ready");
    assert_eq!(
        shown["verdict"]["en"],
        "Not ready: keys: no key of the keyring accepts a code that is issued now."
    );
    assert_eq!(shown["verdict"]["zh"], "未就绪：密钥环中没有可验证当前码的密钥。");
}

#[test]
fn a_part_that_the_node_lacks_is_absent() {
    let (shared, _hand) = page::tests::shared();
    let live = Live::new(&shared);
    let shown = document(&live, &shared);
    for part in
        ["registers", "passes", "pass_keys", "record", "accounts", "account_sources", "observed"]
    {
        assert!(shown.get(part).is_none(), "{part}");
    }
    let page = String::from_utf8(live.page(&shared, Language::English).to_vec()).unwrap();
    for part in ["registers", "passes", "record", "accounts", "observed"] {
        assert!(!page.contains(&format!("data-card=\"{part}\"")), "{part}");
    }
    assert!(page.contains("data-card=\"backends\""), "{page}");
}

#[test]
fn several_browsers_get_the_same_bytes_for_a_moment() {
    let (shared, hand) = page::tests::shared();
    let live = Live::new(&shared);
    let first = live.json(&shared);
    shared.metrics.route("/pay").requests(W0, Outcome::Approved);
    assert_eq!(live.json(&shared), first);
    hand.advance(250);
    assert_ne!(live.json(&shared), first);
}

/// A node that has every part.
fn full() -> Shared {
    let (shared, hand) = page::tests::shared();
    let current = shared.current.load();
    let mut shared = std::sync::Arc::into_inner(shared).unwrap();
    let accounts = std::sync::Arc::new(::accounts::Accounts::new(100, &["accounts.db"]));
    shared.accounts = Some(AccountStates::new(accounts));
    shared.tables.passes = Some(replay::Replay::new(64, None).unwrap());
    shared.metrics.show_registers(&[vec!["a:1".to_owned()]]);
    let route = shared.metrics.route("/pay");
    route.requests(W0, Outcome::Refused(Refusal::CodeUsed));
    shared.metrics.backend("settlement").responses(W0, Some(StatusCode::OK));
    shared.metrics.limit_hits(W0, Limit::BodyBytes);
    shared.metrics.code_age(W0, "wechat".parse().unwrap(), 61_000);
    hand.advance(1_000);
    drop(current);
    shared
}

/// Every path of a document: `a.b`, `a[].b`, `a.b[]`.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                paths(value, &path, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                paths(item, &format!("{path}[]"), found);
            }
        }
        _ => drop(found.insert(path.to_owned())),
    }
}

/// The fields that the contract names in a section, each with the rest of its row.
fn documented(section: &str) -> Vec<(String, String)> {
    let text = include_str!("../../../contract/live.md");
    let section = text.split("\n## ").find(|part| part.starts_with(section)).expect(section);
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| {
        let (fields, rest) = row.split_once(" | ").expect("a second column");
        let names = fields.split('`').step_by(2).filter(|name| !name.is_empty());
        names.map(|name| (name.to_owned(), rest.to_owned())).collect::<Vec<_>>()
    })
    .collect()
}

/// What a fixture cannot have: a real record, keys of passes, log lines, a route that observes.
const NOT_IN_A_FIXTURE: &[&str] = &["record.", "pass_keys[].", "log[].", "observed[].", "history."];

#[test]
fn the_contract_names_each_field() {
    let shared = full();
    let live = Live::new(&shared);
    shared.metrics.route("/pay").requests(W0, Outcome::Refused(Refusal::CodeUsed));
    shared.metrics.limit_hits(W0, Limit::BodyBytes);
    let mut shown = BTreeSet::new();
    paths(&document(&live, &shared), "", &mut shown);
    let is_of_fixture =
        |name: &&String| !NOT_IN_A_FIXTURE.iter().any(|part| name.starts_with(part));
    let known: BTreeSet<String> =
        documented("Fields of /live.json").into_iter().map(|(name, _)| name).collect();
    let unnamed: Vec<_> = shown.difference(&known).collect();
    assert!(unnamed.is_empty(), "live.md lacks {unnamed:?}");
    let gone: Vec<_> = known.difference(&shown).filter(is_of_fixture).collect();
    assert!(gone.is_empty(), "live.md has, and /live.json has not: {gone:?}");
}

#[test]
fn the_contract_names_each_word() {
    let rows = documented("Fields of /live.json");
    let row = |name: &str| &rows.iter().find(|(known, _)| known == name).expect(name).1;
    let named: String = rows.iter().map(|(_, rest)| rest.as_str()).collect();
    for (word, _) in words::values(Language::English) {
        let is_condition = at(&json!({}), word).is_null()
            && page::tests::shared().0.health.conditions().iter().any(|one| one.name == word);
        assert!(is_condition || named.contains(&format!("`{word}`")), "{word}");
    }
    for class in class::Class::ALL {
        assert!(row("outcomes[].class").contains(&format!("`{}`", class.name())), "{class:?}");
    }
}
