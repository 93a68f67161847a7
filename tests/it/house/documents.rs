//! What a machine can check of documents: how long they are, and that what they name is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::tidy::ranks::CRATES;
use crate::harness::project::{read, root};

/// To be 14,000 when each part of the gateway has a folder of its own.
const ARCHITECTURE_BYTES: usize = 16_000;

/// Bytes that a document may have. A longer one is for more than one reader.
const SIZES: &[(&str, usize)] = &[
    ("README.md", 7 << 10),
    ("README.zh-CN.md", 7 << 10),
    ("config/README.md", 15 << 10),
    ("gateway/contract/clients.md", 5 << 10),
    ("gateway/contract/never-twice.md", 5 << 10),
    ("gateway/contract/http.md", 15 << 10),
    ("gateway/contract/hospitals.md", 5 << 10),
    ("gateway/contract/status.md", 5 << 10),
    ("gateway/contract/accounts.md", 7 << 10),
    ("gateway/contract/live.md", 9 << 10),
    ("config/etcd.md", 5 << 10),
    ("config/deploy/README.md", 5 << 10),
    ("keyring/FORMAT.md", 7 << 10),
    ("keyring/PASS.md", 6 << 10),
    ("gateway/src/process/README.md", 5 << 10),
    ("gateway/src/transport/README.md", 5 << 10),
    ("gateway/src/upstream/README.md", 5 << 10),
    ("gateway/body/README.md", 5 << 10),
    ("gateway/record/README.md", 6 << 10),
    ("gateway/registers/README.md", 5 << 10),
    ("gateway/replay/README.md", 5 << 10),
    ("gateway/src/idempotency/README.md", 5 << 10),
    ("gateway/replay/src/directory/README.md", 5 << 10),
    ("keyring/src/suite/README.md", 6 << 10),
    ("loadtest/README.md", 5 << 10),
    ("tests/README.md", 10 << 10),
    ("tests/samples/README.md", 4 << 10),
    ("benches/README.md", 11 << 10),
    ("ARCHITECTURE.md", ARCHITECTURE_BYTES),
    ("SECURITY.md", 19 << 10),
];

/// A runbook is read at night. Its lines are bounded too (`monitoring/runbooks.rs`).
const RUNBOOK_BYTES: usize = 5 << 10;

const ENDINGS: &[&str] = &["rs", "toml", "md", "py", "service", "svg"];

#[test]
fn documents_stay_short() {
    for (name, most) in SIZES {
        let bytes = read(&root().join(name)).len();
        assert!(bytes <= *most, "{name}: {bytes} bytes, at most {most}");
    }
    for runbook in documents().iter().filter(|document| is_runbook(document)) {
        let bytes = read(runbook).len();
        let name = runbook.display();
        assert!(bytes <= RUNBOOK_BYTES, "{name}: {bytes} bytes, at most {RUNBOOK_BYTES}");
    }
}

#[test]
fn every_document_has_a_size() {
    for document in documents() {
        let name = document.strip_prefix(root()).expect("below the root").display().to_string();
        if is_runbook(&document) {
            continue;
        }
        let is_listed = SIZES.iter().any(|(known, _)| *known == name) || name == "CHANGELOG.md";
        assert!(is_listed, "{name} has no size in documents.rs");
    }
}

#[test]
fn files_that_documents_name_are_there() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = read(&document);
        for name in names(&text).filter(|name| is_file_name(name)) {
            let is_there = expand(name).iter().all(|name| exists(name));
            if !is_there {
                missing.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_reader_of_names_reads_what_documents_write() {
    let text = "see `a/b.rs`, `c.toml` and `d/{e,f}.md`;\n```sh\n`g.rs`\n```\n`yanma check`";
    let found: Vec<&str> = names(text).filter(|name| is_file_name(name)).collect();
    assert_eq!(found, ["a/b.rs", "c.toml", "d/{e,f}.md"]);
    assert_eq!(expand("d/{e,f}.md"), ["d/e.md", "d/f.md"]);
}

fn is_runbook(document: &Path) -> bool {
    document.starts_with(root().join("config/runbooks"))
}

/// The documents at the top, in `config`, and in the crates.
fn documents() -> Vec<PathBuf> {
    let mut found = markdown_in(root());
    found.extend(FOLDERS.iter().flat_map(|folder| markdown_in(folder)));
    found
}

/// Each folder of the crates and of `config`, but for what is built.
static FOLDERS: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let tops = CRATES.iter().map(|one| one.path).filter(|path| !path.contains('/'));
    let mut found: Vec<PathBuf> = tops.chain(["config"]).map(|name| root().join(name)).collect();
    let mut next = 0;
    while let Some(folder) = found.get(next) {
        let inside = entries(folder).filter(|path| path.is_dir() && !path.ends_with("target"));
        found.extend(inside.collect::<Vec<_>>());
        next += 1;
    }
    found
});

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).expect("a folder of the project can be read");
    entries.map(|entry| entry.expect("a directory entry").path())
}

fn markdown_in(folder: &Path) -> Vec<PathBuf> {
    entries(folder).filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

/// What stands in backticks, outside blocks of code.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2))
}

/// A path to one of our kinds of files: no blank, no variable, no option.
fn is_file_name(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./{},".contains(letter))
}

/// `a/{b,c}.rs` names two files.
fn expand(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else { return vec![name.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![name.to_owned()] };
    choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
}

/// Names of files that operators make, and not the project.
const EXAMPLES: &[&str] = &["keyring.toml"];

/// Below the root or any folder: a table says before which folder it is about.
fn exists(name: &str) -> bool {
    EXAMPLES.contains(&name)
        || root().join(name).exists()
        || FOLDERS.iter().any(|folder| folder.join(name).exists())
}
