use std::fmt::Write as _;

use keyring::code::{Kind, Kinds};
use proptest::prelude::*;

use super::*;

/// The least that a file must say.
const LEAST: &str = "\
[replay]
store = \"local\"
[[backend]]
name = \"settlement\"
endpoints = [\"http://127.0.0.1:9001\"]
[[route]]
path = \"/\"
code = \"redeem\"
backend = \"settlement\"
";

const DOCUMENTED: &str = include_str!("../../../config/gateway.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/yanma"), Path::new("gateway.toml"))
}

/// The error's lines for a text that must have problems.
fn problems(text: &str) -> Vec<String> {
    let error = parse(text).err().unwrap_or_else(|| panic!("no problem in:\n{text}"));
    error.to_string().lines().map(str::to_owned).collect()
}

/// [`LEAST`] with further lines: `[table]` lines may repeat none of its own.
fn with(more: &str) -> String {
    format!("{LEAST}{more}\n")
}

/// [`LEAST`] with other backends and routes.
fn routed(routes: &str) -> String {
    let backends = ["a", "b"].iter().enumerate().fold(String::new(), |mut text, (i, name)| {
        let _ =
            writeln!(text, "[[backend]]\nname = \"{name}\"\nendpoints = [\"http://h:{}\"]", i + 1);
        text
    });
    format!("replay.store = \"local\"\n{backends}{routes}\n")
}

/// One route beside the backends a and b.
fn route(keys: &str) -> String {
    routed(&format!("[[route]]\npath = \"/pay\"\nbackend = \"a\"\n{keys}"))
}

fn assert_one(text: &str, expected: &str) {
    assert_eq!(problems(text), [expected], "in:\n{text}");
}

#[test]
fn the_documented_file_loads_and_holds_the_defaults() {
    let documented = parse(DOCUMENTED).unwrap();
    let least = parse(LEAST).unwrap();
    assert_eq!(documented.warnings(), &[] as &[String]);
    assert_eq!(documented.server, least.server);
    assert_eq!(documented.listeners, least.listeners);
    assert_eq!(documented.admin, least.admin);
    assert_eq!(documented.codes, least.codes);
    assert_eq!(documented.replay, least.replay);
    assert_eq!(documented.limits, least.limits);
    assert_eq!(documented.timeouts, least.timeouts);
    assert_eq!(documented.backends[0], least.backends[0]);
    assert_ne!(documented.digest, least.digest);
}

#[test]
fn the_documented_file_names_every_range() {
    let settings = [
        limits::WORKERS,
        limits::DRAIN_DELAY_MS,
        limits::DRAIN_TIMEOUT_MS,
        limits::SKEW_MS,
        limits::DISPLAY_DAYS,
        limits::REPLAY_CAPACITY,
        limits::REGISTERS_TIMEOUT_MS,
        limits::CONNECTIONS_MAX,
        limits::REQUESTS_IN_FLIGHT_MAX,
        limits::HEADER_BYTES_MAX,
        limits::HEADER_COUNT_MAX,
        limits::BODY_BYTES_MAX,
        limits::REPLY_BYTES_MAX,
        limits::H2_STREAMS_MAX,
        limits::HEADER_MS,
        limits::BODY_MS,
        limits::IDLE_MS,
        limits::WRITE_MS,
        limits::BACKEND_TIMEOUT_MS,
        limits::BACKEND_CONNECT_MS,
        limits::BACKEND_IDLE_MS,
        limits::BACKEND_CONNECTIONS_MAX,
    ];
    for setting in settings {
        let range = format!("{} to {}", setting.min, setting.max);
        assert!(DOCUMENTED.contains(&range), "{setting} is documented as {range}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = parse(&with("[server]\nkeyring = \"keys\"\ndata_dir = \"/var/y\"")).unwrap();
    assert_eq!(config.server.keyring, Path::new("/etc/yanma/keys"));
    assert_eq!(config.server.data_dir, Path::new("/var/y"));
}

#[test]
fn no_workers_means_one_per_core() {
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(parse(LEAST).unwrap().server.workers, cores);
    assert_eq!(parse(&with("[server]\nworkers = 3")).unwrap().server.workers, 3);
}

