//! Who may change account states, by what, and what the operator sees of it.

use std::fs;

use serde_json::{Value, json};

use super::local;
use crate::harness::{Message, Request};

#[track_caller]
fn assert_problem(answer: &Message, status: u16, reason: &str) {
    assert_eq!(answer.status(), status, "{}", answer.text());
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    assert_eq!(answer.json()["reason"], reason, "{}", answer.text());
}

#[tokio::test]
async fn a_token_opens_what_its_writer_may_and_nothing_else() {
    let (world, writer) = local().await;
    let freeze = json!([{ "op": "freeze", "subject": "42", "cause": "hotline" }]);
    assert_problem(&writer.stranger().ask(freeze.clone()).await, 401, "unauthorized");
    let weak = writer.weak();
    assert_eq!(weak.ask(freeze.clone()).await.status(), 200);
    let lift = json!([{ "op": "unfreeze", "subject": "42", "cause": "hotline" }]);
    assert_problem(&weak.ask(lift).await, 403, "not_allowed");
    let others = json!([{ "op": "freeze", "subject": "42", "cause": "operator" }]);
    assert_problem(&weak.ask(others).await, 403, "not_allowed");
    for target in ["/accounts/42", "/accounts/export"] {
        assert_problem(&weak.send(Request::get(target)).await, 403, "not_allowed");
    }
    // Two of its three freezes an hour are left; a stolen token freezes no province.
    let three: Vec<Value> = (1..=3)
        .map(|n| json!({ "op": "freeze", "subject": n.to_string(), "cause": "hotline" }))
        .collect();
    assert_problem(&weak.ask(json!(three)).await, 429, "rate_limited");
    world.pay(&world.code()).await.assert_refused("account_frozen");
}

#[tokio::test]
async fn what_cannot_be_done_is_told_and_nothing_is_changed() {
    let (_world, writer) = local().await;
    let first = writer.freeze("42").await;
    let second = writer.freeze("42").await;
    let late = json!([
        { "op": "freeze", "subject": "43", "cause": "hotline" },
        { "op": "unfreeze", "subject": "42", "cause": "hotline", "freeze": first },
    ]);
    let refused = writer.ask(late).await;
    assert_problem(&refused, 409, "newer_freeze");
    assert!(refused.text().contains("change 1") && refused.text().contains(&second));
    let shown = writer.send(Request::get("/accounts/43")).await;
    assert_eq!(shown.json()["entries"], json!([]), "all or none");
    assert_problem(&writer.ask(json!([{ "op": "thaw" }])).await, 400, "malformed");
    assert_problem(&writer.ask(json!([])).await, 400, "malformed");
    let answer = writer.send(Request::get("/accounts/changes")).await;
    assert_problem(&answer, 405, "method_not_allowed");
    assert_problem(&writer.send(Request::get("/accounts/x")).await, 404, "not_found");
    let large = Request::post("/accounts/changes").body(vec![b' '; (1 << 20) + 1]);
    assert_problem(&writer.send(large).await, 413, "too_large");
    let shown = writer.send(Request::get("/accounts/42")).await.json();
    assert_eq!(shown["entries"][0]["facet"], "hotline.0");
    assert_eq!(shown["entries"][0]["number"], Value::from(second));
}

#[tokio::test]
async fn what_is_exported_can_be_imported() {
    let (world, writer) = local().await;
    writer.freeze("42").await;
    writer.change(json!({ "op": "unbind", "subject": "7", "channel": "wechat", "epoch": 3 })).await;
    let exported = writer.send(Request::get("/accounts/export")).await;
    assert_eq!(exported.text().lines().count(), 2, "{}", exported.text());
    let (other, others) = local().await;
    let import = || Request::post("/accounts/import").body(exported.text());
    let merged = others.send(import()).await.json();
    assert_eq!((&merged["lines"], &merged["changed"]), (&json!(2), &json!(2)));
    other.pay(&other.code()).await.assert_refused("account_frozen");
    assert_eq!(others.send(import()).await.json()["changed"], 0, "again does no harm");
    let wrong = Request::post("/accounts/import").body("{\"subject\":\"42\"}\n");
    let refused = others.send(wrong).await;
    assert_problem(&refused, 400, "malformed");
    assert!(refused.text().contains("line 1"), "{}", refused.text());
    drop(world);
}

#[tokio::test]
async fn each_change_is_in_the_record_and_counted() {
    let (world, writer) = local().await;
    let freeze = writer.freeze("42").await;
    writer.lift("42", &freeze).await;
    writer.lift("42", &freeze).await;
    let counted = |op: &str, result: &str| {
        format!("yanma_accounts_changes_total{{op=\"{op}\",result=\"{result}\"}}")
    };
    assert_eq!(world.metric(&counted("freeze", "changed")).await, 1.0);
    assert_eq!(world.metric(&counted("unfreeze", "changed")).await, 1.0);
    assert_eq!(world.metric(&counted("unfreeze", "unchanged")).await, 1.0);
    let mut world = world;
    world.signal(rustix::process::Signal::TERM);
    world.process.ended().await;
    let record = fs::read_dir(world.directory().join("data/record")).expect("a record");
    let text: String = record
        .map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let accounts: Vec<_> = lines.iter().filter(|line| line["event"] == "account").collect();
    assert_eq!(accounts.len(), 3);
    assert_eq!((&accounts[0]["op"], &accounts[0]["writer"]), (&json!("freeze"), &json!("all")));
    assert_eq!((&accounts[0]["before"], &accounts[1]["after"]), (&Value::Null, &Value::Null));
    assert_eq!(accounts[0]["acknowledged"], true);
    assert!(!text.contains("\"42\""), "no person is named");
}
