use roxmltree::Document;

use super::axis::Range;
use super::*;

const TIME: Axis = Axis { label: "since the start", scale: Scale::Linear, unit: Unit::Seconds };
const LATENCY: Axis = Axis { label: "", scale: Scale::Log, unit: Unit::Time };

/// Bars as the side-by-side comparison draws them.
pub(in crate::report) fn comparison() -> String {
    let row = |label: &str, value, highlight| Bar {
        label: label.to_owned(),
        value,
        unit: "µs".to_owned(),
        highlight,
    };
    let rows = [
        row("nginx, plain proxy", 19.4, false),
        row("Yanma, everything on", 23.1, true),
        row("bare hyper proxy", 17.2, false),
        row("HAProxy, plain proxy", 22.8, false),
        row("HAProxy, jwt_verify + stick table", 214.0, false),
        row("Envoy <jwt_authn> & more", f64::NAN, false),
    ];
    bars("CPU time per request", "Two cores, HTTP/1.1, medians of 5 runs. Less is better.", &rows)
}

fn ticks(scale: Scale, values: &[f64]) -> Vec<f64> {
    Range::rounded(scale, values.iter().copied()).unwrap().ticks(5.0)
}

fn chart(points: Vec<(f64, f64)>) -> Chart {
    let series = vec![Series { name: "p99 <\"&".to_owned(), points }];
    Chart { title: "<\"&".to_owned(), x: TIME, y: LATENCY, series, marks: vec![1.0, 2.0, 1e9] }
}

#[test]
fn linear_ticks_are_round_and_begin_at_0() {
    assert_eq!(ticks(Scale::Linear, &[3.0, 4_870.0]), [0.0, 1e3, 2e3, 3e3, 4e3, 5e3]);
    assert_eq!(ticks(Scale::Linear, &[0.0]), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
    assert_eq!(ticks(Scale::Linear, &[61.0]).last(), Some(&80.0));
}

#[test]
fn log_ticks_enclose_the_values() {
    assert_eq!(ticks(Scale::Log, &[370.0, 1_840.0]), [200.0, 500.0, 1e3, 2e3]);
    assert_eq!(ticks(Scale::Log, &[120.0, 1.9e6]), [100.0, 1e3, 1e4, 1e5, 1e6]);
    assert_eq!(ticks(Scale::Log, &[0.0]), [1.0, 2.0, 5.0, 10.0]);
}

#[test]
fn each_nine_takes_the_same_room() {
    let range = Range::snug(Scale::Percentile, [0.0, 99.99, 100.0].into_iter()).unwrap();
    let place = |value| range.place(value).unwrap();
    let nine = place(90.0) - place(0.0);
    assert!((place(99.0) - place(90.0) - nine).abs() < 1e-9);
    assert!((place(99.9) - place(99.0) - nine).abs() < 1e-9);
    assert_eq!(range.place(100.0), None, "infinitely far to the right");
    assert_eq!(Unit::Percent.tick(99.99), "99.99 %");
}

#[test]
fn a_chart_is_well_formed_at_both_sizes() {
    let points = vec![(0.0, 400.0), (1.0, 500.0), (2.0, f64::NAN), (3.0, 9e5)];
    for size in [Size::Wide, Size::Narrow] {
        let svg = chart(points.clone()).svg(size).unwrap();
        let document = Document::parse(&svg).unwrap();
        assert_eq!(document.root_element().attribute("aria-label"), Some("<\"&"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let path = document.descendants().find(|node| node.attribute("class") == Some("line s1"));
        let path = path.unwrap().attribute("d").unwrap();
        assert_eq!(path.matches('M').count(), 2, "the line breaks where a second is missing");
    }
}

#[test]
fn a_chart_without_points_is_not_drawn() {
    assert!(chart(Vec::new()).svg(Size::Wide).is_none());
    assert!(chart(vec![(1.0, f64::NAN), (f64::INFINITY, 1.0)]).svg(Size::Wide).is_none());
    assert!(chart(vec![(0.0, 0.0)]).svg(Size::Narrow).is_some());
}

#[test]
fn every_label_lies_inside() {
    let mut chart = chart((0..60).map(|at| (f64::from(at), 500.0)).collect());
    chart.series = vec![chart.series[0].clone(); 6];
    for size in [Size::Wide, Size::Narrow] {
        let svg = chart.svg(size).unwrap();
        let document = Document::parse(&svg).unwrap();
        let sides = document.root_element().attribute("viewBox").unwrap();
        let height: f64 = sides.split(' ').next_back().unwrap().parse().unwrap();
        for text in document.descendants().filter(|node| node.has_tag_name("text")) {
            let y: f64 = text.attribute("y").unwrap().parse().unwrap();
            assert!((0.0..=height).contains(&y), "{y} of {height}");
        }
    }
}

#[test]
fn bars_stand_alone() {
    let svg = comparison();
    let document = Document::parse(&svg).unwrap();
    let widths: Vec<f64> = document
        .descendants()
        .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("bar ")))
        .map(|bar| bar.attribute("width").unwrap().parse().unwrap())
        .collect();
    assert_eq!(widths.len(), 6);
    assert!((widths[0] / widths[4] - 19.4 / 214.0).abs() < 0.01, "bars begin at 0");
    assert!(document.descendants().any(|node| node.has_tag_name("style")));
    Document::parse(&bars("", "", &[])).unwrap();
}
