//! How many entries a folder has, and that a module with children is a folder with `mod.rs`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::made_up::made_up;
use super::open::{CROWDED, PAIRS, assert_only_open};
use super::ranks::{CRATES, Crate};
use super::sources::{entries, file_name, folders_below};
use crate::harness::project::{root, short};

/// Files and folders in one folder of modules.
const ENTRIES_MAX: usize = 14;
/// The gateway's own folder holds the rooms of a request's whole way.
const GATEWAY_ENTRIES_MAX: usize = 22;

#[test]
fn folders_hold_few_entries() {
    let found: BTreeSet<String> = CRATES.iter().flat_map(|one| crowded(&one.source())).collect();
    assert_only_open("folders of too many entries", CROWDED, &found);
}

#[test]
fn a_module_with_children_is_a_folder() {
    let found: BTreeSet<String> =
        CRATES.iter().flat_map(Crate::files).filter_map(|f| pair(&f)).collect();
    assert_only_open("`x.rs` beside `x/`", PAIRS, &found);
}

/// What a person sees first. Each crate and document has its place below.
const TOP: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "README.zh-CN.md",
    "SECURITY.md",
    "benches",
    "clippy.toml",
    "config",
    "deny.toml",
    "gateway",
    "keyring",
    "loadtest",
    "rustfmt.toml",
    "tests",
];
#[test]
fn nothing_else_lies_at_the_top() {
    let strange: Vec<String> = at_the_top()
        .into_iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .collect();
    assert!(strange.is_empty(), "at the top of the project: {strange:?}");
}

/// What git keeps there. Outside of git nothing but the project lies in its folder.
fn at_the_top() -> BTreeSet<String> {
    let kept = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let kept = kept.ok().filter(|output| output.status.success() && !output.stdout.is_empty());
    match kept {
        Some(output) => {
            let names = String::from_utf8_lossy(&output.stdout).into_owned();
            names.lines().map(|name| name.split('/').next().unwrap_or(name).to_owned()).collect()
        }
        None => {
            let made = ["target", "sandbox"];
            let found = std::fs::read_dir(root()).expect("the project").flatten();
            let names = found.map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.filter(|name| !made.contains(&name.as_str())).collect()
        }
    }
}

fn crowded(source: &Path) -> Vec<String> {
    let is_crowded = |folder: &Path| {
        let most = if short(folder) == "gateway/src" { GATEWAY_ENTRIES_MAX } else { ENTRIES_MAX };
        entries(folder).len() > most
    };
    folders_below(source)
        .iter()
        .filter(|folder| is_crowded(folder))
        .map(|folder| short(folder))
        .collect()
}

/// The folder beside a file of the same name.
fn pair(file: &Path) -> Option<String> {
    let folder = file.with_extension("");
    folder.is_dir().then(|| short(file)).filter(|_| file.is_file())
}

#[test]
fn a_folder_of_fifteen_entries_is_found() {
    let names: Vec<String> = (0..15).map(|n| format!("a/{n}.rs")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let directory = made_up(&files);
    assert_eq!(crowded(directory.path()), [short(&directory.path().join("a"))]);
    files.pop();
    assert!(crowded(made_up(&files).path()).is_empty());
}

#[test]
fn a_file_beside_its_folder_is_found() {
    let directory = made_up(&[("a.rs", ""), ("a/b.rs", ""), ("c/mod.rs", "")]);
    let found: Vec<String> = entries(directory.path())
        .iter()
        .filter_map(|file| pair(file))
        .map(|f| file_name(f.as_ref()))
        .collect();
    assert_eq!(found, ["a.rs"]);
}
