//! The decision record: what is written, what happens if writing fails, and what `yanma audit`
//! reads from it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use keyring::mint::Spoil;
use rustix::process::{Resource, Rlimit, Signal};
use serde_json::Value;

use crate::harness::keys::{RETIRING, REVOKED, WECHAT, identity};
use crate::harness::process::{run, run_well};
use crate::harness::{DeadPort, Reply, Request, Setup, World, eventually};

/// Every line, in the order of names and lines.
fn lines(directory: &Path) -> Vec<Value> {
    let text: String = files(directory)
        .iter()
        .map(|path| fs::read_to_string(path).expect("a file of the record"))
        .collect();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    files.sort();
    files
}

pub(crate) fn record_of(world: &World) -> PathBuf {
    world.directory().join("data/record")
}

/// Waits until the record has so many decisions.
pub(crate) async fn decided(directory: &Path, count: usize) -> Vec<Value> {
    eventually(&format!("{count} decisions in the record"), async || {
        let mut all = lines(directory);
        all.retain(|line| line["event"] == "decision");
        (all.len() >= count).then_some(all)
    })
    .await
}

pub(crate) async fn audit(world: &World, arguments: &[&str]) -> Output {
    run(world.directory(), &[&["audit"], arguments].concat()).await
}

pub(crate) fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    format!("{}{said}", String::from_utf8_lossy(&output.stdout))
}

/// Lets the gateway end as it should, and reconciles its record, which must be clean.
async fn ends_clean(world: &mut World) -> String {
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
    run_well(world.directory(), &["audit", "reconcile", "data/record"]).await
}

#[tokio::test]
async fn each_decision_has_a_line_that_says_what_happened_and_holds_no_code() {
    let dead = DeadPort::new();
    let setup = Setup::new()
        .await
        .config("[record]\nunverified_one_in = 1\nnode = \"a\"\nsubject_key = \"audit.key\"");
    let setup = setup
        .also("backend", &format!("name = \"dead\"\nendpoints = [\"{}\"]", dead.endpoint))
        .also("route", "path = \"/dead\"\ncode = \"redeem\"\nbackend = \"dead\"");
    run_well(setup.directory(), &["audit", "key", "--out", "audit.key"]).await;
    let mut world = setup.start().await;

    let (code, lost) = (world.code(), world.code());
    let traced = Request::post("/pay")
        .code(&code)
        .field("X-Request-Id", "H37-1")
        .field("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    world.ask(&traced).await.assert_approved();
    let other = Request::post("/pay").code(&code).field("X-Request-Id", &code).body("another");
    world.ask(&other).await.assert_refused("code_used");
    world.ask(&Request::post("/dead").code(&lost)).await.assert_refused("backend_unreachable");
    world.backend.reply(Reply::ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into()));
    world.pay(&lost).await.assert_refused("outcome_unknown");
    world.backend.reply(Reply::settled());
    world.pay(&REVOKED.mint(&world.fresh())).await.assert_refused("key_revoked");
    let forged = WECHAT.mint_spoiled(&world.fresh(), Spoil::Signature);
    world.pay(&forged).await.assert_refused("signature_invalid");
    let ill_sealed = RETIRING.mint_spoiled(&world.fresh(), Spoil::Seal);
    world.pay(&ill_sealed).await.assert_refused("seal_invalid");
    world.pay(&code[..100]).await.assert_refused("code_malformed");
    world.ask(&Request::get("/nowhere?code=1").field("X-Request-Id", "a\"\\b")).await;
    world.ask(&Request::get("/open")).await.assert_approved();
    world.signal(Signal::HUP);
    world.metric_reaches("yanma_record_decisions_total", 10.0).await;
    let record = record_of(&world);
    let all = decided(&record, 10).await;
    let of = |outcome: &str| all.iter().find(|line| line["outcome"] == outcome).expect("a line");

    let approved = all.iter().find(|line| line["client_request_id"] == "H37-1").expect("a line");
    let name = identity(&code);
    for (field, value) in [
        ("node", "a"),
        ("client", "127.0.0.1"),
        ("outcome", "approved"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("route", "/pay"),
        ("route_use", "redeem"),
        ("redemption", &name),
        ("channel", "wechat"),
        ("region", "370100"),
        ("kind", "payment"),
        ("auth", "password"),
        ("backend", "settlement"),
        ("endpoint", &world.backend.endpoint),
        ("spending", "spent"),
    ] {
        assert_eq!(approved[field], value, "{field}: {approved}");
    }
    assert_eq!((&approved["status"], &approved["bytes_sent"]), (&200.into(), &true.into()));
    assert_eq!((&approved["key_id"], &approved["error_code"]), (&7001.into(), &Value::Null));
    assert!(approved["code_age_ms"].is_i64() && approved["latency_us"].is_u64(), "{approved}");

    let used = of("code_used");
    assert_eq!((&used["spending"], &used["bytes_sent"]), (&"none".into(), &false.into()));
    assert_eq!(used["error_code"], "YM1301");
    let unreachable = of("backend_unreachable");
    assert_eq!(unreachable["spending"], "given_back");
    assert_eq!((&unreachable["bytes_sent"], &unreachable["status"]), (&false.into(), &Value::Null));
    let unknown = of("outcome_unknown");
    assert_eq!((&unknown["spending"], &unknown["bytes_sent"]), (&"spent".into(), &true.into()));
    assert_eq!(unknown["redemption"], identity(&lost));
    let revoked = of("key_revoked");
    assert_eq!((&revoked["redemption"], &revoked["channel"]), (&Value::Null, &"nhsa-app".into()));
    for (outcome, key_id) in
        [("key_revoked", 7003), ("signature_invalid", 7001), ("seal_invalid", 7002)]
    {
        let line = of(outcome);
        assert_eq!((&line["key_id"], &line["claimed_key_id"]), (&Value::Null, &key_id.into()));
    }
    assert_eq!(approved.get("claimed_key_id"), None, "it is proven");
    assert_eq!(of("route_not_found")["client_request_id"], "a\"\\b");

    let said = ends_clean(&mut world).await;
    assert!(said.contains("UNKNOWN") && said.contains(&identity(&lost)), "{said}");
    assert!(said.contains("2 redemptions were forwarded, each once"), "{said}");
    assert!(lines(&record).iter().any(|line| line["event"] == "reload"));
    no_digits_of(&[&code, &lost], world.directory());
    searches(&world, &code, &lost).await;
}

/// Asserts that no file of the gateway has 20 digits of a code in a row.
fn no_digits_of(codes: &[&str], directory: &Path) {
    let mut seen = 0;
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("a file");
            seen += 1;
            for part in codes.iter().flat_map(|code| code.as_bytes().chunks_exact(20)) {
                let found = bytes.windows(part.len()).any(|window| window == part);
                assert!(!found, "{} holds digits of a code", path.display());
            }
        }
    }
    assert!(seen > 5, "the whole directory was looked through: {seen} files");
}

