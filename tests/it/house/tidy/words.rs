//! Words that no comment and no document has: subjects that do not say who acts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::open::WORDS;
use super::ranks::CRATES;
use super::reader::lexer::lex;
use super::sources::{entries, file_name, files_below};
use crate::harness::project::{read, root, short};

const UNWANTED: &[&str] = &["whoever", "nobody", "somebody", "anybody"];

#[test]
fn sentences_say_who_acts() {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in texts() {
        let lines = unwanted(&read(&file), &file);
        found.entry(area(&file)).or_default().extend(lines);
    }
    let wrong: Vec<String> = found
        .iter()
        .filter(|(area, lines)| lines.len() != allowed(area))
        .map(|(area, lines)| {
            format!("{area}: {} times, open.rs says {}: {lines:#?}", lines.len(), allowed(area))
        })
        .collect();
    assert!(wrong.is_empty(), "{UNWANTED:?} in comments and documents: {}", wrong.join("\n"));
}

fn allowed(area: &str) -> usize {
    WORDS.iter().find(|(known, _)| *known == area).map_or(0, |(_, count)| *count)
}

/// Each place of an unwanted word, with its line.
fn unwanted(text: &str, file: &Path) -> Vec<String> {
    let name = file_name(file);
    let prose: Vec<&str> = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("rs") => lex(text).comments.iter().flat_map(|comment| comment.lines()).collect(),
        Some("md") => text.lines().collect(),
        _ => text.lines().filter_map(|line| line.split_once('#')).map(|(_, after)| after).collect(),
    };
    let count = |line: &str| {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.filter(|word| UNWANTED.contains(&word.to_lowercase().as_str())).count()
    };
    prose
        .into_iter()
        .flat_map(|line| vec![format!("{}: {}", short(file), line.trim()); count(line)])
        .collect()
}

/// Our texts: code, documents, settings, programs of other languages.
fn texts() -> Vec<PathBuf> {
    let top = entries(root()).into_iter().filter(|path| path.is_file());
    let folders =
        entries(root()).into_iter().filter(|path| path.is_dir() && !path.ends_with("target"));
    top.chain(folders.flat_map(|folder| files_below(&folder, |inner| !inner.ends_with("target"))))
        .filter(|file| is_text(&file_name(file)))
        .collect()
}

fn is_text(name: &str) -> bool {
    const ENDINGS: &[&str] = &["rs", "md", "toml", "py", "service"];
    name == "run" || name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// The crate or folder of the top that a file belongs to; `.` for files of the top itself.
fn area(file: &Path) -> String {
    let inside = file.strip_prefix(root()).expect("a file of the project");
    let by_length = CRATES.iter().map(|one| one.path).filter(|path| inside.starts_with(path));
    by_length.max_by_key(|path| path.len()).map(str::to_owned).unwrap_or_else(|| {
        let folder = inside.parent().and_then(|folder| folder.components().next());
        folder.map_or(".".to_owned(), |folder| folder.as_os_str().to_string_lossy().into_owned())
    })
}

#[test]
fn unwanted_words_are_found_in_comments_and_documents_alone() {
    let found = |text: &str, name: &str| unwanted(text, Path::new(name)).len();
    assert_eq!(
        found("// Nobody's, or whoever's\nlet nobody = \"somebody\"; // nobody_", "a.rs"),
        2
    );
    assert_eq!(found("anybody\n`nobody`, everybody", "a.md"), 2);
    assert_eq!(found("a = \"nobody\" # somebody", "a.toml"), 1);
    assert_eq!(area(&root().join("README.md")), ".");
    assert_eq!(area(&root().join("config/loadtest/kills.toml")), "config");
    assert_eq!(area(&root().join("gateway/src/lib.rs")), "gateway");
}

#[test]
fn the_list_of_words_names_what_is_there() {
    for (area, count) in WORDS {
        let is_there = fs::exists(root().join(area)).expect("the project can be read");
        assert!(is_there && *count > 0, "{area}: delete it from open.rs");
    }
}
