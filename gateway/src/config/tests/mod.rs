mod accounts;
mod admin;
mod messages;
mod routes;
mod shapes;

use proptest::prelude::*;

use super::*;
use ::record::WhenFull;

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

const DOCUMENTED: &str = include_str!("../../../../config/gateway.toml");

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

#[test]
fn the_documented_file_loads_and_holds_the_defaults() {
    let documented = parse(DOCUMENTED).unwrap();
    let least = parse(LEAST).unwrap();
    assert!(warnings::of(&documented).is_empty(), "{:?}", warnings::of(&documented));
    assert_eq!(documented.server, least.server);
    assert_eq!(documented.listeners, least.listeners);
    assert_eq!(documented.admin, least.admin);
    assert_eq!(documented.codes, least.codes);
    assert_eq!(documented.replay, least.replay);
    assert_eq!(documented.record, least.record);
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
        limits::VERIFY_TABLE_MIB,
        limits::SKEW_MS,
        limits::DISPLAY_DAYS,
        limits::REPLAY_CAPACITY,
        limits::REGISTERS_TIMEOUT_MS,
        limits::RECORD_UNVERIFIED_ONE_IN,
        limits::RECORD_QUEUE_ENTRIES,
        limits::RECORD_FILE_MIB_MAX,
        limits::RECORD_FILE_HOURS_MAX,
        limits::RECORD_KEEP_DAYS,
        limits::RECORD_FREE_MIB_MIN,
        limits::RECORD_SYNC_MS,
        limits::REGISTERS_EPOCH,
        limits::NODES,
        limits::BODY_MEMORY_MIB,
        limits::RETRY_STORE_MIB,
        limits::RETRY_ENTRIES_MAX,
        limits::RETRY_KEEP_S,
        limits::RETRY_CALLER_SHARE_PERCENT,
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
fn verification_tables_have_their_memory() {
    assert_eq!(parse(LEAST).unwrap().server.verify_table_bytes(), 128 << 20);
    let none = parse(&with("[server]\nverify_table_mib = 0")).unwrap();
    assert_eq!(none.server.verify_table_bytes(), 0);
}

#[test]
fn listeners_may_share_the_port_that_the_system_chooses() {
    let listener = "[[listener]]\naddress = \"127.0.0.1:0\"\n";
    let text = with(&format!("{listener}{listener}[admin]\naddress = \"127.0.0.1:0\""));
    assert_eq!(parse(&text).unwrap().listeners.len(), 2);
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
            "gateway.toml: replay.store is missing: must be \"local\", \"registers\" or \
             \"local-unshared\"; there is no default: gateways that accept the same keys must share what is spent, and only \
             the operator knows whether there is one gateway or several",
            "gateway.toml: backend is missing: must be one or more [[backend]] tables",
            "gateway.toml: route is missing: must be one or more [[route]] tables",
        ]
    );
}

/// A file on the disk, as an editor saved it.
fn load(bytes: &[u8]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    std::fs::write(&path, bytes).unwrap();
    Config::load(&path)
        .map_err(|error| error.to_string().replace(&*dir.path().to_string_lossy(), ""))
}

