//! `config/openapi/yanma.yaml` says what the contract says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::harness::contract::REFUSALS;
use crate::harness::project::{read, root, yaml};

/// The sandbox serves the document, so it is part of the program.
const BYTES_MAX: usize = 64 << 10;
const PROBLEM: &str = "application/problem+json";

#[test]
fn it_stays_small() {
    let bytes = text("config/openapi/yanma.yaml").len();
    assert!(bytes <= BYTES_MAX, "{bytes} bytes, at most {BYTES_MAX}");
}

#[test]
fn each_refusal_is_the_contracts() {
    let document = document();
    let examples = examples(&document);
    let found: BTreeSet<&str> = examples.keys().copied().collect();
    let wanted: BTreeSet<&str> = REFUSALS.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(found, wanted);
    let members = object(&document["components"]["schemas"]["Problem"]["properties"]);
    for row in REFUSALS.iter() {
        let reason = row.reason.as_str();
        let (example, value) = (examples[reason], &examples[reason]["value"]);
        assert_eq!(value["type"], format!("urn:yanma:refusal:{reason}"));
        assert_eq!(value["reason"], reason);
        assert_eq!(value["status"], row.status, "{reason}");
        assert_eq!(value["error_code"], row.error_code, "{reason}");
        assert_eq!(value["action"], row.action, "{reason}");
        assert_eq!(value["title"], row.title, "{reason}");
        assert_eq!(value["message_zh"], row.message_zh, "{reason}");
        let sent = match reason {
            "outcome_unknown" => true.into(),
            "backend_unreachable" => false.into(),
            _ => Value::Null,
        };
        assert_eq!(value["request_sent"], sent, "{reason}");
        let retry = row.retry_after.map(|seconds| format!("Retry-After: {seconds}"));
        let reserved =
            (!row.produced).then(|| "reserved, this version never answers it".to_owned());
        let summary: Vec<String> = retry.into_iter().chain(reserved).collect();
        assert_eq!(example["summary"].as_str().unwrap_or_default(), summary.join("; "), "{reason}");
        for name in object(value).keys() {
            assert!(members.contains_key(name), "{reason}: {name} is no member of a refusal");
        }
    }
}

/// An answer is documented at an exact status, or else at the class of its status.
#[test]
fn each_refusal_stands_at_its_status() {
    let document = document();
    for (name, operation) in operations(&document) {
        let responses = object(&operation["responses"]);
        for (status, response) in responses {
            for (reason, example) in refusals_of(resolve(&document, response)) {
                let told = example["value"]["status"].to_string();
                let class = format!("{}XX", told.get(..1).expect("three digits"));
                let place = if responses.contains_key(&told) { &told } else { &class };
                assert_eq!(status, place, "{name}: {reason}");
            }
        }
    }
    let mut reachable = BTreeSet::new();
    for response in object(&document["paths"]["/pay"]["post"]["responses"]).values() {
        reachable.extend(refusals_of(resolve(&document, response)).into_keys());
    }
    assert_eq!(reachable.len(), REFUSALS.len(), "a payment may meet each refusal");
}

#[test]
fn its_headers_are_the_contracts() {
    let document = document();
    let contract =
        ["http.md", "hospitals.md"].map(|name| text(&format!("gateway/contract/{name}")));
    let contract = contract.concat() + &text("gateway/record/README.md");
    let mut names = BTreeSet::new();
    for parameter in object(&document["components"]["parameters"]).values() {
        if parameter["in"] == "header" {
            names.insert(parameter["name"].as_str().expect("a name"));
        }
    }
    let operations = operations(&document);
    let inline = operations.iter().flat_map(|(_, operation)| {
        object(&operation["responses"]).values().map(|response| resolve(&document, response))
    });
    for response in inline {
        names.extend(
            response["headers"].as_object().into_iter().flat_map(Map::keys).map(|n| n.as_str()),
        );
    }
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        assert!(contract.contains(&format!("`{name}")), "the contract has no header {name}");
    }
}

/// The members of each answer are those that the contract's tables name, in their order.
#[test]
fn its_answers_are_the_contracts() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let http = text("gateway/contract/http.md");
    let envelope = |shape: &str| {
        let row = http.lines().find(|line| line.starts_with(&format!("| `{shape}` |")));
        let mut names = ticked(row.expect("a shape of the contract"));
        names.remove(0);
        names
    };
    assert_eq!(list(&schemas["FsiAnswer"]["required"]), envelope("fsi"));
    assert_eq!(list(&schemas["BareAnswer"]["required"]), envelope("code_message_data"));

    let problem = section(&http, "A refusal is `application/problem+json`");
    let named: BTreeSet<String> = rows(problem).flat_map(|row| ticked(row.0)).collect();
    let members: BTreeSet<String> =
        object(&schemas["Problem"]["properties"]).keys().cloned().collect();
    assert_eq!(members, named);

    let status = text("gateway/contract/status.md");
    let (mut members, mut states) = (Vec::new(), Vec::new());
    for row in rows(section(&status, "| member | value |")) {
        members.extend(ticked(row.0));
    }
    for row in rows(section(&status, "| `state` | it means |")) {
        states.extend(ticked(row.0));
    }
    states.retain(|state| state != "state");
    let schema = &schemas["BecameOf"];
    assert_eq!(list(&schema["required"]), members);
    assert_eq!(list(&schema["properties"]["state"]["enum"]), states);
}

