use std::fmt::Write as _;

use keyring::code::{Kind, Kinds};

use super::super::*;
use super::{LEAST, parse, problems};

/// Routes beside the backends a and b.
fn routed(routes: &str) -> String {
    let backends = ["a", "b"].iter().enumerate().fold(String::new(), |mut text, (i, name)| {
        let _ =
            writeln!(text, "[[backend]]\nname = \"{name}\"\nendpoints = [\"http://h:{}\"]", i + 1);
        text
    });
    format!("replay.store = \"local\"\n{backends}{routes}\n")
}

/// One route.
fn route(keys: &str) -> String {
    routed(&format!("[[route]]\npath = \"/pay\"\nbackend = \"a\"\n{keys}"))
}

#[test]
fn a_route_has_its_defaults_by_what_it_does_with_codes() {
    let routes = |code| parse(&route(&format!("code = \"{code}\""))).unwrap().routes;
    for code in ["redeem", "check"] {
        let [route] = &routes(code)[..] else { panic!("one route") };
        assert_eq!((route.rule.kinds, route.rule.require_region), (Kinds::PAYMENT, true), "{code}");
    }
    let [route] = &routes("none")[..] else { panic!("one route") };
    assert_eq!((route.rule.kinds, route.rule.require_region), (Kinds::NONE, false));
}

#[test]
fn a_route_takes_a_code_a_pass_or_either() {
    let uses = |code: &str| {
        let [route] = &parse(&route(&format!("code = {code}"))).unwrap().routes[..] else {
            panic!("one route")
        };
        let RuleConfig { code, pass, .. } = route.rule;
        (code, pass, route.rule.spends(), route.rule.takes_passes())
    };
    for (code, expected) in [
        ("\"exchange\"", (CodeUse::Exchange, PassUse::None, true, true)),
        ("\"pass\"", (CodeUse::None, PassUse::Spend, true, true)),
        ("\"pass_check\"", (CodeUse::None, PassUse::Check, false, true)),
        ("[\"pass\", \"redeem\"]", (CodeUse::Redeem, PassUse::Spend, true, true)),
        ("[\"check\", \"pass_check\"]", (CodeUse::Check, PassUse::Check, false, true)),
        ("\"none\"", (CodeUse::None, PassUse::None, false, false)),
    ] {
        assert_eq!(uses(code), expected, "{code}");
    }
}

#[test]
fn a_route_reads_all_its_keys() {
    let config = parse(&route(
        "code = \"check\"\nmethods = [\"GET\", \"POST\"]\nkinds = [\"display\", \"payment\"]\n\
         min_auth = \"biometric\"\nrequire_region = false\nopen_regions = [\"37\", \"3301\"]\n\
         region_backends = { \"3\" = \"a\", \"370100\" = \"b\", \"37\" = \"b\" }",
    ));
    let [route] = &config.unwrap().routes[..] else { panic!("one route") };
    assert_eq!(route.allow_header(), "GET, POST");
    assert!(route.allows(&http::Method::GET) && !route.allows(&http::Method::PUT));
    assert!(route.rule.kinds.contains(Kind::Display) && route.rule.kinds.contains(Kind::Payment));
    assert_eq!(route.rule.min_auth, MinAuth::Biometric);
    assert_eq!(route.rule.open_regions.as_ref().unwrap().len(), 2);
    let order: Vec<String> =
        route.rule.region_backends.iter().map(|(prefix, i)| format!("{prefix} {i}")).collect();
    assert_eq!(order, ["370100 1", "37 1", "3 0"], "the longest first");
}

