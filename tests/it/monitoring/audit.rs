//! What `yanma audit` tells beyond a search: counts, findings as a table, anchors.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::keys::identity;
use crate::harness::process::run_well;
use crate::harness::{Reply, Request, World};
use crate::operator::record::{audit, chained, decided, files, record_of, text};

async fn ended(world: &mut World) {
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn decisions_of_the_last_minutes_are_counted_by_a_field_and_found_by_it() {
    let world = World::with("record.unverified_one_in = 1").await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.pay(&world.code()).await.assert_approved();
    let again = Request::post("/pay").code(&code).body("another");
    world.ask(&again).await.assert_refused("code_used");
    decided(&record_of(&world), 3).await;

    let said =
        run_well(world.directory(), &["audit", "data/record", "--last", "15m", "--by", "outcome"]);
    let said = said.await;
    let rows: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["outcome", "decisions", "share", "median", "slowest"], "{said}");
    assert_eq!(rows[1][..4], ["approved", "2", "66.7", "%"], "{said}");
    assert_eq!(rows[2][..4], ["code_used", "1", "33.3", "%"], "{said}");
    assert_eq!(rows.len(), 3, "{said}");

    let by_client = ["audit", "data/record", "--top", "1", "--json", "--where", "outcome=approved"];
    let said = run_well(world.directory(), &by_client).await;
    let line: Value = serde_json::from_str(&said).expect("a line of JSON");
    assert_eq!((&line["by"], &line["value"]), (&"client".into(), &"127.0.0.1".into()), "{said}");
    assert_eq!((&line["decisions"], &line["of"]), (&2.into(), &2.into()), "{said}");

    let used = ["audit", "data/record", "--where", "outcome=code_used", "--where", "route=/pay"];
    assert!(run_well(world.directory(), &used).await.contains(&identity(&code)));
    for (arguments, count) in [
        (&["--slower", "1ms"][..], None),
        (&["--slower", "1h"], Some(0)),
        (&["--last", "15m", "--to", "2020-01-01T00:00:00Z"], Some(0)),
        (&["--last", "7d"], Some(3)),
    ] {
        let output = audit(&world, &[&["data/record"], arguments].concat()).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        let lines = String::from_utf8_lossy(&output.stdout).lines().count();
        assert!(count.is_none_or(|count| count == lines), "{arguments:?}: {}", text(&output));
    }
    wrong_arguments(&world).await;
}

async fn wrong_arguments(world: &World) {
    for (arguments, says) in [
        (&["--last", "15"][..], "it has no unit; allowed: a whole number"),
        (&["--last", "15m", "--from", "1800000000"], "cannot be used with"),
        (&["--by", "subject"], "possible values: client, outcome"),
        (&["--where", "client"], "it has no =; allowed: FIELD=VALUE"),
        (&["--where", "name=x"], "\"name\" is no field; allowed: client"),
        (&["--top", "0"], "1..=100000"),
        (&["--by", "client", "--events"], "cannot be used with"),
        (&["--from", "1800000000", "--to", "1800000000"], "nothing lies between"),
    ] {
        let output = audit(world, &[&["data/record"], arguments].concat()).await;
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(says), "{arguments:?}: {}", text(&output));
    }
}

#[tokio::test]
async fn unknown_outcomes_are_a_table_that_no_client_can_make_a_spreadsheet_run() {
    let mut world = World::start().await;
    let lost = world.code();
    world.backend.reply(Reply::ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into()));
    let formula = Request::post("/pay").code(&lost).field("X-Request-Id", "=HYPERLINK(\"a\",1)");
    world.ask(&formula).await.assert_refused("outcome_unknown");
    ended(&mut world).await;

    let said =
        run_well(world.directory(), &["audit", "reconcile", "data/record", "--csv", "found.csv"]);
    let said = said.await;
    assert!(said.contains("UNKNOWN ") && said.contains("verdict   clean"), "{said}");
    let path = world.directory().join("found.csv");
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let table = fs::read_to_string(path).expect("UTF-8");
    let rows: Vec<&str> = table.split_terminator("\r\n").collect();
    assert!(
        rows[0].starts_with("kind,time,node,redemption,request_id,client_request_id,"),
        "{table}"
    );
    assert_eq!(rows.len(), 2, "{table}");
    assert!(rows[1].starts_with("UNKNOWN,2"), "{table}");
    let name = identity(&lost);
    assert!(rows[1].contains(&format!(",{name},")), "{table}");
    assert!(rows[1].contains(",\"'=HYPERLINK(\"\"a\"\",1)\","), "{table}");
    assert!(rows[1].contains(",outcome_unknown,,spent,true,"), "{table}");

    let output = audit(&world, &["reconcile", "data/record", "--csv", "-"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), table);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("verdict   clean") && !said.contains("UNKNOWN"), "{said}");

    // A slip of the hand costs no record.
    let record = files(&record_of(&world)).pop().expect("a file");
    let before = fs::read(&record).expect("a file");
    let slip = ["reconcile", "data/record", "--csv", record.to_str().expect("plain letters")];
    assert_eq!(audit(&world, &slip).await.status.code(), Some(64));
    assert_eq!(fs::read(&record).expect("a file"), before);
}

#[tokio::test]
async fn a_record_that_was_written_anew_is_found_by_its_anchor_alone() {
    let mut world = World::with("record.node = \"a\"").await;
    let code = world.code();
    world.pay(&code).await.assert_approved();
    let record = record_of(&world);
    decided(&record, 1).await;
    // While it runs, as a daily task would.
    for arguments in
        [&["audit", "anchor", "data/record"][..], &["audit", "anchor", "data/record", "--json"]]
    {
        let list = world.directory().join("anchors");
        let mut all = fs::read_to_string(&list).unwrap_or_default();
        all += &run_well(world.directory(), arguments).await;
        fs::write(&list, all).expect("written");
    }
    world.pay(&world.code()).await.assert_approved();
    ended(&mut world).await;
    let beside = ["reconcile", "data/record", "--anchor", "anchors"];
    let output = audit(&world, &beside).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("anchors   all 2 are there as they were"), "{}", text(&output));

    // Another code was spent, says who wrote it anew, and all hashes fit.
    let file = files(&record).pop().expect("a file");
    let sound = fs::read_to_string(&file).expect("a file");
    let forged = chained(&sound.replace(&identity(&code), "7001-1800000000-0000000000000042"));
    fs::write(&file, forged).expect("written");
    let output = audit(&world, &["reconcile", "data/record"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = audit(&world, &beside).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("BROKEN   anchors:1: line 1 of node a"), "{said}");
    assert!(said.contains("were written anew") && said.contains("0 of 2 are proven"), "{said}");

    // A file that is not here is broken, or only said.
    fs::remove_file(&file).expect("removed");
    let other = World::with("record.node = \"b\"").await;
    let other = record_of(&other).display().to_string();
    let anchors = ["reconcile", &other, "--anchor", "anchors"];
    assert_eq!(audit(&world, &anchors).await.status.code(), Some(1));
    let output = audit(&world, &[&anchors[..], &["--may-begin-late"]].concat()).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("it is not proven"), "{}", text(&output));
}
