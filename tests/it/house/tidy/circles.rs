//! No files import each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::open::{OPEN_CIRCLES, changes};
use super::ranks::{CRATES, Crate};
use super::reader::modules::Modules;
use super::sources::{entries, file_name};
use crate::harness::project::short;

/// Joins the names of a circle so that they can be pasted into `open.rs`.
const BETWEEN: &str = "\", \"";

type Graph = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut found = BTreeMap::new();
    for graph in CRATES.iter().flat_map(graphs) {
        for knot in knots(&graph) {
            let name = knot.iter().map(|file| short(file)).collect::<Vec<_>>().join(BETWEEN);
            found.insert(name, circles_through(&graph, &knot));
        }
    }
    let open = OPEN_CIRCLES.iter().map(|files| files.join(BETWEEN)).collect();
    let wrong = changes(&open, &found.keys().cloned().collect());
    let sentences: Vec<_> = wrong
        .into_iter()
        .map(|(files, what)| {
            format!("{what}: &[\"{files}\"],\n  {}", found.get(&files).map_or("", |s| s))
        })
        .collect();
    assert!(sentences.is_empty(), "circles:\n{}", sentences.join("\n"));
}

/// What imports what below each root of a crate: its library and its programs.
fn graphs(one: &Crate) -> Vec<Graph> {
    let source = one.source();
    let programs = source.join("bin");
    let beside = [source.join("lib.rs"), source.join("main.rs")];
    let inside = if programs.exists() { entries(&programs) } else { Vec::new() };
    let roots = beside.into_iter().chain(
        inside
            .into_iter()
            .map(|program| if program.is_dir() { program.join("main.rs") } else { program }),
    );
    roots.filter(|root| root.exists()).map(|root| Modules::read(&root).file_imports()).collect()
}

/// The largest groups of files of which each leads to each.
fn knots(graph: &Graph) -> BTreeSet<BTreeSet<PathBuf>> {
    let reach: BTreeMap<&PathBuf, BTreeSet<PathBuf>> =
        graph.keys().map(|file| (file, reached(graph, file))).collect();
    let knot = |file: &PathBuf| -> BTreeSet<PathBuf> {
        reach[file].iter().filter(|other| reach[other].contains(file)).cloned().collect()
    };
    graph.keys().map(knot).filter(|knot| !knot.is_empty()).collect()
}

/// What a file leads to.
fn reached(graph: &Graph, start: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(file) = open.pop() {
        open.extend(graph[&file].iter().filter(|next| found.insert((*next).clone())).cloned());
    }
    found
}

/// A sentence for the shortest circle through each file of a knot.
fn circles_through(graph: &Graph, knot: &BTreeSet<PathBuf>) -> String {
    let mut seen = BTreeSet::new();
    let mut sentences = Vec::new();
    for file in knot {
        let circle = shortest_circle(graph, file);
        if seen.insert(circle.iter().cloned().collect::<BTreeSet<_>>()) {
            sentences.push(sentence(&circle));
        }
    }
    sentences.join("\n  ")
}

fn shortest_circle(graph: &Graph, start: &Path) -> Vec<PathBuf> {
    let mut from: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    let mut open = VecDeque::from([start.to_owned()]);
    while let Some(file) = open.pop_front() {
        if graph[&file].contains(start) {
            let mut circle = vec![file];
            while let Some(before) = from.get(&circle[circle.len() - 1]) {
                circle.push(before.clone());
            }
            circle.reverse();
            return circle;
        }
        for next in &graph[&file] {
            if next != start && !from.contains_key(next) {
                from.insert(next.clone(), file.clone());
                open.push_back(next.clone());
            }
        }
    }
    Vec::new()
}

/// `a` imports `b`, which imports `a`.
fn sentence(circle: &[PathBuf]) -> String {
    let names: Vec<String> = circle.iter().chain(circle.first()).map(|file| short(file)).collect();
    let (first, rest) = names.split_first().expect("a circle has files");
    format!("{first} imports {}.", rest.join(", which imports "))
}

#[test]
fn a_circle_of_three_files_is_found() {
    let directory = super::made_up::made_up(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; use crate::d::D;"),
        ("b.rs", "use super::c; fn f() { c::g() }"),
        ("c.rs", "fn g() { crate::a::h() }"),
        ("d.rs", "// use crate::a;"),
    ]);
    let graph = Modules::read(&directory.path().join("lib.rs")).file_imports();
    let found: Vec<_> = knots(&graph).into_iter().collect();
    assert_eq!(found.len(), 1);
    let names: Vec<String> = found[0].iter().map(|file| file_name(file)).collect();
    assert_eq!(names, ["a.rs", "b.rs", "c.rs"]);
    let sentence =
        circles_through(&graph, &found[0]).replace(&format!("{}/", short(directory.path())), "");
    assert_eq!(sentence, "a.rs imports b.rs, which imports c.rs, which imports a.rs.");
}

#[test]
fn a_child_that_uses_its_parent_is_in_a_circle_only_if_the_parent_uses_it() {
    let circles = |parent: &str| {
        let directory = super::made_up::made_up(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", parent),
            ("a/b.rs", "use super::Item; pub struct Thing(Item);"),
        ]);
        knots(&Modules::read(&directory.path().join("lib.rs")).file_imports()).len()
    };
    assert_eq!(circles("mod b; pub use self::b::Thing; pub struct Item;"), 0);
    assert_eq!(circles("mod b; pub struct Item; fn f() -> b::Thing { }"), 1);
    assert_eq!(circles("mod b; pub use self::b::Thing; pub struct Item; fn f() -> Thing { }"), 1);
}