#[test]
fn a_file_of_another_system_is_taken_or_told_once_what_it_is() {
    for good in [format!("\u{feff}{LEAST}"), LEAST.replace('\n', "\r\n"), LEAST.replace(' ', "\t")]
    {
        load(good.as_bytes()).unwrap();
    }
    let utf16: Vec<u8> = LEAST.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, says) in [
        (
            LEAST.replace('\n', "\r").into_bytes(),
            "/gateway.toml: line 1 ends with a carriage return",
        ),
        (utf16, "/gateway.toml: this is UTF-16 text"),
        (b"# \xd1\xe9\n".to_vec(), "/gateway.toml: line 1 holds the byte 0xd1, which is not UTF-8"),
        (b"\x7fELF\0\0".to_vec(), "/gateway.toml: line 1 holds a NUL byte"),
    ] {
        let said = load(&bytes).unwrap_err();
        assert!(said.starts_with(says) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_slip_of_the_pen_is_told_with_what_to_write() {
    let said = problems(&LEAST.replace("\"local\"", "“local”")).join("\n");
    assert!(said.contains("gateway.toml:2: ") && said.contains("(U+201C) is not '\"'"), "{said}");
    let said = problems(&LEAST.replace("[[backend]]", "[backend]")).join("\n");
    assert!(said.contains("backend is a single table: write [[backend]]"), "{said}");
    let yaml = "a:\n".repeat(40);
    assert_eq!(problems(&yaml).len(), 11, "{:?}", problems(&yaml));
    assert!(problems(&yaml)[10].contains("is no TOML in"), "{:?}", problems(&yaml));
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
    ("sever = 1", "10: route[1].sever is not a key: must be one of path, methods, code, "),
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
    ("[record]\nwhen_full = \"block\"", "11: record.when_full = \"block\": must be \"drop\" or"),
    ("[log]\nformat = \"xml\"", "11: log.format = \"xml\": must be \"text\" or \"json\""),
    (
        "[log]\nlevel = \"debug\"",
        "11: log.level = \"debug\": must be \"info\", \"warning\" or \"er",
    ),
    ("[trace]\nspans = \"on\"", "11: trace.spans = \"on\": must be true or false"),
    ("[record]\nnode = \"A\"", "11: record.node = \"A\": must be 1 to 32 of a-z, 0-9 and -"),
    ("[record]\nkeep_days = 183", "10: record.keep_days = 183: must be 0 (nothing is deleted) or"),
    ("[record]\nsubject_key = \"\"", "11: record.subject_key = \"\": must be a path, relative to"),
    ("[[listener]]", "10: listener[1].address is missing: must be an IP address and port such as"),
    ("[[listener]]\naddress = \"here\"", "11: listener[1].address = \"here\": must be an IP add"),
    (
        "[[listener]]\naddress = \"[::]:1\"\n[[listener]]\naddress = \"[::]:1\"",
        "12: listener[2].address = \"[::]:1\": another listener has it",
    ),
    (
        "[[listener]]\naddress = \"0.0.0.0:1\"\n[[listener]]\naddress = \"127.0.0.1:1\"",
        "12: listener[2].address = \"127.0.0.1:1\": another listener has it, as \"0.0.0.0:1\"",
    ),
    (
        "[[listener]]\naddress = \"unix:/r//s\"\n[[listener]]\naddress = \"unix:/r/a/../s\"",
        "12: listener[2].address = \"unix:/r/a/../s\": another listener has it, as \"unix:/r//s\"",
    ),
    ("[admin]\naddress = \"0.0.0.0:7460\"", "11: admin.address = \"0.0.0.0:7460\": must be an IP"),
    (
        "[[listener]]\naddress = \"[::1]:1\"\ngroup = \"adm\"",
        "10: listener[1].group: only a listener",
    ),
    ("[record]\ngroup = \"adm\"", "10: record.group: give the record a directory outside"),
    (
        "[record]\ngroup = \"a b\"\ndirectory = \"/r\"",
        "11: record.group = \"a b\": must be the name",
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
        "[[backend]]\nname = \"b\"\nendpoints = [\"http://127.1:1\", \"http://localhost.:01\"]",
        "12: backend[2].endpoints[2] = \"http://localhost.:01\": must be an endpoint that the back",
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

/// One endpoint is one, however it is written. Else a path that two servers read differently could
/// pay without spending.
#[test]
fn a_redeem_route_below_a_check_route_is_seen_through_every_spelling() {
    let text = |endpoint: &str| {
        with(&format!(
            "[[route]]\npath = \"/a\"\ncode = \"check\"\nbackend = \"settlement\"\n\
             [[route]]\npath = \"/a/pay\"\ncode = \"redeem\"\nbackend = \"b\"\n\
             [[backend]]\nname = \"b\"\nendpoints = [\"{endpoint}\"]"
        ))
    };
    for same in [
        "http://127.0.0.1:9001",
        "http://127.1:9001",
        "http://0x7f000001:09001",
        "http://[::ffff:127.0.0.1]:9001",
        "http://0.0.0.0:9001",
        "http://LocalHost.:9001",
        "http://[::1]:9001",
    ] {
        let found = problems(&text(same));
        let is_told = found.len() == 1 && found[0].contains("must not lie below");
        assert!(is_told, "{same}: {found:#?}");
    }
    for other in ["http://127.0.0.1:9002", "http://10.0.0.1:9001", "http://settle:9001"] {
        assert!(parse(&text(other)).is_ok(), "{other}");
    }
    let sockets = |a: &str, b: &str| text(b).replace("http://127.0.0.1:9001", a);
    for (a, b) in [("unix:/r/s", "unix:/r//x/../s"), ("unix:s", "unix:/etc/yanma/./s")] {
        assert!(problems(&sockets(a, b))[0].contains("must not lie below"), "{a} {b}");
    }
}

#[test]
fn a_backend_that_is_the_gateway_itself_is_a_warning() {
    for (listener, endpoint, is_us) in [
        ("127.0.0.1:7460", "http://localhost:7460", true),
        ("0.0.0.0:80", "http://127.0.0.1:80", true),
        ("10.0.0.5:80", "http://10.0.0.5:80", true),
        ("127.0.0.1:80", "http://127.0.0.1:7461", true),
        ("unix:/r/s", "unix:/r/./s", true),
        ("0.0.0.0:80", "http://10.0.0.5:80", false),
        ("127.0.0.1:80", "http://127.0.0.1:81", false),
    ] {
        let text = LEAST.replace("http://127.0.0.1:9001", endpoint);
        let config = parse(&format!("{text}[[listener]]\naddress = \"{listener}\"")).unwrap();
        let told = warnings::of(&config).iter().any(|warning| warning.contains("itself listens"));
        assert_eq!(told, is_us, "{listener} {endpoint}: {:?}", warnings::of(&config));
    }
}

fn registers(store: &str, groups: &[&str]) -> String {
    let groups = groups.iter().fold(String::new(), |text, urls| {
        format!("{text}[[replay.group]]\nregisters = [{urls}]\n")
    });
    LEAST.replace("store = \"local\"\n", &format!("store = \"{store}\"\n{groups}"))
}

const THREE: &str = "\"redis://r:1\", \"redis://r:2\", \"redis://r:3\"";

#[test]
fn registers_are_read() {
    let five =
        "\"redis://s:1\", \"redis://s:2\", \"redis://s:3\", \"redis://s:4\", \"redis://s:5\"";
    let config = parse(&registers("registers", &[THREE, five])).unwrap();
    let read = config.replay.registers.unwrap();
    let sizes: Vec<usize> = read.groups.iter().map(Vec::len).collect();
    assert_eq!((sizes, read.timeout_ms, read.epoch), (vec![3, 5], 50, 1));
    let none = problems(&registers("registers", &[]));
    assert!(none.len() == 1 && none[0].contains("replay.group is missing"), "{none:#?}");
}

#[test]
fn groups_are_checked_whatever_the_store() {
    let config = parse(&registers("local", &[THREE])).unwrap();
    assert_eq!(
        warnings::of(&config),
        ["replay.group is not used: replay.store is not \"registers\""]
    );
    assert_eq!(config.replay.registers, None);
    let cases = [
        ("\"redis://r:1\", \"redis://r:2\"", "replay.group[1].registers has 2: must be 3 or 5"),
        ("\"redis://r:1\", \"redis://R:1\", \"redis://r:2\"", "must be a register that is named"),
        ("\"redis://127.1:1\", \"redis://localhost:1/2\", \"redis://r:2\"", "named nowhere else"),
        ("\"r:1\", \"redis://r:2\", \"redis://r:3\"", "registers[1]: must be redis://host:port"),
    ];
    for (urls, expected) in cases {
        let found = problems(&registers("local", &[urls]));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?}");
    }
}

#[test]
fn a_password_is_not_repeated_by_a_sentence() {
    let found = problems(&registers(
        "registers",
        &["\"redis://u:secret@r\", \"redis://r:2\", \"redis://r:3\""],
    ));
    assert!(found.len() == 1 && !found[0].contains("secret"), "{found:#?}");
}

#[test]
fn several_nodes_without_registers_must_be_asked_for_by_name() {
    let with = |store: &str| registers(store, &[]).replacen("[replay]", "[replay]\nnodes = 2", 1);
    let found = problems(&with("local"));
    assert!(found.len() == 1 && found[0].contains("because replay.nodes is 2"), "{found:#?}");
    let config = parse(&with("local-unshared")).unwrap();
    assert!(
        warnings::of(&config)[0].contains("a code can be used 2 times"),
        "{:?}",
        warnings::of(&config)
    );
}

#[test]
fn old_groups_need_an_epoch() {
    let old = format!(
        "{}\n[[replay.old_group]]\nregisters = [{THREE}]",
        registers("registers", &[THREE])
    );
    let found = problems(&old);
    assert!(found.len() == 1 && found[0].contains("replay.epoch is 1"), "{found:#?}");
    assert!(parse(&old.replacen("[replay]", "[replay]\nepoch = 2", 1)).is_ok());
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
    assert_eq!(warnings::of(&config).len(), starts.len(), "{:#?}", warnings::of(&config));
    for (warning, start) in warnings::of(&config).iter().zip(starts) {
        assert!(warning.starts_with(start), "{warning}");
    }
}

#[test]
fn the_record_is_on_and_lies_in_the_data_directory() {
    let config = parse(&with("[server]\ndata_dir = \"/var/lib/yanma\"")).unwrap();
    assert!(config.record.enabled);
    assert_eq!(config.record.directory, Path::new("/var/lib/yanma/record"));
    assert_eq!((config.record.when_full, config.record.keep_days), (WhenFull::Drop, 0));
}

#[test]
fn a_queue_that_is_smaller_than_what_holds_places_is_a_warning() {
    let text = "[record]\nqueue_entries = 256\nwhen_full = \"refuse\"";
    let config = parse(&with(text)).unwrap();
    assert!(warnings::of(&config)[0].starts_with("record.queue_entries = 256 is below limits."));
    let config = parse(&with(&text.replace("refuse", "drop"))).unwrap();
    assert!(warnings::of(&config).is_empty());
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
