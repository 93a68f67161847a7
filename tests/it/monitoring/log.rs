//! The log as a collector of logs reads it: JSON, levels, floods, the journal.

use std::collections::BTreeSet;
use std::fs;

use keyring::time::UnixMillis;
use rustix::process::Signal;
use serde_json::{Map, Value};

use crate::harness::contract::EVENTS;
use crate::harness::keys::{ISSUERS, STRANGER};
use crate::harness::process::StandardError;
use crate::harness::{Client, Request, Setup, World, eventually};

const RELOADED: &str = "yanma_config_last_reload_successful";

/// A line of JSON that a collector takes: an event of the contract, with its level and fields alone.
#[track_caller]
fn event(line: &str) -> Map<String, Value> {
    let Ok(Value::Object(line)) = serde_json::from_str(line) else { panic!("no object: {line}") };
    let time = line["time"].as_str().expect("a time");
    assert!(time.parse::<UnixMillis>().is_ok() && time.len() == 24, "{time}");
    assert!(line["message"].is_string(), "{line:?}");
    let row = EVENTS.iter().find(|row| line["event"] == row.name);
    let row = row.unwrap_or_else(|| panic!("an event of the contract: {line:?}"));
    assert_eq!(line["level"], row.level, "{line:?}");
    let always = ["time", "level", "event", "message", "repeated"];
    let known = |name: &String| always.contains(&&**name) || row.fields.contains(name);
    assert!(line.keys().all(known), "{line:?}");
    line
}

fn events(text: &str) -> Vec<Map<String, Value>> {
    text.lines().map(event).collect()
}

fn names(events: &[Map<String, Value>]) -> BTreeSet<&str> {
    events.iter().map(|line| line["event"].as_str().expect("a name")).collect()
}

async fn refused(world: &World) {
    world.write_keyring(&[STRANGER, STRANGER]);
    world.signal(Signal::HUP);
    world.metric_becomes(RELOADED, 0.0).await;
}

#[tokio::test]
async fn each_line_of_a_life_is_json_of_the_closed_list() {
    let mut world = Setup::new().await.config("[log]\nformat = \"json\"").start().await;
    // What a person wrote comes back in the message, with quotes, line feeds and controls.
    let good = fs::read_to_string(world.config_path()).expect("gateway.toml");
    fs::write(world.config_path(), format!("{good}\n\"k\\n\\u0001\\\"{{\" = 1")).expect("written");
    world.signal(Signal::HUP);
    world.metric_becomes(RELOADED, 0.0).await;
    fs::write(world.config_path(), good).expect("written");
    world.signal(Signal::HUP);
    world.metric_becomes(RELOADED, 1.0).await;
    world.pay(&world.code()).await.assert_approved();
    world.signal(Signal::USR1);
    // Of two signals that wait, either may be seen first.
    let is_told = async || world.process.said().contains("signal_ignored").then_some(());
    eventually("a signal that is ignored", is_told).await;
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());

    let events = events(&world.process.said());
    let expected =
        ["configuration", "serving", "reload_refused", "reloaded", "signal_ignored", "draining"];
    let names = names(&events);
    assert!(expected.iter().all(|name| names.contains(name)), "{names:?}");
    let lines_of = |name: &str| events.iter().filter(|line| line["event"] == name).count();
    assert!(lines_of("configuration") > 5, "each line of one moment: {events:?}");
    let of = |name: &str| events.iter().find(|line| line["event"] == name).expect("an event");
    let message = of("reload_refused")["message"].as_str().expect("text");
    assert!(message.contains("k\\n\\u{1}\\\"{") || message.contains('\u{1}'), "{message}");
    assert_eq!(of("reloaded")["configuration"].as_str().map(str::len), Some(16));
    assert!(of("drained")["duration_ms"].is_u64());
}

