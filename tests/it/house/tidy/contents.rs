//! What stands in a file: how many lines, which names, where `unsafe`, nothing left open.

use std::path::Path;

use super::reader::lexer::lex;
use super::sources::rust_files;
use crate::harness::project::{read, short};

/// The only files that may hold `unsafe`, each with a `// SAFETY:` for every block.
const UNSAFE: &[&str] =
    &["keyring/src/suite/p256/engines/ifma/mod.rs", "gateway/replay/src/memory.rs"];

/// Files of 100 to 350 lines read well; a longer one holds more than one thing.
const FILE_LINES_MAX: usize = 500;

const FORBIDDEN_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager"];

/// In two pieces, so that this file has none of them.
const MARKS: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

#[test]
fn files_stay_short() {
    let long: Vec<String> = rust_files()
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, file)| format!("{}: {lines} lines", short(&file)))
        .collect();
    assert!(long.is_empty(), "more than one thing in a file? {long:#?}");
}

#[test]
fn names_say_what_is_inside() {
    let vague: Vec<String> =
        rust_files().map(|file| short(&file)).filter(|path| is_vague(path)).collect();
    assert!(vague.is_empty(), "names that say nothing: {vague:#?}");
}

fn is_vague(path: &str) -> bool {
    let words = path.trim_end_matches(".rs").split(['/', '_']);
    words.into_iter().any(|word| FORBIDDEN_NAMES.contains(&word))
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let files = rust_files().filter(|file| !UNSAFE.contains(&short(file).as_str()));
    let wrong: Vec<String> = files.filter_map(|file| first_unsafe(&read(&file), &file)).collect();
    assert!(wrong.is_empty(), "unsafe: {wrong:#?}");
    for name in UNSAFE {
        assert!(rust_files().any(|file| short(&file) == *name), "{name} is not there");
    }
}

fn first_unsafe(text: &str, file: &Path) -> Option<String> {
    let found = lex(text).tokens.into_iter().find(|token| token.text == "unsafe")?;
    Some(format!("{}:{}", short(file), found.line))
}

#[test]
fn nothing_is_left_open() {
    let wrong: Vec<String> =
        rust_files().filter(|file| is_left_open(&read(file))).map(|file| short(&file)).collect();
    assert!(wrong.is_empty(), "one of {MARKS:?}: {wrong:#?}");
}

fn is_left_open(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

#[test]
fn the_readers_of_contents_find_what_is_wrong() {
    assert!(is_vague("a/b_utils/c.rs") && is_vague("manager.rs") && !is_vague("a/utilise.rs"));
    let text = "// unsafe\nlet a = \"unsafe\";\nunsafe { b() }";
    assert_eq!(first_unsafe(text, Path::new("c.rs")).as_deref(), Some("c.rs:3"));
    assert_eq!(first_unsafe("/* unsafe */ \"unsafe\"", Path::new("c.rs")), None);
    assert!(is_left_open(concat!("// TO", "DO: more")) && !is_left_open("done"));
}