async fn searches(world: &World, code: &str, lost: &str) {
    let (name, lost) = (identity(code), identity(lost));
    let cases: &[(&[&str], usize, &str)] = &[
        (&["--redemption", &name], 2, "code_used"),
        (&["--redemption", &lost, "--outcome", "outcome_unknown"], 1, "no whole answer"),
        (&["--request-id", "H37-1"], 1, &name),
        (&["--trace-id", "4bf92f3577b34da6a3ce929d0e0e4736"], 1, &name),
        (&["--subject", "42", "--key", "audit.key"], 4, &lost),
        (&["--subject", "43", "--key", "audit.key"], 0, ""),
        (&["--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"], 0, ""),
        (&["--from", "2020-01-01T00:00:00Z", "--json"], 10, "\"event\":\"decision\""),
    ];
    for (arguments, count, holds) in cases {
        let output = audit(world, &[&["data/record"], *arguments].concat()).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        let found = String::from_utf8_lossy(&output.stdout);
        assert_eq!(found.lines().count(), *count, "{arguments:?}: {}", text(&output));
        assert!(found.contains(holds), "{arguments:?}: {found}");
    }
    assert_eq!(audit(world, &[]).await.status.code(), Some(64));
    let nothing = audit(world, &["keyring"]).await;
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing).contains("no file of a decision record"), "{}", text(&nothing));
}