#[test]
fn a_route_has_its_defaults_by_what_it_does_with_codes() {
    let routes = |code| parse(&route(&format!("code = \"{code}\""))).unwrap().routes;
    for code in ["redeem", "check"] {
        let [route] = &routes(code)[..] else { panic!("one route") };
        assert_eq!((route.kinds, route.require_region), (Kinds::PAYMENT, true), "{code}");
    }
    let [route] = &routes("none")[..] else { panic!("one route") };
    assert_eq!((route.kinds, route.require_region), (Kinds::NONE, false));
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
    assert!(route.kinds.contains(Kind::Display) && route.kinds.contains(Kind::Payment));
    assert_eq!(route.min_auth, MinAuth::Biometric);
    assert_eq!(route.open_regions.as_ref().unwrap().len(), 2);
    let order: Vec<String> =
        route.region_backends.iter().map(|(prefix, i)| format!("{prefix} {i}")).collect();
    assert_eq!(order, ["370100 1", "37 1", "3 0"], "the longest first");
}

#[test]
fn a_route_without_methods_takes_all_but_connect_and_trace() {
    let routes = parse(LEAST).unwrap().routes;
    let allowed = |method| routes[0].allows(&method);
    assert!(allowed(http::Method::GET) && allowed(http::Method::from_bytes(b"PURGE").unwrap()));
    assert!(!allowed(http::Method::CONNECT) && !allowed(http::Method::TRACE));
    assert_eq!(routes[0].allow_header(), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/gateway.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/gateway.toml: cannot be read: No such file"), "{error}");
}

#[test]
fn a_file_is_loaded_from_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gateway.toml");
    std::fs::write(&file, LEAST).unwrap();
    assert_eq!(Config::load(&file).unwrap().server.keyring, dir.path().join("keyring"));
    let max = usize::try_from(limits::CONFIG_BYTES_MAX).unwrap();
    std::fs::write(&file, format!("{LEAST}#{}", "x".repeat(max))).unwrap();
    let error = Config::load(&file).unwrap_err().to_string();
    assert!(error.ends_with("gateway.toml: the file must have at most 1048576 bytes"), "{error}");
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_file() {
    let text = "[limits]\nh2_streams_max = 0\n[server]\nworkers = -1\n[admin]\nreload = 1\n";
    assert_eq!(
        problems(text),
        [
            "gateway.toml:2: limits.h2_streams_max = 0: must be 1 to 1000 streams",
            "gateway.toml:4: server.workers = -1: must be 0 to 512 workers",
            "gateway.toml:6: admin.reload = 1: must be true or false",
            "gateway.toml: replay.store is missing: must be \"local\" or \"registers\"; there is \
             no default: gateways that accept the same keys must share what is spent, and only \
             the operator knows whether there is one gateway or several",
            "gateway.toml: backend is missing: must be one or more [[backend]] tables",
            "gateway.toml: route is missing: must be one or more [[route]] tables",
        ]
    );
}

#[test]
fn what_is_no_toml_is_reported_by_line() {
    let found = problems("[server\nworkers = 1\n[limits]\nconnections_max = \n");
    assert!(found.len() >= 2, "{found:?}");
    assert!(found[0].starts_with("gateway.toml:1: "), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("gateway.toml:4: ")), "{found:?}");
}

