//! What the workspace's manifests and the example configurations say.

use std::path::Path;

use super::ranks::CRATES;
use super::sources::entries;
use crate::harness::project::{read, root, short};

fn manifest(folder: &Path) -> toml::Table {
    read(&folder.join("Cargo.toml")).parse().expect("a manifest is TOML")
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for one in CRATES {
        let lints = manifest(&one.folder()).remove("lints");
        let is_taken = lints.as_ref().and_then(|lints| lints.get("workspace"));
        assert_eq!(is_taken, Some(&true.into()), "{}: [lints] workspace = true", one.package);
    }
}

#[test]
fn the_list_of_crates_is_the_workspace() {
    let workspace = manifest(root());
    let members: Vec<&str> = workspace["workspace"]["members"]
        .as_array()
        .expect("members are a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    assert_eq!(members, CRATES.iter().map(|one| one.path).collect::<Vec<_>>());
    for one in CRATES {
        let name = manifest(&one.folder())["package"]["name"].as_str().map(str::to_owned);
        assert_eq!(name.as_deref(), Some(one.package), "{}", one.path);
    }
}

#[test]
fn the_example_configurations_load() {
    let examples: Vec<_> = entries(&root().join("config"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    assert!(examples.iter().any(|path| path.ends_with("config/gateway.toml")));
    for example in examples {
        if let Err(error) = gateway::config::Config::load(&example) {
            panic!("{}: {error}", short(&example));
        }
    }
}
