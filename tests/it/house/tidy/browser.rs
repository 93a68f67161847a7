//! What a browser is given: short modules and styles of ours, and nothing that runs text as code.
//!
//! The policy of our answers (`Content-Security-Policy`) refuses most of this too. Here it is found
//! before a browser does.

use std::path::{Path, PathBuf};

use super::sources::{files_below, rust_files};
use crate::harness::project::{read, root, short};

/// A module does one thing.
const MODULE_LINES_MAX: usize = 250;
const STYLE_LINES_MAX: usize = 600;

/// What makes text into code or markup, or names a place that is not ours.
const IN_SCRIPTS: &[&str] = &[
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "eval(",
    "new Function",
    "setTimeout('",
    "setTimeout(\"",
    ".style.",
    ".setAttribute('style'",
    "javascript:",
    "import(",
    "http://",
    "https://",
];
const IN_STYLES: &[&str] = &["@import", "url(", "expression(", "http://", "https://"];
/// As an attribute of HTML, in a file or in the macro that writes it.
const IN_MARKUP: &[&str] =
    &[" style=", " onclick=", " onload=", " onerror=", " onsubmit=", " onchange=", "PreEscaped"];

/// The name of the SVG language, which is no place.
const SVG: &str = "http://www.w3.org/2000/svg";

#[test]
fn scripts_run_no_text_as_code() {
    let wrong: Vec<String> = served().flat_map(|file| forbidden(&file, &read(&file))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn modules_stay_short() {
    let long: Vec<String> = served()
        .filter(|file| read(file).lines().count() > most_lines(file))
        .map(|file| short(&file))
        .collect();
    assert!(long.is_empty(), "more than one thing in a file? {long:#?}");
    assert!(served().count() > 4, "the files of pages are looked for elsewhere");
}

#[test]
fn markup_has_no_code_and_no_style_inside() {
    let writers = rust_files().filter(|file| !file.starts_with(root().join("tests")));
    let wrong: Vec<String> = writers
        .map(|file| (read(&file), file))
        .filter(|(text, _)| text.contains("maud"))
        .flat_map(|(text, file)| found(&text, IN_MARKUP, &file))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_forbidden_is_found() {
    let of = |name: &str, text: &str| forbidden(Path::new(name), text).len();
    assert_eq!(of("a.js", "a.innerHTML = b;\neval(c);\n// fine"), 2);
    assert_eq!(of("a.js", "const SVG = 'http://www.w3.org/2000/svg';"), 0);
    assert_eq!(of("a.js", "fetch('https://elsewhere.example')"), 1);
    assert_eq!(of("a.css", "a { background: url(b.png); }"), 1);
    assert_eq!(of("a.html", "<p style=\"x\" onclick=\"y\">"), 2);
    assert_eq!(of("a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"y\">"), 1);
}

/// Scripts, styles, markup and pictures that programs of ours serve.
fn served() -> impl Iterator<Item = PathBuf> {
    let folders = ["gateway/src", "loadtest/src", "keyring/src"].map(|path| root().join(path));
    folders
        .into_iter()
        .flat_map(|folder| files_below(&folder, |_| true))
        .filter(|file| ["js", "css", "html", "svg"].contains(&ending(file)))
}

fn ending(file: &Path) -> &str {
    file.extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

fn most_lines(file: &Path) -> usize {
    if ending(file) == "css" { STYLE_LINES_MAX } else { MODULE_LINES_MAX }
}

fn forbidden(file: &Path, text: &str) -> Vec<String> {
    match ending(file) {
        "js" => found(text, IN_SCRIPTS, file),
        "css" => found(text, IN_STYLES, file),
        _ => found(text, IN_MARKUP, file),
    }
}

/// Each line with one of these, with its place.
fn found(text: &str, unwanted: &[&str], file: &Path) -> Vec<String> {
    let lines = text.lines().map(|line| line.replace(SVG, "")).zip(1..);
    let of_line = |(line, number): (String, usize)| {
        let here = unwanted.iter().filter(|one| line.contains(**one));
        here.map(|one| format!("{}:{number}: {one}", short(file))).collect::<Vec<_>>()
    };
    lines.flat_map(of_line).collect()
}
