use super::*;
use crate::report::value::Percentiles;

/// A run of 1,000 starts on two cores, by a tool and a gateway that were this busy.
fn run(late_by_tool: u64, busiest_thread_share: f64, cpu_share: f64) -> Report {
    Report {
        schedule: ScheduleSummary { planned: 1_000, late_by_tool, ..ScheduleSummary::default() },
        tool: ToolCost { busiest_thread_share, ..ToolCost::default() },
        gateways: vec![GatewayCost { cpu_share, ..GatewayCost::default() }],
        ..Report::default()
    }
}

#[test]
fn a_tool_that_is_at_ease_is_no_bottleneck() {
    assert_eq!(bottleneck(&run(10, 0.89, 0.1), 0, 2), None);
}

#[test]
fn more_than_a_hundredth_of_late_starts_is_one() {
    let why = bottleneck(&run(11, 0.1, 0.1), 0, 2).unwrap();
    assert!(why.starts_with("11 of 1000 starts") && why.contains("machine is too busy"), "{why}");
    let why = bottleneck(&run(11, 0.95, 0.1), 0, 2).unwrap();
    assert!(why.contains("ran for 95 %") && why.contains("needs more threads"), "{why}");
}

#[test]
fn a_busy_thread_is_one_unless_the_gateway_is_busy_too() {
    let why = bottleneck(&run(0, 0.95, 1.6), 0, 2).unwrap();
    assert!(why.contains("95 %") && why.contains("80 %"), "{why}");
    assert_eq!(bottleneck(&run(0, 0.95, 1.8), 0, 2), None);
    // One worker has one core, on whatever machine.
    assert_eq!(bottleneck(&run(0, 0.95, 0.9), 1, 2), None);
    assert!(bottleneck(&run(0, 0.95, 0.9), 2, 8).is_some());
}

#[test]
fn a_busy_thread_is_the_limit_where_the_gateways_cost_is_not_known() {
    let unknown = Report { gateways: Vec::new(), ..run(0, 0.95, 0.0) };
    let why = bottleneck(&unknown, 0, 2).unwrap();
    assert!(why.contains("--pid") && !why.contains("0 % of their"), "{why}");
}

#[test]
fn starts_that_were_never_made_are_said_loudly() {
    let text = "about = \"x\"\n[[phase]]\nduration_s = 1\nrate = 1\n[mix]\nvalid = 1\n";
    let scenario = Scenario::parse(std::path::Path::new("x"), text).unwrap();
    let mut counters = Counters::new(0);
    counters.starts.planned = 3;
    (0..3).for_each(|_| counters.count_start_after_waiting());
    assert_eq!(schedule(&counters, &scenario).shortfall, None);
    counters.starts.planned = 5;
    let schedule = schedule(&counters, &scenario);
    let why = schedule.shortfall.unwrap();
    assert!(why.starts_with("2 of 5 starts never found") && why.contains("32 conn"), "{why}");
    assert_eq!(schedule.never_started, 2);
}

#[test]
fn answers_after_the_end_are_no_proof_of_a_rate_or_a_cost() {
    let second =
        |number| SecondSummary { second: number, answered: 100, ..SecondSummary::default() };
    let seconds: Vec<SecondSummary> = (0..4).map(second).collect();
    assert_eq!(answered_within(&seconds, 2.0), 200);
}

#[test]
fn a_distribution_rises_to_the_greatest_value() {
    let mut histogram = Histogram::new_with_bounds(1, 1_000_000_000, 3).unwrap();
    (1..=1_000_u64).for_each(|n| histogram.record(n * 1_000).unwrap());
    let points = distribution(&histogram);
    assert!(points.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1));
    let (percent, us) = *points.last().unwrap();
    assert!((percent - 100.0).abs() < 1e-9 && (999.0..1_002.0).contains(&us), "{percent} {us}");
    assert!(points.len() < 100, "{}", points.len());
}

#[test]
fn an_empty_histogram_has_no_percentiles() {
    let empty = Histogram::new(3).unwrap();
    assert_eq!(percentiles(&empty), Percentiles::default());
    assert!(distribution(&empty).len() <= 1);
}
