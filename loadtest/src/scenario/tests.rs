use std::path::Path;

use super::event::{Event, Happening, ToGateway, ToRegister};
use super::settings::{Phase, Scenario};

const SMALL: &str = "about = \"x\"\n[[phase]]\nduration_s = 4\nrate = 100\n[mix]\nvalid = 1\n";

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse(Path::new("dir/small.toml"), text).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_refused(more: &str, parts: &[&str]) {
    let error = parse(&format!("{SMALL}{more}")).unwrap_err();
    for part in parts {
        assert!(error.contains(part), "{error}: no {part}");
    }
}

const ROTATE: Happening = Happening::Gateway { node: None, what: ToGateway::Rotate };

#[test]
fn the_smallest_scenario_has_defaults() {
    let scenario = parse(SMALL).unwrap();
    assert_eq!(scenario.name, "small");
    assert_eq!((scenario.load.connections, scenario.gateway.nodes), (32, 1));
    assert_eq!(scenario.all_phases().len(), 2);
}

#[test]
fn every_scenario_of_the_project_loads() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/loadtest");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let loaded: Vec<Scenario> = files.map(|file| Scenario::load(&file).unwrap()).collect();
    assert!(loaded.len() >= 12);
    for scenario in loaded {
        assert!((5_000..=200_000).contains(&scenario.duration_ms()), "{}", scenario.name);
    }
}

#[test]
fn errors_name_key_value_and_range() {
    assert_refused("[load]\nconnections = 1\n", &["small.toml", "load.connections = 1", "2 to"]);
    assert_refused("vlid = 1\n", &["mix = vlid", "valid, replay_at_once"]);
    assert_refused("[backend]\nerror_per_mille = 600\nhalf_per_mille = 600\n", &["sum", "1200"]);
    let many = "[load]\nprotocol = \"http2\"\nconnections = 66\nstreams = 1000\n";
    assert_refused(many, &["load.connections * load.streams = 66000", "65536"]);
    assert_refused("[[event]]\nat_s = 4\ndo = \"kill\"\n", &["event.at_s = 4", "0 to 3"]);
    assert_refused("[[event]]\nat_s = 1\ndo = \"explode\"\n", &["explode", "kill"]);
    assert_refused("[load]\nclosed = true\n[[phase]]\nduration_s = 1\nrate = 1\n", &["phase = 2"]);
}

#[test]
fn a_key_that_is_not_known_is_refused_in_every_table() {
    let tables = [
        "[visits]",
        "[accounts]",
        "[load]",
        "[codes]",
        "[backend]",
        "[gateway]",
        "[[event]]",
        "[[phase]]",
    ];
    for table in tables {
        assert_refused(&format!("{table}\ntypo = 1\n"), &["small.toml", "typo"]);
    }
    let error = parse(&format!("typo = 1\n{SMALL}")).unwrap_err();
    assert!(error.contains("small.toml") && error.contains("typo"), "{error}");
}

#[test]
fn a_mix_of_nothing_is_refused() {
    let error = parse(&SMALL.replace("valid = 1", "valid = 0")).unwrap_err();
    assert!(error.contains("a weight above 0"), "{error}");
}

#[test]
fn scaling_keeps_the_shape() {
    let more = "[[phase]]\nduration_s = 4\nrate = 400\n[[event]]\nat_s = 4\ndo = \"rotate\"\n";
    let mut scenario = parse(&format!("{SMALL}{more}")).unwrap();
    scenario.scale_duration(2_000);
    scenario.scale_rate(40);
    let phases = [Phase { duration_ms: 1_000, rate: 10 }, Phase { duration_ms: 1_000, rate: 40 }];
    assert_eq!(scenario.phases, phases);
    assert_eq!(scenario.events, [Event { at_ms: 1_000, what: ROTATE }]);
}

#[test]
fn faults_of_the_scenario_are_what_is_tolerated() {
    let terms = parse(SMALL).unwrap().terms(500);
    assert!(!terms.backend_errs && !terms.backend_breaks);
    let text = format!("{SMALL}[backend]\nstall_per_mille = 1\n[[event]]\nat_s = 1\ndo = \"kill\"");
    let scenario = parse(&text).unwrap();
    let terms = scenario.terms(500);
    assert!(!terms.backend_errs && terms.backend_breaks);
    assert!(!terms.has_registers && terms.small_table.is_none());
    let slow = "[backend]\ndelay_ms = 50\n[gateway]\nbackend_timeout_ms = 50\n";
    let slow = parse(&format!("{SMALL}{slow}")).unwrap();
    assert!(slow.terms(500).backend_breaks && slow.backend_is_too_slow());
}

#[test]
fn events_name_whom_they_happen_to_and_repeat() {
    let more = "[gateway]\nnodes = 2\nregisters = 3\ngroups = 2\n[[event]]\nat_s = 1\n\
                do = \"cut\"\nregister = 6\nnode = 2\nrepeat = 2\nevery_s = 2\n[[event]]\nat_s = 2\n\
                do = \"clock\"\nnode = 1\nstep_ms = -2000\n";
    let scenario = parse(&format!("{SMALL}{more}")).unwrap();
    let cut = Happening::Register { register: 5, node: Some(1), what: ToRegister::Cut };
    let step = ToGateway::Clock { step_ms: -2_000 };
    let step = Happening::Gateway { node: Some(0), what: step };
    let events: Vec<_> = scenario.events.iter().map(|event| (event.at_ms, event.what)).collect();
    assert_eq!(events, [(1_000, cut), (2_000, step), (3_000, cut)]);
    assert!(cut.needs_ours() && !ROTATE.needs_ours());
    assert!(scenario.terms(500).has_registers);
}

