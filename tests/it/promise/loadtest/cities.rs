//! Places that are cut off from each other: what `config/README.md` promises of one, two and three
//! cities is played here with a gateway in each city and registers that are real Redis servers.

use super::{Ended, Play};
use crate::harness::project::root;

/// How often `word` was answered between each event of this name and the one after it.
fn answered_after(ended: &Ended, event: &str, word: &str) -> Vec<u64> {
    let events = ended.report["events"].as_array().expect("a list of events");
    let such = events.iter().filter(|one| one["what"] == event);
    such.map(|one| one["answers"][word].as_u64().unwrap_or_default()).collect()
}

#[tokio::test]
async fn two_cities_and_a_witness_lose_any_one_place_and_no_code_passes_twice() {
    let scenario = root().join("config/loadtest/cities.toml");
    let ended = Play::new("").run_file(&scenario, &["--rate", "60", "--duration", "50"]).await;
    ended.assert_clean();
    // The line between the cities is cut, the witness is cut off, a city has lost its register.
    let [line, witness, fire] = [
        "register 1 says and hears nothing for gateway 2",
        "register 3 is cut off",
        "gateway 2 answers again",
    ];
    let (approved, refused) = ("approved", "replay_store_unavailable");
    for cut in [line, witness, fire] {
        let first = answered_after(&ended, cut, approved)[0];
        assert!(first > 0 && answered_after(&ended, cut, refused)[0] == 0, "{cut}: {}", ended.said);
    }
    // City A alone, and at the end two places: who reaches one register refuses.
    let alone = answered_after(&ended, "register 3 is cut off for gateway 1", refused);
    assert!(alone[0] > 0, "{}", ended.said);
    // What was under way at the cut may still be approved. The judge knows what was not.
    let lost = [refused, approved].map(|word| answered_after(&ended, witness, word)[1]);
    assert!(lost[0] > 20 && lost[1] < 5, "{lost:?} {}", ended.said);
}

/// Gateway 1 and registers 1 and 2 are city A, gateway 2 and register 3 are city B.
const TWO_CITIES: &str = r#"
about = "Two cities alone: the line between them is cut."
[load]
connections = 8
[[phase]]
duration_s = 14
rate = 50
[mix]
valid = 1
replay_at_once = 1
[gateway]
nodes = 2
workers = 1
replay_capacity = 65536
verify_table_mib = 4
registers = 3
register_timeout_ms = 500
[[event]]
at_s = 3
do = "blackhole"
register = 3
node = 1
[[event]]
at_s = 3
do = "blackhole"
register = 1
node = 2
[[event]]
at_s = 3
do = "blackhole"
register = 2
node = 2
"#;

#[tokio::test]
async fn of_two_cities_alone_the_one_with_two_registers_goes_on() {
    let ended = Play::new(TWO_CITIES).run(&[]).await;
    ended.assert_clean();
    // Both cities are asked alike. The judge holds that each approval had a majority.
    let cut = "register 2 says and hears nothing for gateway 2";
    for word in ["approved", "replay_store_unavailable"] {
        assert!(answered_after(&ended, cut, word)[0] > 20, "{word}: {}", ended.said);
    }
}