/// A text with one mistake, and the one line that must come of it.
const MISTAKES: &[(&str, &str)] = &[
    ("sever = 1", "10: route[1].sever is not a key: must be one of path, code, "),
    ("[sever]", "10: sever is not a key: must be one of server, listener, admin, codes, replay, "),
    ("[limits]\nbody_byte_max = 1", "11: limits.body_byte_max is not a key: must be one of conn"),
    ("[limits]\nbody_bytes_max = \"1\"", "11: limits.body_bytes_max = \"1\": must be 1 to 67108"),
    ("[limits]\nbody_bytes_max = 1.5", "11: limits.body_bytes_max = 1.5: must be 1 to 67108864"),
    ("[limits]\nbody_bytes_max = 99999999999999999999", "11: limits.body_bytes_max = 9999999999"),
    ("[codes]\nskew_ms = 10_001", "11: codes.skew_ms = 10_001: must be 0 to 10000 milliseconds"),
    ("[server]\nenvironment = \"Prod\"", "11: server.environment = \"Prod\": must be 1 to 32 of"),
    ("[server]\nenvironment = \"\"", "11: server.environment = \"\": must be 1 to 32 of a-z, 0-9"),
    ("[server]\nkeyring = \"\"", "11: server.keyring = \"\": must be the path of a directory"),
    ("[server]\nworkers = []", "11: server.workers = []: must be 0 to 512 workers"),
    ("[[server]]\nworkers = 1", "10: server = "),
    ("[admin]\naddress = \"unix:/a\"", "11: admin.address = \"unix:/a\": must be an IP address"),
    ("[admin]\naddress = \"127.0.0.1:7460\"", "11: admin.address = \"127.0.0.1:7460\": must be"),
    ("[[listener]]", "10: listener[1].address is missing: must be an IP address and port such as"),
    ("[[listener]]\naddress = \"here\"", "11: listener[1].address = \"here\": must be an IP add"),
    (
        "[[listener]]\naddress = \"[::]:1\"\n[[listener]]\naddress = \"[::]:1\"",
        "12: listener[2].address = \"[::]:1\": another listener has it",
    ),
    (
        "[[backend]]\nname = \"settlement\"\nendpoints = [\"unix:/b\"]",
        "10: backend[2].name = \"settlement\": must be unique",
    ),
    ("[[backend]]\nname = \"b\"", "10: backend[2].endpoints is missing: must be an array of one"),
    (
        "[[backend]]\nname = \"b\"\nendpoints = []",
        "12: backend[2].endpoints = []: must be an array of 1 to 64 values; or leave the key out",
    ),
    (
        "[[backend]]\nname = \"b\"\nendpoints = [\"unix:/b\", \"https://h:1\"]",
        "12: backend[2].endpoints[2] = \"https://h:1\": must be http://host:port without a path",
    ),
    (
        "[[backend]]\nname = \"b\"\nendpoints = [\"http://H:1\", \"http://h:1\"]",
        "12: backend[2].endpoints[2] = \"http://h:1\": must be an endpoint that the backend does",
    ),
    (
        "[[route]]\npath = \"/a\"\ncode = \"check\"\nbackend = \"setlement\"",
        "13: route[2].backend = \"setlement\": must be the name of a backend: settlement",
    ),
    (
        "[[route]]\npath = \"/\"\ncode = \"redeem\"\nbackend = \"settlement\"",
        "10: route[2].path = \"/\": must be unique, compared without case",
    ),
];

#[test]
fn each_mistake_has_one_line_that_names_it() {
    for (mistake, expected) in MISTAKES {
        let found = problems(&with(mistake));
        let start = format!("gateway.toml:{expected}");
        assert!(found.len() == 1 && found[0].starts_with(&start), "{found:#?} for {mistake}");
    }
}

/// Keys of a route with one mistake, and how its line goes on after the place.
const ROUTE_MISTAKES: &[(&str, &str)] = &[
    ("", "route[1].code is missing: must be \"redeem\", \"check\" or \"none\""),
    ("code = \"pay\"", "route[1].code = \"pay\": must be \"redeem\", \"check\" or \"none\""),
    (
        "code = \"exchange\"",
        "route[1].code = \"exchange\": must be \"redeem\", \"check\" or \"none\"; this word is reserved",
    ),
    (
        "code = \"pass\"",
        "route[1].code = \"pass\": must be \"redeem\", \"check\" or \"none\"; this word is reserved",
    ),
    (
        "code = \"redeem\"\nkinds = [\"payment\", \"display\"]",
        "route[1].kinds[2] = \"display\": must be \"payment\" on a redeem route: a display code never pays",
    ),
    (
        "code = \"check\"\nkinds = [\"paying\"]",
        "route[1].kinds[1] = \"paying\": must be \"payment\" or \"display\"",
    ),
    (
        "code = \"check\"\nkinds = []",
        "route[1].kinds = []: must be an array of 1 to 2 values; or leave the key out",
    ),
    (
        "code = \"check\"\nmethods = [\"post\"]",
        "route[1].methods[1] = \"post\": must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, each once",
    ),
    (
        "code = \"check\"\nmethods = [\"GET\", \"GET\"]",
        "route[1].methods[2] = \"GET\": must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, each once",
    ),
    (
        "code = \"check\"\nmin_auth = \"face\"",
        "route[1].min_auth = \"face\": must be \"none\", \"password\" or \"biometric\"",
    ),
    (
        "code = \"check\"\nopen_regions = [\"3701000\"]",
        "route[1].open_regions[1] = \"3701000\": must be 1 to 6 digits, such as \"37\" or \"370100\", each once",
    ),
    (
        "code = \"check\"\nopen_regions = [37]",
        "route[1].open_regions[1] = 37: must be 1 to 6 digits, such as \"37\" or \"370100\", each once",
    ),
    (
        "code = \"check\"\nregion_backends = { \"x\" = \"b\" }",
        "route[1].region_backends.\"x\": the key must be 1 to 6 digits, such as \"37\" or \"370100\"",
    ),
    (
        "code = \"check\"\nregion_backends = { \"37\" = \"c\" }",
        "route[1].region_backends.\"37\" = \"c\": must be the name of a backend: a, b",
    ),
    (
        "code = \"none\"\nmin_auth = \"password\"",
        "route[1].min_auth: a route with code = \"none\" sees no code to ask",
    ),
    (
        "code = \"none\"\nrequire_region = true",
        "route[1].require_region: a route with code = \"none\" sees no code to ask",
    ),
];