#[test]
fn events_that_make_no_sense_are_refused() {
    let event =
        |more: &str| format!("[gateway]\nnodes = 2\nregisters = 3\n[[event]]\nat_s = 1\n{more}\n");
    let refused = |more: &str, parts: &[&str]| assert_refused(&event(more), parts);
    refused("do = \"cut\"", &["event.register", "the number of a register"]);
    refused("do = \"cut\"\nregister = 4", &["event.register = 4", "1 to 3"]);
    refused("do = \"kill\"\nnode = 3", &["event.node = 3", "1 to 2"]);
    refused("do = \"kill\"\nregister = 1\nnode = 1", &["event.node = 1", "all see"]);
    refused("do = \"upgrade\"\nregister = 1", &["event.do = upgrade", "kill, restart"]);
    refused("do = \"recall\"\nregister = 1", &["event.do = recall", "an event save"]);
    refused("do = \"save\"", &["event.register", "the number of a register"]);
    refused("do = \"clock\"", &["event.step_ms = nothing", "86400000"]);
    refused("do = \"kill\"\nstep_ms = 1", &["event.step_ms = 1", "with clock"]);
    refused("do = \"delay\"\nregister = 1", &["event.delay_ms = 0", "1 to 60000"]);
    refused("do = \"kill\"\nrepeat = 2", &["event.every_s = nothing"]);
    refused("do = \"kill\"\nrepeat = 4\nevery_s = 1", &["event.at_s = 4", "0 to 3"]);
    refused("do = \"roll_back\"", &["roll_back", "an event copy"]);
    assert_refused("[gateway]\nregisters = 4\n", &["gateway.registers = 4", "3 or 5"]);
}

#[test]
fn a_short_delay_is_distance_and_a_long_one_makes_claims_late() {
    for (delay_ms, is_late) in [(31, false), (32, true)] {
        let more = format!(
            "[gateway]\nregisters = 3\nregister_timeout_ms = 500\n[[event]]\nat_s = 1\n\
             do = \"delay\"\nregister = 1\ndelay_ms = {delay_ms}\n"
        );
        let scenario = parse(&format!("{SMALL}{more}")).unwrap();
        let what = ToRegister::Delay { ms: delay_ms, may_be_late: is_late };
        let expected = Happening::Register { register: 0, node: None, what };
        assert_eq!(scenario.events[0].what, expected);
    }
}

#[test]
fn visits_need_an_exchange_and_a_backend_that_answers_whole() {
    let exchange = SMALL.replace("valid", "exchange");
    assert!(parse(SMALL).unwrap().visits.is_none());
    assert_eq!(parse(&exchange).unwrap().visits.unwrap().checks, [1, 4]);
    assert_refused("[visits]\n", &["small.toml", "visits = a table", "exchange"]);
    assert_refused("pass_again = 1\n", &["mix = pass_again", "exchange"]);
    let refused = |more: &str| parse(&format!("{exchange}{more}")).unwrap_err();
    let broken = refused("[backend]\nreset_per_mille = 1\n");
    assert!(broken.contains("mix.exchange = visits; allowed: a backend that answers"), "{broken}");
    let turned = refused("[visits]\nchecks = [3, 2]\n");
    assert!(turned.contains("visits.checks = 3; allowed: 0 to 2"), "{turned}");
    let often = refused("[visits]\nagain_per_mille = 1001\n");
    assert!(often.contains("visits.again_per_mille = 1001"), "{often}");
}

#[test]
fn accounts_are_changed_where_the_mix_has_their_people() {
    let account = SMALL.replace("valid", "account");
    let accounts = parse(&account).unwrap().accounts.unwrap();
    assert_eq!((accounts.per_s, accounts.stale_ms, accounts.unix), ([5, 5, 1], 1_000, true));
    assert!(parse(SMALL).unwrap().accounts.is_none());
    assert_refused("[accounts]\n", &["accounts = a table", "a mix with account"]);
    assert_refused("account_again = 1\n", &["mix = account_again"]);
    let refused = |more: &str| parse(&format!("{account}{more}")).unwrap_err();
    let two = refused("[gateway]\nnodes = 2\n");
    assert!(two.contains("gateway.nodes = 2; allowed: 1, or accounts.etcd"), "{two}");
    let often = refused("[accounts]\nfreezes_per_s = 90\nlifts_per_s = 90\n");
    assert!(often.contains("the sum of accounts.*_per_s = 181; allowed: 1 to 150"), "{often}");
    let soon = refused("[accounts]\nstale_ms = 499\n");
    assert!(soon.contains("accounts.stale_ms = 499; allowed: 500 to 10000"), "{soon}");
    let etcd = "[accounts]\netcd = [\"http://127.0.0.1:1\"]\n[gateway]\nnodes = 2\n";
    assert!(parse(&format!("{account}{etcd}")).is_ok());
    assert!(refused("[accounts]\netcd = [\"x\"]\n").contains("accounts.etcd = x"));
}

#[test]
fn an_account_state_may_be_unavailable_only_where_something_happens() {
    let account = SMALL.replace("valid", "account");
    assert!(!parse(&account).unwrap().terms(0).may_be_stale);
    let kill = "[[event]]\nat_s = 1\ndo = \"kill\"\n";
    assert!(parse(&format!("{account}{kill}")).unwrap().terms(0).may_be_stale);
    assert!(!parse(&format!("{SMALL}{kill}")).unwrap().terms(0).may_be_stale);
}
