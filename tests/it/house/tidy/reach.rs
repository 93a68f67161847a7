//! What serves in production reaches nothing of the sandbox.

use super::ranks::CRATES;
use super::reader::modules::Modules;
use crate::harness::project::short;

/// The room that only its own files, and the list of programs, may know.
const ROOM: [&str; 2] = ["cli", "sandbox"];
/// The list of programs: `cli/mod.rs`.
const PROGRAMS: [&str; 1] = ["cli"];

#[test]
fn only_the_sandbox_reaches_its_pages_and_its_stand_in() {
    let gateway = CRATES.iter().find(|one| one.package == "gateway").expect("the gateway");
    let modules = Modules::read(&gateway.source().join("lib.rs"));
    let inside = |path: &[String]| path.iter().take(2).eq(ROOM);
    let imports = modules.imports();
    let reaching: Vec<_> = imports.iter().filter(|one| inside(&one.imported)).collect();
    assert!(reaching.len() > 50, "the sandbox is looked for elsewhere");
    let wrong: Vec<String> = reaching
        .into_iter()
        .filter(|one| !inside(&one.importer) && !one.importer.iter().eq(PROGRAMS))
        .map(|one| format!("{} imports {}", short(&one.file), one.imported.join("::")))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
