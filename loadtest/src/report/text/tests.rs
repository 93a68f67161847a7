use super::*;
use crate::report::sample;
use crate::report::value::json;

#[test]
fn the_verdict_is_the_first_line() {
    assert!(text(&sample::clean()).starts_with("VERDICT  CLEAN\n"));
    let dirty = text(&sample::dirty());
    assert!(dirty.starts_with("VERDICT  NOT CLEAN\n"));
    assert!(dirty.contains("  ! 2 codes arrived at the backend twice.\n"));
    assert!(dirty.contains("THE TOOL WAS THE LIMIT"));
    assert!(dirty.contains("NOT ALL OF THE LOAD WAS SENT"));
    assert!(dirty.contains("3 starts never found a free connection"));
}

#[test]
fn no_line_is_longer_than_the_page_or_moves_the_cursor() {
    let mut long = sample::dirty();
    long.verdict.faults.push("word ".repeat(100));
    long.verdict.faults.push("w".repeat(300));
    long.classes.iter_mut().for_each(|row| row.class = row.class.repeat(5));
    for report in [sample::clean(), long, Report::default()] {
        for line in text(&report).lines() {
            assert!(line.chars().count() <= COLUMNS, "{line}");
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

#[test]
fn columns_line_up() {
    let mut table = Table::new(&[("what", Align::Left), ("µs", Align::Right)]);
    table.row(["a\u{1b}".to_owned(), "1".to_owned()]);
    table.row(["long".to_owned(), "1,000".to_owned()]);
    assert_eq!(table.text(), "WHAT     ΜS\na\u{fffd}        1\nlong  1,000\n");
}

#[test]
fn a_column_without_answers_has_no_values() {
    let empty = text(&Report::default());
    let p99 = empty.lines().find(|line| line.starts_with("p99 ")).unwrap();
    assert_eq!(p99.split_whitespace().collect::<Vec<_>>(), ["p99", "–", "–", "–"]);
}

#[test]
fn changed_accounts_are_told_in_every_form_with_what_must_be_0() {
    let mut report = sample::clean();
    let forms = [text(&report), crate::report::html(&report)];
    for form in forms {
        for part in
            ["freezes acknowledged", "APPROVED LATER", "4.10 ms / 61.0 ms / 88.2 ms", "1,204"]
        {
            assert!(form.contains(part), "{part}");
        }
    }
    let value: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
    assert_eq!(value["accounts"]["refused"]["account_frozen"], 1_204);
    assert_eq!(value["accounts"]["late_approvals"], 0);
    report.accounts = None;
    assert!(!text(&report).contains("freezes acknowledged"));
    assert!(!crate::report::html(&report).contains("freezes acknowledged"));
}

#[test]
fn json_names_outcomes_as_keys() {
    let value: serde_json::Value = serde_json::from_str(&json(&sample::clean())).unwrap();
    assert_eq!(value["outcomes"]["code_used"], 44_992);
    assert_eq!(value["seconds"][0]["p50_us"], 360);
    assert_eq!(value["verdict"]["clean"], true);
    let empty: serde_json::Value = serde_json::from_str(&json(&Report::default())).unwrap();
    assert_eq!(empty["sweep"], serde_json::Value::Null);
}
