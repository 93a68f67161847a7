use super::*;

/// A run of 1,000 starts on two cores, by a tool and a gateway that were this busy.
fn run(late_by_tool: u64, busiest_thread_share: f64, cpu_share: f64) -> Report {
    Report {
        schedule: Schedule { planned: 1_000, late_by_tool, ..Schedule::default() },
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
    assert!(why.starts_with("11 of 1000 starts"), "{why}");
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
fn a_distribution_rises_to_the_greatest_value() {
    let mut histogram = Histogram::new_with_bounds(1, NS_PER_S, 3).unwrap();
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
