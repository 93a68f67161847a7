use std::collections::BTreeSet;
use std::{env, fs, path::PathBuf};

use roxmltree::Document;

use super::html;
use crate::report::sample;
use crate::report::text::text;
use crate::report::value::{Report, json};

/// HTML that is XML too, so that a strict parser finds every tag and quote out of place.
fn parsed(page: &str) -> Document<'_> {
    let body = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    Document::parse(body).unwrap_or_else(|error| panic!("{error}"))
}

fn reports() -> [(&'static str, Report); 3] {
    [("clean", sample::clean()), ("dirty", sample::dirty()), ("empty", Report::default())]
}

#[test]
fn pages_are_well_formed_and_stand_alone() {
    for (name, report) in reports() {
        let page = html(&report);
        let page = parsed(&page);
        for node in page.descendants().filter(roxmltree::Node::is_element) {
            let tag = node.tag_name().name();
            assert!(!["script", "link", "img", "iframe", "a"].contains(&tag), "{name}: {tag}");
            for attribute in node.attributes() {
                let named = attribute.name();
                assert!(!named.starts_with("on") && named != "href" && named != "src", "{named}");
            }
            if tag == "style" {
                let style = node.text().unwrap();
                assert!(!style.contains("url(") && !style.contains("@import"), "{name}");
            }
        }
    }
}

#[test]
fn the_verdict_comes_first_and_in_words() {
    for (report, word) in [(sample::clean(), "CLEAN"), (sample::dirty(), "NOT CLEAN")] {
        let page = html(&report);
        let page = parsed(&page);
        let first = page.descendants().find(|node| node.has_tag_name("h2")).unwrap();
        assert_eq!(first.text(), Some(word));
    }
}

#[test]
fn doubts_about_the_run_stand_before_its_figures() {
    let page = html(&sample::dirty());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    let figures = place("class=\"tile\"");
    assert!(place("Not all of the load was sent") < figures);
    assert!(place("The tool was the limit") < figures);
}

#[test]
fn what_comes_from_outside_stays_text() {
    let page = html(&sample::dirty());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let evil = "<b>\"'&".to_owned();
    let report = Report {
        scenario: evil.clone(),
        description: evil.clone(),
        load: evil.clone(),
        started: evil.clone(),
        tool_version: evil.clone(),
        outcomes: vec![(evil, 1)],
        ..Report::default()
    };
    assert!(!html(&report).contains("<b>\""));
    parsed(&html(&report));
}

#[test]
fn every_chart_is_drawn_for_a_page_and_for_a_phone() {
    let page = html(&sample::dirty());
    let page = parsed(&page);
    let charts = page.descendants().filter(|node| node.tag_name().name() == "svg");
    let boxes: Vec<_> = charts.filter_map(|chart| chart.attribute("aria-label")).collect();
    assert_eq!(boxes.len(), 10);
    assert_eq!(boxes.iter().collect::<BTreeSet<_>>().len(), 5);
}

#[test]
fn an_empty_run_says_that_nothing_was_measured() {
    let page = html(&Report::default());
    assert!(page.contains("No answer was measured."));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

/// With `YANMA_REPORT_SAMPLES` set to a directory, leaves pages there to be looked at.
#[test]
fn samples_can_be_looked_at() {
    let Some(directory) = env::var_os("YANMA_REPORT_SAMPLES").map(PathBuf::from) else { return };
    for (name, report) in reports() {
        let path = |ending: &str| directory.join(format!("{name}.{ending}"));
        fs::write(path("html"), html(&report)).unwrap();
        fs::write(path("txt"), text(&report)).unwrap();
        fs::write(path("json"), json(&report)).unwrap();
    }
    fs::write(directory.join("bars.svg"), crate::report::chart::tests::comparison()).unwrap();
}
