use super::*;

fn kept() -> Report {
    let mut report = Report::default();
    report.verdict.clean = true;
    report.latency.approved.p99_us = 9_000;
    report.outcomes = vec![("approved".to_owned(), 900), ("code_used".to_owned(), 100)];
    report
}

#[test]
fn a_step_is_kept_up_to_its_limit() {
    assert!(is_kept(&kept(), 9_000) && !is_kept(&kept(), 8_999));
    let mut slow_refusals = kept();
    slow_refusals.latency.refused.p99_us = 9_001;
    assert!(!is_kept(&slow_refusals, 9_000));
}

#[test]
fn a_gateway_that_sends_most_away_has_not_kept_a_rate() {
    let mut report = kept();
    report.outcomes.push(("overloaded".to_owned(), 1));
    assert!(!is_kept(&report, 9_000));
}

#[test]
fn a_step_that_was_not_sent_whole_is_not_kept() {
    let mut report = kept();
    report.schedule.shortfall = Some("starts are missing".to_owned());
    assert!(!is_kept(&report, 9_000));
    let mut report = kept();
    report.tool.bottleneck = Some("busy".to_owned());
    assert!(!is_kept(&report, 9_000));
}
