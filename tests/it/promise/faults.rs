//! Never twice, whatever happens: the load tool breaks gateways, registers, clocks and directories
//! under traffic, and its judge counts. The scenarios of config/loadtest, at rates that leave the
//! machine to the other tests; most of the time they wait.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use super::loadtest::{Ended, Play, answers};
use crate::harness::process::binary;
use crate::harness::project::root;

async fn play(name: &str, more: &[&str]) -> Ended {
    let scenario = root().join("config/loadtest").join(name).with_extension("toml");
    Play::new("").run_file(&scenario, more).await
}

/// How often an outcome was answered.
fn outcome(ended: &Ended, word: &str) -> u64 {
    ended.report["outcomes"][word].as_u64().unwrap_or_default()
}

/// How often something of this kind was done.
fn events(ended: &Ended, what: &str) -> usize {
    let events = ended.report["events"].as_array().expect("a list of events");
    events.iter().filter(|event| event["what"].as_str().is_some_and(|w| w.contains(what))).count()
}

#[tokio::test]
async fn twenty_deaths_forget_nothing() {
    let ended = play("kills", &["--rate", "100", "--duration", "40"]).await;
    assert_eq!(ended.assert_clean()["gateways"][0]["restarts"], 20, "{}", ended.said);
    assert_eq!(events(&ended, "is killed"), 20);
    // A copy from before a death is known after it.
    assert!(outcome(&ended, "code_used") > 100, "{}", ended.said);
    assert_eq!(outcome(&ended, "warming_up"), 0, "{}", ended.said);
}

#[tokio::test]
async fn ten_upgrades_are_noticed_by_nobody() {
    let ended = play("upgrades", &["--rate", "100", "--duration", "40"]).await;
    assert_eq!(ended.assert_clean()["gateways"][0]["restarts"], 10, "{}", ended.said);
    assert_eq!(events(&ended, "old process has left"), 10);
    assert_eq!(ended.report["verdict"]["lost_answers"], 0, "{}", ended.said);
    assert_eq!(outcome(&ended, "warming_up"), 0, "{}", ended.said);
}

#[tokio::test]
async fn two_gateways_share_three_registers_that_fail_in_turn() {
    let ended = play("registers", &["--rate", "60", "--duration", "60"]).await;
    ended.assert_clean();
    assert_eq!(ended.report["gateways"][0]["restarts"], 1, "{}", ended.said);
    for what in [
        "is killed",
        "started again, empty",
        "is stopped",
        "is cut off",
        "is emptied",
        "started again with what it saved",
    ] {
        assert!(events(&ended, what) > 0, "{what}: {}", ended.said);
    }
    // While a majority was away.
    assert!(outcome(&ended, "replay_store_unavailable") > 0, "{}", ended.said);
}

#[tokio::test]
async fn a_stepped_clock_lets_nothing_pass_twice() {
    let ended = play("clock", &["--rate", "60"]).await;
    ended.assert_clean();
    assert_eq!(events(&ended, "wall clock is"), 7);
    for reason in ["code_not_yet_valid", "clock_suspect", "replay_store_unavailable"] {
        assert_eq!(outcome(&ended, reason), 0, "{}", ended.said);
    }
}

#[tokio::test]
async fn a_full_table_refuses_and_forgets_nothing() {
    let ended = play("full-table", &["--rate", "200"]).await;
    ended.assert_clean();
    assert!(outcome(&ended, "replay_full") > 0, "{}", ended.said);
    // The run is shorter than a slot's life, so no slot can have become free.
    assert!(ended.count("arrived_once") <= 2_048, "{}", ended.said);
}

#[tokio::test]
async fn a_data_directory_of_before_is_found_out() {
    let ended = play("data-dir", &["--rate", "60"]).await;
    assert_eq!(ended.assert_clean()["gateways"][0]["restarts"], 3, "{}", ended.said);
    assert!(outcome(&ended, "warming_up") > 0, "{}", ended.said);
}

