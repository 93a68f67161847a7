//! The house rules that a machine can check: which way imports run, how long a file may be,
//! where `unsafe` may stand, which names say nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of each crate in pipeline order: a module may import those above it, never one
/// below. To find where a change belongs, read down this list.
const KEYRING: &[&str] = &[
    "time", "text", "p256", "code", "seal", "key", "key_set", "verify", "mint", "store", "ceremony",
];
#[rustfmt::skip]
const GATEWAY: &[&str] = &[
    // what anything may use
    "limits", "request_id", "refusal", "target", "host", "config",
    "descriptors",
    // rules about a request, each a pure function
    "headers", "route", "policy", "replay", "retry",
    // what a worker holds
    "io", "sweep", "shares", "strict", "frames", "connection", "client_stream", "body_memory", "body",
    "endpoints", "upstream", "metrics", "health", "record", "snapshot", "batch",
    "code_requests", "worker",
    // the way of a request
    "call", "head", "reply", "repeat", "forward", "spend", "exchange", "service", "accept",
    // the process
    "crew", "signals", "tables", "state", "reload", "notify", "takeover", "orders",
    "scrape", "admin", "server", "start", "standin", "cli",
];

#[rustfmt::skip]
const LOADTEST: &[&str] = &[
    // what anything may use
    "clock", "dice", "procfs", "address", "stream",
    // rules, each a pure function
    "outage", "outcome", "class", "ledger", "judge", "tally", "scenario", "schedule",
    // keys, and what is signed with them
    "signer", "site", "shelf", "codes",
    // both ends of a gateway, and the gateway
    "client", "pacer", "backend", "admin", "life", "node",
    // the registers, and the ways to them
    "link", "register",
    // a run
    "crew", "measured", "events", "report", "summary", "timeline", "run", "sweep", "cli",
];

/// The crates whose modules are ranked.
const RANKED: [(&str, &[&str]); 3] =
    [("keyring", KEYRING), ("gateway", GATEWAY), ("loadtest", LOADTEST)];

/// The only files that may hold `unsafe`, each with a `// SAFETY:` for every block.
const UNSAFE: &[&str] = &["keyring/src/p256/ifma.rs", "gateway/src/replay/memory.rs"];

/// Files of 100 to 350 lines read well; a longer one holds more than one thing.
const FILE_LINES_MAX: usize = 500;

const FORBIDDEN_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager"];

#[test]
fn imports_run_down_the_pipeline_only() {
    let wrong: Vec<String> =
        RANKED.into_iter().flat_map(|(name, ranked)| upward_imports(name, ranked)).collect();
    assert!(wrong.is_empty(), "imports against the pipeline: {wrong:#?}");
}

#[test]
fn every_module_has_a_rank() {
    for (name, ranked) in RANKED {
        for file in sources(name) {
            let Some(module) = module_of(name, &file) else { continue };
            assert!(ranked.contains(&module.as_str()), "{name}: {module} has no rank in tidy.rs");
        }
        for module in ranked {
            let source = root().join(name).join("src");
            let exists = source.join(format!("{module}.rs")).exists()
                || source.join(module).join("mod.rs").exists();
            assert!(exists, "{name}: tidy.rs ranks {module}, which is not there");
        }
    }
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = CRATES
        .iter()
        .flat_map(|name| sources(name))
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, file)| format!("{}: {lines} lines", short(&file)))
        .collect();
    assert!(long.is_empty(), "more than one thing in a file? {long:#?}");
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for name in CRATES {
        let manifest: toml::Table =
            read(&root().join(name).join("Cargo.toml")).parse().expect("a manifest is TOML");
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(lints, Some(&toml::Value::Boolean(true)), "{name}: [lints] workspace = true");
    }
}