#[test]
fn a_route_without_methods_takes_those_that_there_are() {
    let routes = parse(&route("code = \"redeem\"")).unwrap().routes;
    let allowed = |method| routes[0].allows(&method);
    assert!(allowed(http::Method::GET) && allowed(http::Method::OPTIONS));
    for other in [&b"PURGE"[..], b"get", b"PO!ST"] {
        assert!(!allowed(http::Method::from_bytes(other).unwrap()));
    }
    assert!(!allowed(http::Method::CONNECT) && !allowed(http::Method::TRACE));
    assert_eq!(routes[0].allow_header(), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

/// Keys of a route with one mistake, and what its one line must say.
const MISTAKES: &[(&str, &str)] = &[
    (
        "",
        "code is missing: must be \"redeem\", \"check\", \"exchange\", \"pass\", \"pass_check\" or \"",
    ),
    (
        "code = \"pay\"",
        "code = \"pay\": must be \"redeem\", \"check\", \"exchange\", \"pass\", \"pass_",
    ),
    (
        "code = [\"pass\", \"pass_check\"]",
        "code = [\"pass\", \"pass_check\"]: must be \"redeem\", ",
    ),
    ("code = [\"redeem\", \"none\"]", "code = [\"redeem\", \"none\"]: must be \"redeem\", "),
    ("code = [\"redeem\"]", "code = [\"redeem\"]: must be \"redeem\", "),
    (
        "code = \"pass\"\nkinds = [\"payment\"]",
        "kinds: a route that reads no code has no kinds of code",
    ),
    (
        "code = \"exchange\"\nkinds = [\"display\"]",
        "kinds[1] = \"display\": must be \"payment\" on a redeem route: a display code never pays",
    ),
    (
        "code = \"redeem\"\nkinds = [\"payment\", \"display\"]",
        "kinds[2] = \"display\": must be \"payment\" on a redeem route: a display code never pays",
    ),
    ("code = \"check\"\nkinds = [\"pay\"]", "kinds[1] = \"pay\": must be \"payment\" or \"displ"),
    ("code = \"check\"\nkinds = []", "kinds = []: must be an array of 1 to 2 values; or leave"),
    ("code = \"check\"\nmethods = [\"post\"]", "methods[1] = \"post\": must be one of GET, HEAD, "),
    (
        "code = \"check\"\nmethods = [\"GET\", \"GET\"]",
        "methods[2] = \"GET\": must be one of GET, ",
    ),
    ("code = \"check\"\nmin_auth = \"face\"", "min_auth = \"face\": must be \"none\", \"password"),
    (
        "code = \"check\"\nopen_regions = [\"3701000\"]",
        "open_regions[1] = \"3701000\": must be 1 to 6 digits, such as \"37\" or \"3701",
    ),
    ("code = \"check\"\nopen_regions = [37]", "open_regions[1] = 37: must be 1 to 6 digits"),
    ("code = \"check\"\nopen_regions = [\"37\", \"37\"]", "open_regions[2] = \"37\": must be 1 to"),
    (
        "code = \"check\"\nregion_backends = { \"x\" = \"b\" }",
        "region_backends.\"x\": the key must be 1 to 6 digits, such as \"37\" or \"370100\"",
    ),
    (
        "code = \"check\"\nregion_backends = { \"37\" = \"c\" }",
        "region_backends.\"37\" = \"c\": must be the name of a backend: a, b",
    ),
    ("code = \"check\"\nregion_backends = 37", "region_backends = 37: must be a table"),
    ("code = \"none\"\nkinds = [\"payment\"]", "kinds: a route with code = \"none\" sees no code"),
    ("code = \"none\"\nmin_auth = \"password\"", "min_auth: a route with code = \"none\" sees no"),
    ("code = \"none\"\nrequire_region = true", "require_region: a route with code = \"none\" se"),
    ("code = \"none\"\nopen_regions = [\"37\"]", "open_regions: a route with code = \"none\" sees"),
    (
        "code = \"none\"\nregion_backends = { \"37\" = \"b\" }",
        "region_backends: a route with code = \"none\" sees no code to ask",
    ),
];

#[test]
fn each_mistake_in_a_route_has_one_line_that_names_it() {
    for (keys, expected) in MISTAKES {
        let found = problems(&route(keys));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?} for {keys}");
    }
}

#[test]
fn paths_of_routes_are_plain() {
    for path in ["", "a", "/a/", "/a//b", "/a/../b", "/a;b", "/%2f", "/医保", "/a?b"] {
        let text =
            routed(&format!("[[route]]\npath = \"{path}\"\ncode = \"check\"\nbackend = \"a\""));
        let found = problems(&text);
        assert!(found.len() == 1 && found[0].contains("must be a plain path"), "{found:#?}");
    }
}

#[test]
fn a_redeem_route_below_one_that_spends_nothing_needs_another_backend() {
    let two = |outer: &str, inner: &str| {
        routed(&format!("[[route]]\nbackend = \"a\"\n{outer}\n[[route]]\n{inner}"))
    };
    let check = "path = \"/Api\"\ncode = \"check\"";
    let none = "path = \"/\"\ncode = \"none\"";
    let regional = "path = \"/\"\ncode = \"check\"\nregion_backends = { \"37\" = \"b\" }";
    let pay = "path = \"/api/pay\"\ncode = \"redeem\"\nbackend";
    for (outer, backend) in [(check, "a"), (none, "a"), (regional, "a"), (regional, "b")] {
        let found = problems(&two(outer, &format!("{pay} = \"{backend}\"")));
        let expected = "route[2].path = \"/api/pay\": a redeem route must not lie below";
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?}");
    }
    for (outer, inner) in [
        (check, "path = \"/api/pay\"\ncode = \"redeem\"\nbackend = \"b\""),
        (check, "path = \"/apis/pay\"\ncode = \"redeem\"\nbackend = \"a\""),
        (check, "path = \"/\"\ncode = \"redeem\"\nbackend = \"a\""),
        (none, "path = \"/pay\"\ncode = \"check\"\nbackend = \"a\""),
        ("path = \"/\"\ncode = \"redeem\"", "path = \"/pay\"\ncode = \"redeem\"\nbackend = \"a\""),
    ] {
        assert!(parse(&two(outer, inner)).is_ok(), "{outer}\n{inner}");
    }
}