#[tokio::test]
async fn a_gateway_that_stood_still_for_longer_than_a_code_lives_lets_nothing_old_pass() {
    // The pause takes 90 seconds.
    let ended = play("pauses", &["--rate", "20"]).await;
    ended.assert_clean();
    assert_eq!(events(&ended, "goes on"), 1);
}

/// Every fault of two gateways that share no memory, with every code shown to both.
const TWO_MEMORIES: &str = r#"
about = "Two gateways that share nothing, under every fault."
[load]
connections = 8
[[phase]]
duration_s = 16
rate = 50
[mix]
replay_at_once = 1
[gateway]
nodes = 2
workers = 1
replay_capacity = 65536
verify_table_mib = 4
"#;

/// Each fault is played alone: only its own excuse could hide a code that was used twice.
async fn doubles_are_found(events: &str) {
    let ended = Play::new(&format!("{TWO_MEMORIES}{events}")).run(&[]).await;
    ended.assert_dirty("reached the backend more than once");
    ended.assert_dirty("were approved more than once");
    ended.assert_dirty("not answered yes once, no once");
}

fn event(at_s: u64, what: &str, more: &str) -> String {
    format!("[[event]]\nat_s = {at_s}\ndo = \"{what}\"\n{more}\n")
}

#[tokio::test]
async fn no_fault_of_a_gateway_hides_a_double() {
    let kill = event(2, "kill", "repeat = 4\nevery_s = 3");
    let pause = event(2, "pause", "") + &event(8, "resume", "");
    let clock = event(2, "clock", "step_ms = 2000") + &event(8, "clock", "step_ms = 3600000");
    let copy = event(1, "copy", "");
    let data =
        copy + &event(2, "roll_back", "") + &event(10, "delete", "") + &event(12, "kill", "");
    tokio::join!(
        doubles_are_found(&kill),
        doubles_are_found(&pause),
        doubles_are_found(&clock),
        doubles_are_found(&data),
    );
}

#[tokio::test]
async fn no_upgrade_hides_a_double() {
    doubles_are_found(&event(2, "upgrade", "repeat = 3\nevery_s = 4")).await;
}

/// A program that runs the gateway, the second of them with a memory of its own.
fn one_of_two_asks_no_registers(directory: &Path) -> String {
    let script = format!(
        "#!/bin/sh\ncase \"$3\" in\n*gateway-2.toml)\n\
         sed -e 's/^store = .*/store = \"local\"/' \"$3\" >\"$3.local\"\n\
         exec {yanma} serve --config \"$3.local\";;\nesac\nexec {yanma} \"$@\"\n",
        yanma = binary().display()
    );
    let wrapper = directory.join("yanma");
    fs::write(&wrapper, script).expect("a script");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o700)).expect("its own file");
    wrapper.to_str().expect("plain letters").to_owned()
}

#[tokio::test]
async fn a_gateway_that_does_not_ask_its_registers_is_found_out() {
    let registers = "registers = 3\nregister_timeout_ms = 500\n";
    let away = event(5, "cut", "register = 1") + &event(5, "cut", "register = 2");
    let play = Play::new(&format!("{TWO_MEMORIES}{registers}{away}"));
    let wrapper = one_of_two_asks_no_registers(play.directory.path());
    let ended = play.run(&["--yanma", &wrapper]).await;
    ended.assert_dirty("reached the backend more than once");
    // It approved codes while no majority of registers was reachable.
    ended.assert_dirty("answers were not what their code must get");
    let examples = ended.report["verdict"]["examples"].to_string();
    assert!(examples.contains("replay_at_once was answered 200 approved"), "{examples}");
}

#[tokio::test]
async fn each_event_tells_what_came_of_requests_until_the_next() {
    let text = TWO_MEMORIES.replace("nodes = 2\n", "").replace("duration_s = 16", "duration_s = 5");
    let ended = Play::new(&(text + &event(2, "kill", ""))).run(&[]).await;
    let events = &ended.assert_clean()["events"];
    assert!(events[0]["what"].as_str().is_some_and(|what| what.contains("is killed")), "{events}");
    assert!(events[1]["answers"]["approved"].as_u64() > Some(0), "{events}");
    assert_ne!(events[0]["lost"], Value::Null);
    assert!(ended.said.contains("UNTIL THE NEXT"), "{}", ended.said);
}