#[test]
fn each_mistake_in_a_route_has_one_line_that_names_it() {
    for (keys, expected) in ROUTE_MISTAKES {
        let found = problems(&route(keys));
        assert!(found.len() == 1 && found[0].ends_with(expected), "{found:#?} for {keys}");
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

fn registers(store: &str, groups: &[&str]) -> String {
    let groups = groups.iter().fold(String::new(), |text, urls| {
        format!("{text}[[replay.group]]\nregisters = [{urls}]\n")
    });
    LEAST.replace("store = \"local\"\n", &format!("store = \"{store}\"\n{groups}"))
}

const THREE: &str = "\"redis://r:1\", \"redis://r:2\", \"redis://r:3\"";

#[test]
fn registers_are_understood_and_not_served_yet() {
    let refused = "gateway.toml:2: replay.store = \"registers\": must be \"local\": this version \
                   keeps what is spent on one node and has no registers yet";
    assert_one(&registers("registers", &[THREE]), refused);
    let five =
        "\"redis://s:1\", \"redis://s:2\", \"redis://s:3\", \"redis://s:4\", \"redis://s:5\"";
    assert_one(&registers("registers", &[THREE, five]), refused);
    let none = problems(&registers("registers", &[]));
    assert!(none.len() == 2 && none[1].contains("replay.group is missing"), "{none:#?}");
}

#[test]
fn groups_are_checked_whatever_the_store() {
    let config = parse(&registers("local", &[THREE])).unwrap();
    assert_eq!(config.warnings(), ["replay.group is not used: replay.store is \"local\""]);
    let cases = [
        ("\"redis://r:1\", \"redis://r:2\"", "replay.group[1].registers has 2: must be 3 or 5"),
        ("\"redis://r:1\", \"redis://R:1\", \"redis://r:2\"", "must be a register that is named"),
        ("\"r:1\", \"redis://r:2\", \"redis://r:3\"", "= \"r:1\": must be redis://host:port"),
    ];
    for (urls, expected) in cases {
        let found = problems(&registers("local", &[urls]));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?}");
    }
}

#[test]
fn what_looks_like_a_mistake_is_a_warning() {
    let slow = LEAST.replace("name =", "timeout_ms = 50001\nmaintenance = true\nname =");
    let text = format!(
        "{slow}[admin]\naddress = \"0.0.0.0:7461\"\n[server]\ndrain_timeout_ms = 50000\n\
         [[backend]]\nname = \"b\"\nendpoints = [\"unix:/b\"]\ntimeout_ms = 900"
    );
    let config = parse(&text).unwrap();
    let starts = [
        "admin.address = \"0.0.0.0:7461\" is not loopback",
        "server.drain_timeout_ms = 50000 is below the 50001 ms of backend \"settlement\"",
        "backend \"settlement\" has timeout_ms = 50001, above 50000",
        "backend \"settlement\" is in maintenance",
        "backend \"b\" has connect_ms = 1000 above timeout_ms = 900",
        "backend \"b\" has no route",
    ];
    assert_eq!(config.warnings().len(), starts.len(), "{:#?}", config.warnings());
    for (warning, start) in config.warnings().iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

proptest! {
    /// Whatever the text, the answer is a value or an error with lines, never a panic.
    #[test]
    fn any_text_is_answered(cut in 0..DOCUMENTED.len(), insert in "[\\[\\]\"=a-z0-9.\n# ]{0,8}") {
        let mut text = DOCUMENTED.to_owned();
        if text.is_char_boundary(cut) {
            text.insert_str(cut, &insert);
        }
        if let Err(error) = parse(&text) {
            prop_assert!(error.to_string().lines().all(|line| line.starts_with("gateway.toml")));
        }
    }

    #[test]
    fn a_number_is_taken_exactly_in_its_range(value in 0..=12_000_i64) {
        let config = parse(&with(&format!("[codes]\nskew_ms = {value}")));
        prop_assert_eq!(config.is_ok(), value <= 10_000);
        if let Ok(config) = config {
            prop_assert_eq!(config.codes.skew_ms, value);
        }
    }
}