#[test]
fn one_endpoint_under_two_names_is_one_backend() {
    let alias = "[[backend]]\nname = \"c\"\nendpoints = [\"http://H:1\"]\n";
    let routes = "[[route]]\npath = \"/\"\ncode = \"none\"\nbackend = \"a\"\n\
                  [[route]]\npath = \"/pay\"\ncode = \"redeem\"\nbackend = \"c\"";
    let found = problems(&routed(&format!("{alias}{routes}")));
    assert!(found.len() == 1 && found[0].contains("must not lie below"), "{found:#?}");
}

#[test]
fn the_same_path_twice_is_one_problem_whatever_the_routes_do() {
    let routes = "[[route]]\npath = \"/Pay\"\ncode = \"none\"\nbackend = \"a\"\n\
                  [[route]]\npath = \"/pay\"\ncode = \"redeem\"\nbackend = \"a\"";
    let found = problems(&routed(routes));
    assert!(found.len() == 1 && found[0].contains("must be unique"), "{found:#?}");
}

#[test]
fn the_path_of_status_is_for_no_route() {
    let routes = |path: &str| LEAST.replace("path = \"/\"", &format!("path = \"{path}\""));
    let status = |path: &str| format!("[status]\npath = \"{path}\"\n");
    let config = parse(&format!("{}{}", routes("/pay"), status("/yanma/redemptions"))).unwrap();
    assert_eq!(config.status.unwrap().path, "/yanma/redemptions");
    assert_eq!(parse(LEAST).unwrap().status, None);
    for (route, path, said) in [
        ("/", "/yanma/redemptions", "the route \"/\" matches every path"),
        ("/yanma", "/Yanma/redemptions", "the route \"/yanma\" must be neither it, above it"),
        ("/yanma/redemptions", "/yanma/redemptions", "must be neither it, above it nor below it"),
        ("/yanma/redemptions/pay", "/yanma/redemptions", "above it nor below it"),
        ("/pay", "/metrics", "the admin listener has its page /metrics there"),
        ("/pay", "/yanma/", "a plain path such as"),
    ] {
        let problems = problems(&format!("{}{}", routes(route), status(path)));
        assert!(problems.iter().any(|line| line.contains(said)), "{problems:?}");
    }
    let missing = problems(&format!("{}[status]\n", routes("/pay")));
    assert!(missing.iter().any(|line| line.contains("status.path is missing")), "{missing:?}");
    let unknown = problems(&format!("{}{}x = 1", routes("/pay"), status("/y")));
    assert!(unknown.iter().any(|line| line.contains("status.x is not a key")), "{unknown:?}");
}