#[tokio::test]
async fn the_chain_goes_on_over_files_and_over_a_kill() {
    let mut world = World::with("[record]\nnode = \"a\"\nfile_mib_max = 1").await;
    let record = record_of(&world);
    let mut client = world.client().await;
    let request = Request::get("/open").bytes();
    let mut sent = 0;
    while files(&record).len() < 2 {
        client.ask(&request).await.assert_approved();
        sent += 1;
        assert!(sent < 5_000, "no second file");
    }
    let before = decided(&record, sent).await;
    assert_eq!(before.len(), sent);
    world.signal(Signal::KILL);
    assert!(!world.process.ended().await.success());
    let last = lines(&record).last().expect("a line").clone();
    // What a power cut may leave: half a line.
    let newest = files(&record).pop().expect("a file");
    let mut newest = fs::File::options().append(true).open(newest).expect("a file");
    newest.write_all(b"{\"seq\":99").expect("half a line");

    world.start_again().await;
    world.ask(&Request::get("/open")).await.assert_approved();
    let said = ends_clean(&mut world).await;
    assert!(said.contains("half a line") && said.contains("has not said that it ends"), "{said}");
    let newest = files(&record).pop().expect("a file");
    let newest = fs::read_to_string(newest).expect("a file");
    let start: Value = serde_json::from_str(newest.lines().next().expect("a line")).expect("JSON");
    assert_eq!(start["previous_hash"], last["hash"]);
    assert_eq!((&start["event"], &start["previous_torn"]), (&"start".into(), &true.into()));
}

#[tokio::test]
async fn a_double_and_an_edit_are_found_over_two_nodes() {
    let mut nodes = Vec::new();
    for node in ["a", "b"] {
        let overlay = format!("[record]\nnode = \"{node}\"\ndirectory = \"record\"");
        nodes.push(World::with(&overlay).await);
    }
    let code = nodes[0].code();
    nodes[0].pay(&code).await.assert_approved();
    nodes[1].pay(&WECHAT.mint(&nodes[1].fresh())).await.assert_approved();
    for world in &mut nodes {
        world.signal(Signal::TERM);
        assert!(world.process.ended().await.success());
    }
    let path = |world: &World| world.directory().join("record").display().to_string();
    let (a, b) = (path(&nodes[0]), path(&nodes[1]));
    let reconcile = async || audit(&nodes[0], &["reconcile", &a, &b]).await;
    let clean = reconcile().await;
    assert_eq!(clean.status.code(), Some(0), "{}", text(&clean));
    assert!(text(&clean).contains("2 redemptions were forwarded, each once"), "{}", text(&clean));

    // Node b claims to have forwarded node a's code, in a record that is sound in itself.
    let file = files(Path::new(&b)).pop().expect("a file");
    let sound = fs::read_to_string(&file).expect("a file");
    let theirs = lines(Path::new(&b));
    let theirs = theirs.iter().find(|line| line["outcome"] == "approved").expect("a decision");
    let theirs = theirs["redemption"].as_str().expect("a redemption");
    let planted = sound.replace(theirs, &identity(&code));
    fs::write(&file, chained(&planted)).expect("written");
    let double = reconcile().await;
    assert_eq!(double.status.code(), Some(1), "{}", text(&double));
    let said = text(&double);
    assert!(said.contains("DOUBLE") && said.contains(&identity(&code)), "{said}");
    assert!(said.contains("chains    whole") && said.contains("FAILED"), "{said}");

    // Without new hashes the change is an edit, and edited lines are ignored.
    fs::write(&file, planted).expect("written");
    let edited = reconcile().await;
    assert_eq!(edited.status.code(), Some(1));
    let said = text(&edited);
    assert!(said.contains("BROKEN") && said.contains(".jsonl:2: its text"), "{said}");
    assert!(!said.contains("DOUBLE"), "{said}");
}

/// Gives lines the hashes of their text, as the documentation says: with `sha256sum`.
pub(crate) fn chained(text: &str) -> String {
    let mut prev = "0".repeat(32);
    let mut out = String::new();
    for line in text.lines() {
        let (body, _) = line.rsplit_once(",\"hash\":\"").expect("a hash");
        let (head, rest) = body.split_once("\"prev\":\"").expect("a line before");
        let body = format!("{head}\"prev\":\"{prev}{}", &rest[32..]);
        prev = sha256(&body)[..32].to_owned();
        out.push_str(&format!("{body},\"hash\":\"{prev}\"}}\n"));
    }
    out
}

fn sha256(text: &str) -> String {
    let mut command = Command::new("sha256sum");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("coreutils");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("taken");
    let output = child.wait_with_output().expect("an end");
    String::from_utf8(output.stdout).expect("hex")
}