/// What it tells developers is what the page for hospital systems tells them.
#[test]
fn it_tells_what_clients_are_told() {
    let document = document();
    let told = document["info"]["description"].as_str().expect("a text");
    let clients = text("gateway/contract/clients.md");
    let rule = clients.lines().find(|line| line.starts_with("**Golden rule.")).expect("the rule");
    assert!(told.starts_with(rule), "the golden rule comes first");
    let actions =
        list(&document["components"]["schemas"]["Problem"]["properties"]["action"]["enum"]);
    let known: BTreeSet<&str> = REFUSALS.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for action in &actions {
        let row = clients.lines().find(|line| line.starts_with(&format!("| `{action}` |")));
        let row = row.expect("clients.md explains each action");
        assert!(told.contains(row), "{row}");
    }
    let cargo: toml::Table = text("Cargo.toml").parse().expect("TOML");
    let version = cargo["workspace"]["package"]["version"].as_str();
    assert_eq!(document["info"]["version"].as_str(), version);
}

/// The sentences in the platform's form are the contract's too.
#[test]
fn the_examples_of_the_platforms_form_are_refusals() {
    let document = document();
    let mut seen = 0;
    for (name, example) in object(&document["components"]["examples"]) {
        let value = &example["value"];
        let number = value["infcode"].as_i64().or(value["code"].as_i64()).expect("a number");
        let said = value["err_msg"].as_str().or(value["message"].as_str()).expect("a sentence");
        if number == 0 {
            assert_eq!(said, "", "{name}");
            continue;
        }
        let code = if number == -1 { "YM1702".to_owned() } else { format!("YM{number}") };
        let row = REFUSALS.iter().find(|row| row.error_code == code).expect("a number of ours");
        assert!(said.starts_with(&format!("{} [{code} ", row.message_zh)), "{name}: {said}");
        seen += 1;
    }
    assert!(seen >= 3, "refused, unknown, and refused in the bare form");
}

fn text(name: &str) -> String {
    read(&root().join(name))
}

fn document() -> Value {
    yaml(&text("config/openapi/yanma.yaml"))
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("an object: {value}"))
}

fn list(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap_or_else(|| panic!("a list: {value}"));
    list.iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
}

/// What `$ref` points at, or the value itself.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(pointer) = value["$ref"].as_str() else { return value };
    let pointer = pointer.strip_prefix('#').expect("a place in this file");
    document.pointer(pointer).unwrap_or_else(|| panic!("nothing is at {pointer}"))
}

/// Each operation, by `<method> <path>`.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = object(&document["paths"]).iter();
    paths
        .flat_map(|(path, item)| {
            let operations = object(item).iter().filter(|(name, _)| *name != "servers");
            operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

/// The examples of refusals of one response, by reason.
fn refusals_of(response: &Value) -> BTreeMap<&str, &Value> {
    let examples = response["content"][PROBLEM]["examples"].as_object();
    examples.into_iter().flatten().map(|(reason, example)| (reason.as_str(), example)).collect()
}

/// All of them. No reason stands twice.
fn examples(document: &Value) -> BTreeMap<&str, &Value> {
    let mut found = BTreeMap::new();
    for response in object(&document["components"]["responses"]).values() {
        for (reason, example) in refusals_of(response) {
            assert!(found.insert(reason, example).is_none(), "{reason} stands twice");
        }
    }
    found
}

/// What stands in backticks.
fn ticked(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// From a line on.
fn section<'a>(page: &'a str, begins: &str) -> &'a str {
    let at = page.find(begins).unwrap_or_else(|| panic!("the contract has {begins:?}"));
    page.get(at..).expect("where a text was found")
}

/// First and second cell of each row of the first table.
fn rows(section: &str) -> impl Iterator<Item = (&str, &str)> {
    let table = section.lines().skip_while(|line| !line.starts_with('|'));
    table.take_while(|line| line.starts_with('|')).filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|');
        Some((cells.next()?.trim(), cells.next()?.trim()))
    })
}