#[tokio::test]
async fn lower_events_are_left_out_and_a_reload_changes_that() {
    let mut world = Setup::new().await.config("[log]\nlevel = \"warning\"").start().await;
    refused(&world).await;
    let said = || world.process.said();
    eventually("the refusal", async || said().contains(" warning reload_refused: ").then_some(()))
        .await;
    assert!(!said().contains(" info "), "{}", said());

    world.write_keyring(ISSUERS);
    world.write_config("[log]\nlevel = \"info\"\nformat = \"json\"");
    world.signal(Signal::HUP);
    let reloaded = async || {
        let said = world.process.said();
        said.lines().filter(|line| line.starts_with('{')).map(event).next()
    };
    assert_eq!(eventually("a line of JSON", reloaded).await["event"], "reloaded");
}

/// A flood of one event: no two of its lines within a second, and together they tell of all.
#[tokio::test]
async fn one_event_has_one_line_a_second() {
    let mut world = Setup::new().await.config("[log]\nformat = \"json\"").start().await;
    world.write_keyring(&[STRANGER, STRANGER]);
    let mut admin = Client::connect(&world.admin).await;
    let mut asked = 0;
    let told = async || {
        let answer = admin.ask(Request::post("/reload").host("localhost").body("").bytes()).await;
        assert_eq!(answer.status(), 422);
        asked += 1;
        let events = events(&world.process.said());
        let refused = events.into_iter().filter(|line| line["event"] == "reload_refused");
        Some(refused.collect::<Vec<_>>()).filter(|refused| refused.len() > 2)
    };
    eventually("three lines", told).await;
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());

    let mut events = events(&world.process.said());
    events.retain(|line| line["event"] == "reload_refused");
    let of = |line: &Map<String, Value>| {
        line.get("repeated").map_or(1, |n| n.as_u64().expect("a number"))
    };
    assert_eq!(events.iter().map(of).sum::<u64>(), asked, "{events:?}");
    let times: Vec<UnixMillis> =
        events.iter().map(|line| line["time"].as_str().unwrap().parse().unwrap()).collect();
    let end = times.len() - 1;
    for pair in times[..end].windows(2) {
        assert!(pair[1].ms_since(pair[0]) >= 1_000, "{times:?}");
    }
}

/// The journal takes `<N>` off each line, and files the rest under this priority.
#[tokio::test]
async fn the_journal_gets_the_level_in_front_of_each_line() {
    for (format, begin) in [("text", ""), ("json", "{")] {
        let setup = Setup::new().await.config(&format!("[log]\nformat = \"{format}\""));
        let mut world = setup.standard_error(StandardError::Journal).start().await;
        refused(&world).await;
        let text = world.process.read_until("reload_refused").await;
        for line in text.lines() {
            let prefixed = |prefix: &str| line.strip_prefix(prefix);
            let (level, rest) = match (prefixed("<6>"), prefixed("<4>")) {
                (Some(rest), _) => ("info", rest),
                (_, Some(rest)) => ("warning", rest),
                _ => panic!("no prefix: {line}"),
            };
            assert!(rest.starts_with(begin) && line.contains(level), "{line}");
        }
    }
}

/// A variable that names another stream than standard error is a parent's.
#[tokio::test]
async fn without_the_journal_there_is_no_prefix() {
    let setup = Setup::new().await.environment("JOURNAL_STREAM", "8:12345678901");
    let world = setup.start().await;
    assert!(
        world.process.said().lines().all(|line| line.starts_with("20")),
        "{}",
        world.process.said()
    );
}

#[tokio::test]
async fn a_reader_of_json_that_stands_still_fails_no_payment() {
    let setup = Setup::new().await.config("[log]\nformat = \"json\"");
    let world = setup.standard_error(StandardError::Pipe).start().await;
    world.process.stand_still();
    refused(&world).await;
    for _ in 0..20 {
        world.pay(&world.code()).await.assert_approved();
    }
    world.write_keyring(ISSUERS);
    world.signal(Signal::HUP);
    world.metric_becomes(RELOADED, 1.0).await;
    world.pay(&world.code()).await.assert_approved();
}