fn visits() -> String {
    let path = root().join("config/loadtest/visits.toml");
    let text = fs::read_to_string(path).expect("a scenario");
    // An upgrade takes some seconds, however short the run is.
    text.replace("repeat = 6\nevery_s = 9", "repeat = 2\nevery_s = 27")
}

fn assert_visits_were_paid(ended: &Ended) {
    let report = ended.assert_clean();
    assert!(ended.count("passes") > 100, "{}", ended.said);
    for (class, outcome) in [
        ("pass_check", "approved"),
        ("pass", "approved"),
        ("pass_again", "pass_used"),
        ("pass_again", "replayed"),
        ("exchange_again", "replayed"),
    ] {
        assert!(answers(report, class, outcome) > 0, "{class} {outcome}: {}", ended.said);
    }
    for reason in ["warming_up", "pass_invalid", "pass_expired"] {
        assert_eq!(outcome(ended, reason), 0, "{}", ended.said);
    }
}

const SHORT: [&str; 4] = ["--rate", "60", "--duration", "12"];

#[tokio::test]
async fn visits_pay_once_over_deaths_and_upgrades() {
    let ended = Play::new(&visits()).run(&SHORT).await;
    assert_visits_were_paid(&ended);
    assert_eq!((events(&ended, "is killed"), events(&ended, "has left")), (2, 2));
}

#[tokio::test]
async fn visits_pay_once_at_two_gateways_on_three_registers() {
    // Beside other tests a register may wait for a core. That is no fault of a gateway.
    let shared = "[gateway]\nnodes = 2\nworkers = 1\nregisters = 3\nregister_timeout_ms = 5000";
    // Two gateways upgrade one after the other, so each does it once.
    let text = visits().replace("[gateway]", shared).replace("repeat = 2\nevery_s = 27\n", "");
    let ended = Play::new(&text).run(&["--rate", "40", "--duration", "12"]).await;
    assert_visits_were_paid(&ended);
}

const VISITS: &str = "about = \"Visits.\"\n[load]\nconnections = 8\n[[phase]]\nduration_s = 4\n\
    rate = 40\n[mix]\nexchange = 1\n[visits]\nchecks = [1, 2]\npause_ms = [0, 100]\n\
    again_per_mille = 1000\n[gateway]\nworkers = 1\n";

#[tokio::test]
async fn gateways_that_share_no_memory_of_passes_are_found_out() {
    let ended = Play::new(&format!("{VISITS}nodes = 2\n")).run(&[]).await;
    ended.assert_dirty("passes reached the backend more than once");
    ended.assert_dirty("passes were approved more than once");
    assert!(answers(&ended.report, "pass_again", "approved") > 10, "{}", ended.said);
}

/// A program that runs the gateway with other rules for the routes of a visit.
async fn with_rule(rule: &str, other: &str) -> Ended {
    let play = Play::new(VISITS);
    let script = format!(
        "#!/bin/sh\nsed -e 's/^code = \"{rule}\"/code = \"{other}\"/' \"$3\" >\"$3.other\"\n\
         exec {} serve --config \"$3.other\"\n",
        binary().display()
    );
    let wrapper = play.directory.path().join("yanma");
    fs::write(&wrapper, script).expect("a script");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o700)).expect("its own file");
    play.run(&["--yanma", wrapper.to_str().expect("plain letters")]).await
}

#[tokio::test]
async fn a_gateway_that_spends_on_a_check_or_never_is_found_out() {
    let (spends, never) =
        tokio::join!(with_rule("pass_check", "pass"), with_rule("pass", "pass_check"));
    spends.assert_dirty("only open a pass told the backend that something was spent");
    spends.assert_dirty("answers were not what their code must get");
    spends.assert_dirty("answers did not name the code that was sent");
    never.assert_dirty("approved and never reached the backend");
    never.assert_dirty("carried no redemption of this run");
    assert!(answers(&never.report, "pass_again", "approved") > 10, "{}", never.said);
}
