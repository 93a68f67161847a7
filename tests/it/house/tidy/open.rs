//! What does not keep a rule yet. Each list is exact: what keeps its rule now is deleted from it,
//! and nothing is added.

use std::collections::BTreeSet;

/// Groups of files that import each other in circles.
pub(super) const OPEN_CIRCLES: &[&[&str]] = &[];

/// Folders of too many entries.
pub(super) const CROWDED: &[&str] = &[];

/// Files `x.rs` beside a folder `x/`.
pub(super) const PAIRS: &[&str] = &[];

/// How often each crate or folder has words that `words.rs` does not want.
pub(super) const WORDS: &[(&str, usize)] = &[];

/// Fails unless exactly what is listed breaks a rule.
pub(super) fn assert_only_open(rule: &str, open: &[&str], found: &BTreeSet<String>) {
    let open = open.iter().map(|name| (*name).to_owned()).collect();
    let wrong = changes(&open, found);
    assert!(wrong.is_empty(), "{rule}: {wrong:#?}");
}

/// Each difference of what is found from what is listed, and what it is.
pub(super) fn changes(
    open: &BTreeSet<String>,
    found: &BTreeSet<String>,
) -> Vec<(String, &'static str)> {
    let new = found.difference(open).map(|name| (name.clone(), "new"));
    let gone = open.difference(found).map(|name| (name.clone(), "gone, delete it from open.rs"));
    new.chain(gone).collect()
}

#[test]
fn a_list_is_exact() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert!(changes(&set(&["a"]), &set(&["a"])).is_empty());
    let found = changes(&set(&["a", "b"]), &set(&["b", "c"]));
    assert_eq!(found, [("c".to_owned(), "new"), ("a".to_owned(), "gone, delete it from open.rs")]);
}
