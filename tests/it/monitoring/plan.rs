//! `yanma plan`: its fragment is a configuration, and bad input gets a sentence.

use std::fs;

use crate::harness::Setup;
use crate::harness::process::{run, run_well};

/// The part of a plan that goes into a configuration. No register is asked: each gets a port of this
/// machine on which nothing listens.
fn fragment(plan: &str) -> String {
    let (_, fragment) = plan.split_once("\n[replay]").expect("a fragment at the end");
    let mut parts = fragment.split("redis://");
    let mut here = format!("[replay]{}", parts.next().expect("the first part"));
    for (port, part) in (1..).zip(parts) {
        let (_, after) = part.split_once('"').expect("the end of an address");
        here += &format!("redis://127.0.0.1:{port}\"{after}");
    }
    here
}

#[tokio::test]
async fn each_fragment_passes_the_check_with_the_rest_of_an_example() {
    let setup = Setup::new().await;
    let path = setup.write();
    let mut rest: toml::Table = fs::read_to_string(&path).expect("a file").parse().expect("TOML");
    assert!(rest.remove("replay").is_some());
    let mut grid = Vec::new();
    for cities in ["1", "2", "3"] {
        for rate in ["10", "100000", "1000000"] {
            grid.push((cities, rate, "1"));
        }
    }
    grid.push(("1", "10", "0"));
    for (cities, rate, lost) in grid {
        let arguments =
            ["plan", "--rate", rate, "--cities", cities, "--nodes-lost", lost, "--rtt-ms", "2"];
        let plan = run_well(setup.directory(), &arguments).await;
        fs::write(&path, format!("{rest}\n{}", fragment(&plan))).expect("written");
        let file = path.to_str().expect("plain letters");
        let output = run(setup.directory(), &["check", "--config", file]).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}\n{plan}");
        // The table is as large as the plan says, and so are the sums.
        let slots = said.lines().find_map(|line| line.strip_prefix("replay table   "));
        let slots = slots.and_then(|text| text.split_once(" slots")).expect("a table").0;
        assert!(plan.contains(&format!("\ncapacity = {slots}\n")), "{arguments:?}: {said}\n{plan}");
        let table = |text: &str| {
            text.lines()
                .find(|line| line.contains("from the start"))
                .map(str::trim)
                .map(str::to_owned)
        };
        assert_eq!(table(&said), table(&plan), "{arguments:?}");
        assert_eq!(plan.contains("store = \"local\""), lost == "0", "{plan}");
    }
}

#[tokio::test]
async fn bad_input_gets_a_sentence() {
    let setup = Setup::new().await;
    fs::write(setup.directory().join("none.json"), "{}").expect("written");
    for (arguments, status, says) in [
        (&["--rate", "0"][..], 64, "0 is not in 1..=1000000000"),
        (&["--rate", "10", "--cities", "4"], 64, "allowed: 1, 2 or 3"),
        (&["--rate", "10", "--nodes", "2", "--nodes-lost", "2"], 64, "none is left"),
        (&["--rate", "10", "--rtt-ms", "fast"], 64, "allowed: milliseconds"),
        (&["--rate", "10", "--measured", "nowhere"], 1, "nowhere: No such file"),
        (&["--rate", "10", "--measured", "none.json"], 1, "yanma-loadtest run SCENARIO --json"),
        (&[], 64, "--rate"),
    ] {
        let output = run(setup.directory(), &[&["plan"], arguments].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_measured_cost_takes_the_place_of_ours() {
    let setup = Setup::new().await;
    let report = "{\"scenario\":\"ours\",\"answered_per_s\":10000.0,\
                  \"gateways\":[{\"cpu_share\":0.6}],\"verdict\":{\"clean\":true}}";
    fs::write(setup.directory().join("report.json"), report).expect("written");
    let arguments = ["plan", "--rate", "10000", "--measured", "report.json"];
    let plan = run_well(setup.directory(), &arguments).await;
    assert!(plan.contains("60.0 us of CPU") && plan.contains("scenario \"ours\""), "{plan}");
    assert!(plan.contains("cores          1.0 in all"), "{plan}");
}
