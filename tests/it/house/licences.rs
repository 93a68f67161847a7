//! Enforces `deny.toml` from `cargo metadata`: licences, sources and duplicates of all that is
//! built. `cargo deny` reads the same file, but takes longer to install than all tests to run.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::harness::project::{read, root};

struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    source: Option<String>,
}

#[test]
fn every_licence_is_allowed() {
    let rules = rules();
    let allowed: BTreeSet<&str> = strings(&rules["licenses"]["allow"]).into_iter().collect();
    let refused: Vec<String> = packages()
        .into_iter()
        .filter(|package| !package.licence.as_deref().is_some_and(|text| allows(&allowed, text)))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.licence))
        .collect();
    assert!(refused.is_empty(), "not in deny.toml [licenses] allow: {refused:#?}");
}

#[test]
fn every_crate_comes_from_an_allowed_source() {
    let rules = rules();
    let allowed = strings(&rules["sources"]["allow-registry"]);
    for package in packages() {
        let Some(source) = package.source else { continue };
        let known = allowed.iter().any(|url| source == format!("registry+{url}"));
        assert!(known, "{} comes from {source}", package.name);
    }
}

#[test]
fn every_crate_is_built_in_one_version() {
    let rules = rules();
    let skipped: Vec<&str> = rules["bans"]["skip"]
        .as_array()
        .expect("[bans] skip is a list")
        .iter()
        .map(|entry| entry["crate"].as_str().expect("each entry of skip names a crate"))
        .collect();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        let skip = skipped.iter().any(|entry| names(entry, &package));
        if !skip {
            versions.entry(package.name).or_default().push(package.version);
        }
    }
    versions.retain(|_, found| found.len() > 1);
    assert!(versions.is_empty(), "in several versions, not in deny.toml skip: {versions:?}");
}

#[test]
fn no_exception_is_left_over() {
    let found = packages();
    for entry in rules()["bans"]["skip"].as_array().expect("[bans] skip is a list") {
        let entry = entry["crate"].as_str().expect("each entry of skip names a crate");
        assert!(found.iter().any(|p| names(entry, p)), "deny.toml skips {entry}, never built");
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
    for good in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND ISC"] {
        assert!(allows(&allowed, good), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND (GPL-3.0 OR LGPL-3.0)", ""] {
        assert!(!allows(&allowed, bad), "{bad}");
    }
    assert!(allows(&allowed, "Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
}

/// Whether one of the allowed licences may be chosen under an SPDX expression. `A/B` is the old
/// way to write `A OR B`.
fn allows(allowed: &BTreeSet<&str>, expression: &str) -> bool {
    let text = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut tokens: Vec<&str> = text.split_whitespace().rev().collect();
    let good = any_of(allowed, &mut tokens);
    good && tokens.is_empty()
}

fn any_of(allowed: &BTreeSet<&str>, tokens: &mut Vec<&str>) -> bool {
    let mut good = all_of(allowed, tokens);
    while tokens.pop_if(|token| *token == "OR").is_some() {
        good |= all_of(allowed, tokens);
    }
    good
}

fn all_of(allowed: &BTreeSet<&str>, tokens: &mut Vec<&str>) -> bool {
    let mut good = one(allowed, tokens);
    while tokens.pop_if(|token| *token == "AND").is_some() {
        good &= one(allowed, tokens);
    }
    good
}

fn one(allowed: &BTreeSet<&str>, tokens: &mut Vec<&str>) -> bool {
    match tokens.pop() {
        Some("(") => any_of(allowed, tokens) & (tokens.pop() == Some(")")),
        Some(licence) if tokens.pop_if(|token| *token == "WITH").is_some() => {
            let exception = tokens.pop().unwrap_or_default();
            allowed.contains(format!("{licence} WITH {exception}").as_str())
        }
        Some(licence) => allowed.contains(licence),
        None => false,
    }
}

/// `name@version`, where the version may be cut short: `syn@2`.
fn names(entry: &str, package: &Package) -> bool {
    entry.split_once('@').is_some_and(|(name, version)| {
        name == package.name && format!("{}.", package.version).starts_with(&format!("{version}."))
    })
}

fn rules() -> toml::Table {
    read(&root().join("deny.toml")).parse().expect("deny.toml is TOML")
}

fn strings(value: &toml::Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().filter_map(toml::Value::as_str).collect()
}

/// All packages that a build for Linux on x86-64 takes in, the workspace's own included.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo metadata starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a list of nodes");
    let built: BTreeSet<&str> = nodes.iter().filter_map(|node| node["id"].as_str()).collect();
    let all = metadata["packages"].as_array().expect("a list of packages");
    all.iter()
        .filter(|p| built.contains(p["id"].as_str().unwrap_or_default()))
        .map(package)
        .collect()
}

fn package(value: &Value) -> Package {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Package {
        name: text("name").expect("a package has a name"),
        version: text("version").expect("a package has a version"),
        licence: text("license"),
        source: text("source"),
    }
}