#[test]
fn the_list_of_crates_is_the_workspace() {
    let manifest: toml::Table =
        read(&root().join("Cargo.toml")).parse().expect("the workspace manifest is TOML");
    let members: Vec<&str> = manifest["workspace"]["members"]
        .as_array()
        .expect("members are a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    assert_eq!(members, CRATES);
}

#[test]
fn the_example_configurations_load() {
    let examples: Vec<PathBuf> = fs::read_dir(root().join("config"))
        .expect("config/ holds the documented examples")
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    assert!(examples.iter().any(|path| path.ends_with("config/gateway.toml")));
    for example in examples {
        if let Err(error) = gateway::config::Config::load(&example) {
            panic!("{}: {error}", short(&example));
        }
    }
}

#[test]
fn names_say_what_is_inside() {
    for file in CRATES.iter().flat_map(|name| sources(name)) {
        let path = short(&file);
        let vague = path
            .trim_end_matches(".rs")
            .split('/')
            .find(|part| FORBIDDEN_NAMES.iter().any(|name| part.split('_').any(|p| p == *name)));
        assert!(vague.is_none(), "{path}: {} says nothing", vague.unwrap_or_default());
    }
}

#[test]
fn unsafe_stands_only_where_it_may() {
    for file in CRATES.iter().flat_map(|name| sources(name)) {
        let path = short(&file);
        if UNSAFE.contains(&path.as_str()) || path == "tests/it/tidy.rs" {
            continue;
        }
        let found = read(&file)
            .lines()
            .map(code_of)
            .position(|line| words(line).any(|word| word == "unsafe"));
        assert!(found.is_none(), "{path}:{}: unsafe", found.map_or(0, |at| at + 1));
    }
}

#[test]
fn nothing_is_left_open() {
    for file in CRATES.iter().flat_map(|name| sources(name)) {
        let path = short(&file);
        if path == "tests/it/tidy.rs" {
            continue;
        }
        for mark in ["todo!(", "unimplemented!(", "TODO", "FIXME", "XXX"] {
            assert!(!read(&file).contains(mark), "{path}: {mark} left open");
        }
    }
}

#[test]
fn the_import_reader_reads_groups_and_paths() {
    let text = "use crate::code::Code;\nuse crate::{\n    key::{Key, self},\n    seal,\n};\n\
                // crate::store is only named here\nfn f() { crate::verify::go() }\n\
                #[cfg(test)]\nmod tests { use crate::ceremony; }";
    assert_eq!(imports(text), ["code", "key", "seal", "verify"]);
}

pub(crate) const CRATES: &[&str] = &[
    "keyring",
    "gateway/sys",
    "gateway/clock",
    "gateway/registers",
    "gateway",
    "loadtest",
    "benches",
    "tests",
];

/// The top of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn upward_imports(name: &str, ranked: &[&str]) -> Vec<String> {
    let rank = |module: &str| ranked.iter().position(|known| *known == module);
    let mut wrong = Vec::new();
    for file in sources(name) {
        let Some(module) = module_of(name, &file) else { continue };
        for import in imports(&read(&file)) {
            if rank(&import) > rank(&module) {
                wrong.push(format!("{}: {module} imports {import}", short(&file)));
            }
        }
    }
    wrong
}

/// `gateway/src/cli/mint.rs` belongs to module `cli`; `lib.rs` and `main.rs` to none, and files
/// that are built for tests alone may look wherever they need.
fn module_of(name: &str, file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join(name).join("src")).ok()?;
    let is_test = inside.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        ["tests", "sample", "interleavings", "model"].contains(&part.trim_end_matches(".rs"))
    });
    let first = inside.components().next()?.as_os_str().to_string_lossy().into_owned();
    let module = first.trim_end_matches(".rs").to_owned();
    (!is_test && module != "lib" && module != "main").then_some(module)
}

/// The modules named after `crate::`, in `use` or in a path, outside comments and tests.
fn imports(text: &str) -> Vec<String> {
    let body = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code: String = body.lines().map(code_of).collect::<Vec<_>>().join("\n");
    code.split("crate::").skip(1).flat_map(heads).collect()
}

/// The first names of what follows `crate::`: one name, or those of a group in braces.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![words(rest).next().unwrap_or_default().to_owned()];
    };
    let mut depth = 0_usize;
    let mut found = vec![String::new()];
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(String::new()),
            _ if depth == 0 => found.last_mut().expect("never empty").push(letter),
            _ => {}
        }
    }
    found.iter().filter_map(|path| words(path).next()).map(str::to_owned).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|w| !w.is_empty())
}

fn code_of(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn sources(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().join(name), &mut found);
    found.sort();
    found
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a crate's directory can be read") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
