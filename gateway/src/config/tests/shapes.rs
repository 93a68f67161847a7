use super::super::*;
use super::{parse, problems, with};
use crate::refusal::shape::{Infcode, Shape, Unknown};

const NUMBER: Shape = Shape::Fsi(Infcode::Number);
const TEXT: Shape = Shape::Fsi(Infcode::Text);

/// A second route.
fn route(keys: &str) -> String {
    with(&format!("[[route]]\npath = \"/a\"\nbackend = \"settlement\"\n{keys}"))
}

fn listener(keys: &str) -> String {
    with(&format!("[[listener]]\naddress = \"[::1]:1\"\n{keys}"))
}

#[test]
fn routes_and_listeners_refuse_as_problems_unless_they_say_otherwise() {
    for (keys, expected) in [
        ("", Shape::Problem),
        ("refusals = \"problem\"", Shape::Problem),
        ("refusals = \"code_message_data\"", Shape::CodeMessageData),
        ("refusals = \"fsi\"", NUMBER),
        ("refusals = \"fsi\"\ninfcode = \"number\"", NUMBER),
        ("refusals = \"fsi\"\ninfcode = \"string\"", TEXT),
    ] {
        let Config { listeners, .. } = parse(&listener(keys)).unwrap();
        assert_eq!(listeners[0].refusals, expected, "{keys}");
        let Config { routes, .. } = parse(&route(&format!("code = \"check\"\n{keys}"))).unwrap();
        assert_eq!(
            (routes[0].rule.refusals, routes[1].rule.refusals),
            (Shape::Problem, expected),
            "{keys}"
        );
    }
}

#[test]
fn a_route_that_spends_may_cut() {
    for (keys, expected) in [
        ("", Unknown::Answer),
        ("unknown = \"answer\"", Unknown::Answer),
        ("unknown = \"cut\"", Unknown::Cut),
    ] {
        let Config { routes, .. } = parse(&route(&format!("code = \"redeem\"\n{keys}"))).unwrap();
        assert_eq!(routes[1].rule.unknown, expected, "{keys}");
    }
}

#[test]
fn each_mistake_has_one_line_that_names_it() {
    let only_fsi = "infcode: only refusals = \"fsi\" has an infcode";
    let only_spending = "unknown = \"cut\": only a route that spends codes cuts";
    for (text, expected) in [
        (
            listener("refusals = \"xml\""),
            "refusals = \"xml\": must be \"problem\", \"fsi\" or \"co",
        ),
        (
            listener("refusals = \"xml\"\ninfcode = \"string\""),
            "listener[1].refusals = \"xml\": mu",
        ),
        (listener("infcode = \"string\""), only_fsi),
        (listener("unknown = \"cut\""), "listener[1].unknown is not a key"),
        (route("code = \"check\"\nrefusals = \"FSI\""), "route[2].refusals = \"FSI\": must be"),
        (
            route("code = \"check\"\nrefusals = \"code_message_data\"\ninfcode = \"number\""),
            only_fsi,
        ),
        (
            route("code = \"check\"\nrefusals = \"fsi\"\ninfcode = 1"),
            "infcode = 1: must be \"number\" or \"string\"",
        ),
        (
            route("code = \"redeem\"\nunknown = \"close\""),
            "unknown = \"close\": must be \"answer\" or \"cut\"",
        ),
        (route("code = \"check\"\nunknown = \"cut\""), only_spending),
        (route("code = \"none\"\nunknown = \"cut\""), only_spending),
    ] {
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?} for {text}");
    }
}
