//! Which way imports run: from a folder or top-level file only to lower ones of its crate.

use std::path::{Path, PathBuf};

use super::ranks::{CRATES, Crate};
use super::reader::modules::Modules;
use crate::harness::project::short;

#[test]
fn imports_run_down_the_pipeline_only() {
    let wrong: Vec<String> = CRATES
        .iter()
        .flat_map(|one| upward_imports(&Modules::read(&root_file(&one.source())), one.ranks))
        .collect();
    assert!(wrong.is_empty(), "imports against the ranks: {wrong:#?}");
}

#[test]
fn every_module_has_a_rank() {
    let wrong: Vec<String> = CRATES.iter().flat_map(misranked).collect();
    assert!(wrong.is_empty(), "ranks.rs is not what is there: {wrong:#?}");
}

fn misranked(one: &Crate) -> Vec<String> {
    let modules = Modules::read(&root_file(&one.source()));
    differences(&modules, one.ranks)
        .into_iter()
        .map(|what| format!("{}: {what}", one.package))
        .collect()
}

fn differences(modules: &Modules, ranks: &[&str]) -> Vec<String> {
    let top = modules.top();
    let forgotten = top.iter().filter(|module| !ranks.contains(&module.as_str()));
    let gone = ranks.iter().filter(|module| !top.contains(**module));
    let twice = (1..ranks.len()).filter(|at| ranks[..*at].contains(&ranks[*at]));
    forgotten
        .map(|module| format!("{module} has no rank"))
        .chain(gone.map(|module| format!("{module} has a rank and is not there")))
        .chain(twice.map(|at| format!("{} has two ranks", ranks[at])))
        .collect()
}

fn upward_imports(modules: &Modules, ranks: &[&str]) -> Vec<String> {
    let rank = |path: &[String]| {
        let room = path.first()?;
        ranks.iter().position(|known| known == room)
    };
    modules
        .imports()
        .iter()
        .filter(|import| {
            rank(&import.importer).is_some_and(|importer| rank(&import.imported) > Some(importer))
        })
        .map(|import| format!("{} imports {}", short(&import.file), import.imported.join("::")))
        .collect()
}

/// The file of a crate that declares its modules.
fn root_file(source: &Path) -> PathBuf {
    let library = source.join("lib.rs");
    if library.exists() { library } else { source.join("main.rs") }
}

#[test]
fn an_upward_import_and_a_wrong_rank_are_found() {
    let directory = super::made_up::made_up(&[
        ("lib.rs", "mod low; mod high; mod room; pub use high::Thing;"),
        ("low.rs", "use crate::Thing;"),
        ("high.rs", "use crate::low; pub struct Thing;"),
        ("room/mod.rs", "mod inner; mod beside;"),
        ("room/inner.rs", "use crate::high::Thing; use super::beside;"),
        ("room/beside.rs", ""),
    ]);
    let modules = Modules::read(&root_file(directory.path()));
    assert_eq!(upward_imports(&modules, &["low", "high", "room"]).len(), 1);
    let found = upward_imports(&modules, &["low", "room", "high"]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].ends_with("room/inner.rs imports high"), "{found:?}");
    assert_eq!(
        differences(&modules, &["low", "high", "low", "none"]),
        ["room has no rank", "none has a rank and is not there", "low has two ranks",]
    );
}
