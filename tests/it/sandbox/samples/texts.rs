//! The text of each sample, also of those that no test runs.

use super::programs::sample;
use crate::harness::contract::REFUSALS;
use crate::harness::project::read;

const RUN: [&str; 5] = ["pay.py", "Pay.java", "Pay.cs", "pay.go", "pay.pas"];
const NOT_RUN: [&str; 2] = ["PayDelphi.dpr", "pay.powerbuilder.txt"];

fn all() -> impl Iterator<Item = (&'static str, String)> {
    RUN.into_iter().chain(NOT_RUN).map(|file| (file, read(&sample(file))))
}

#[test]
fn each_sample_knows_the_contract() {
    let actions = REFUSALS.iter().map(|row| row.action.as_str());
    let names =
        ["Yanma-Code", "Idempotency-Key", "Yanma-Outcome", "Yanma-Request-Id", "X-Request-Id"];
    let paths = ["/pay", "/query", "/yanma/redemptions"];
    let members = ["message_zh", "error_code", "redemption", "final", "not_seen", "running"];
    let wanted: Vec<&str> = actions.chain(names).chain(paths).chain(members).collect();
    for (file, text) in all() {
        for word in &wanted {
            assert!(text.contains(word), "{file} does not name {word}");
        }
    }
}

#[test]
fn each_head_says_what_is_switched_off_and_on() {
    for (file, text) in all() {
        let head: Vec<&str> = text.lines().take(45).collect();
        let has = |mark: &str| head.iter().any(|line| line.contains(mark));
        assert!(has("OFF  ") && has("ON   "), "{file}");
        assert_eq!(has("NOT RUN"), NOT_RUN.contains(&file), "{file}");
    }
}

#[test]
fn sentences_for_the_cashier_come_from_the_answer() {
    for (file, text) in all() {
        let chinese = text.chars().find(|letter| ('\u{2e80}'..='\u{9fff}').contains(letter));
        assert_eq!(chinese, None, "{file}");
    }
}

#[test]
fn a_sample_that_is_not_named_here_is_not_tested() {
    let folder = sample("");
    let entries = std::fs::read_dir(folder).expect("the samples");
    for entry in entries {
        let name = entry.expect("an entry").file_name();
        let is_known = all().any(|(file, _)| name == file) || name == "README.md";
        assert!(is_known, "{name:?}");
    }
}