#[tokio::test]
async fn dropped_decisions_are_counted_in_the_record_too() {
    let overlay = "server.workers = 1\n[record]\nqueue_entries = 256\ndirectory = \"record\"";
    let mut world = World::with(overlay).await;
    let record = world.directory().join("record");
    fs::remove_dir_all(&record).expect("removed");
    let mut client = world.client().await;
    for _ in 0..700 {
        client.ask(Request::get("/open").bytes()).await.assert_approved();
    }
    world.metric_reaches("yanma_record_dropped_total", 1.0).await;
    world.metric_reaches("yanma_record_errors_total", 1.0).await;
    assert_eq!(world.admin("GET", "/readyz").await.status(), 200);
    let said = world.process.said();
    assert_eq!(said.matches("the decision record cannot be written").count(), 1, "{said}");
    assert!(said.contains("when_full = \"drop\""), "{said}");

    fs::create_dir(&record).expect("made");
    let dropped = world.metric("yanma_record_dropped_total").await;
    eventually("a line that tells the gap", async || {
        let told = lines(&record).iter().filter_map(|line| line["count"].as_f64()).sum::<f64>();
        ((told - dropped).abs() < 0.5).then_some(())
    })
    .await;
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
    assert!(world.process.said().contains("is written again"), "{}", world.process.said());
    // The directory that was removed held the first lines.
    let output = audit(&world, &["reconcile", "record"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("lines 0 to"), "{}", text(&output));
    let output = audit(&world, &["reconcile", "record", "--may-begin-late"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("decisions were not recorded"), "{}", text(&output));
}

/// Limits the size of the gateway's files from now on. This acts like a full disk and needs no
/// right to mount one.
fn files_may_grow(world: &World, bytes_max: Option<u64>) {
    let pid = i32::try_from(world.process.pid()).ok().and_then(rustix::process::Pid::from_raw);
    let limit = Rlimit { current: bytes_max, maximum: None };
    rustix::process::prlimit(pid, Resource::Fsize, limit).expect("a limit for our own child");
}

#[tokio::test]
async fn a_full_disk_refuses_before_anything_is_spent_and_heals() {
    let overlay = "server.workers = 1\nlimits.requests_in_flight_max = 200\n[record]\n\
                   when_full = \"refuse\"\nqueue_entries = 256\ndirectory = \"record\"\n\
                   free_mib_min = 0\nnode = \"a\"";
    let world = World::with(overlay).await;
    let record = world.directory().join("record");

    files_may_grow(&world, Some(64 * 1_024));
    world.pay(&world.code()).await.assert_approved();
    let mut client = world.client().await;
    eventually("a full disk", async || {
        for _ in 0..20 {
            client.ask(Request::get("/open").bytes()).await.assert_approved();
        }
        (world.metric("yanma_record_errors_total").await > 0.5).then_some(())
    })
    .await;
    let arrived = world.backend.count();
    let code = world.code();
    world.pay(&code).await.assert_refused("overloaded");
    assert_eq!(world.backend.count(), arrived, "nothing was sent");
    world.metric_becomes("yanma_ready{condition=\"record\"}", 0.0).await;
    let said = world.process.said();
    assert_eq!(said.matches("the decision record cannot be written").count(), 1, "{said}");
    let hits = "yanma_limit_hits_total{limit=\"record_queue_entries\"}";
    world.metric_reaches(hits, 1.0).await;

    files_may_grow(&world, None);
    world.metric_becomes("yanma_ready{condition=\"record\"}", 1.0).await;
    world.pay(&code).await.assert_approved();
    assert_eq!(world.backend.count_of(&identity(&code)), 1);
    eventually("the decision's line", async || {
        let mut all = lines(&record).into_iter();
        all.find(|line| line["redemption"] == identity(&code) && line["outcome"] == "approved")
    })
    .await;
    let output = audit(&world, &["reconcile", "record"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[tokio::test]
async fn a_record_that_cannot_begin_stops_the_start() {
    for (overlay, status, word) in [
        ("[record]\nsubject_key = \"none.key\"", 78, "none.key"),
        ("[record]\nkeep_days = 30", 78, "six months"),
        ("[record]\ndirectory = \"gateway.toml/record\"", 1, "[record] directory"),
    ] {
        let setup = Setup::new().await.config(overlay);
        let path = setup.write();
        let path = path.to_str().expect("plain letters");
        let output = run(setup.directory(), &["serve", "--config", path]).await;
        assert_eq!(output.status.code(), Some(status), "{overlay}: {}", text(&output));
        assert!(text(&output).contains(word), "{overlay}: {}", text(&output));
    }
}

#[tokio::test]
async fn without_a_record_nothing_is_written() {
    let world = World::with("record.enabled = false").await;
    world.pay(&world.code()).await.assert_approved();
    assert!(!record_of(&world).exists());
    assert!(!world.metrics().await.contains("yanma_record"));
}
