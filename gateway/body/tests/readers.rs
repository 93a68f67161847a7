//! The walk against other readers of JSON: what was ever worth keeping, and bodies made up to be
//! read in two ways. `YANMA_BODY_CASES=1000000` runs long.

#![allow(
    clippy::indexing_slicing,
    reason = "all of this is test code: an index that is not there fails, as it should"
)]

use std::{path::Path, sync::LazyLock};

use body::{Pointers, walk};
use proptest::{
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Map, Value, json};

#[path = "../fuzz/targets.rs"]
mod targets;

static CORPUS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/readers");
    let entries = std::fs::read_dir(&directory).expect("a corpus");
    let mut found: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            (path.display().to_string(), std::fs::read(&path).expect("a file"))
        })
        .collect();
    found.sort();
    found
});

#[test]
fn the_corpus_of_the_fuzz_target() {
    assert!(CORPUS.len() >= 30, "{} inputs", CORPUS.len());
    for (name, input) in CORPUS.iter() {
        println!("{name}");
        targets::readers(input);
    }
}

/// What is put somewhere in the midst.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\\\\"",
    b"\\u0000",
    b"\\u005f",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"1e999",
    b"0",
    b"-",
    b".0",
    b"e1",
    b" ",
    b"\n",
    b"\0",
    b"\x1f",
    b"_",
    b"\xef\xbb\xbf",
    b"\xc5\xbf",
    b"\xe2\x84\xaa",
    b"\xbf\\",
    b"\xa1\\",
    b"\x810",
    b"\"infno\":\"1\",",
    b"\"INFNO\":2,",
    b"\"input\":{},",
    b"\"code\":\"b\",",
    b"\"\\u0063ode\":\"c\",",
    b"\"input\":null,",
    b"/**/",
];

/// One change of a body.
#[derive(Debug, Clone)]
enum Change {
    Put(Index, &'static [u8]),
    Remove(Index),
    Flip(Index, u8),
    /// The bytes between two places once more, at a third.
    Repeat(Index, Index, Index),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Change::Put(at, piece)),
        2 => any::<Index>().prop_map(Change::Remove),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        2 => any::<[Index; 3]>().prop_map(|[from, to, at]| Change::Repeat(from, to, at)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let length = bytes.len();
    match change {
        Change::Put(at, piece) => {
            let at = at.index(length + 1);
            bytes.splice(at..at, piece.iter().copied());
        }
        Change::Repeat(from, to, at) => {
            let (from, to) = (from.index(length + 1), to.index(length + 1));
            let piece = bytes[from.min(to)..from.max(to)].to_vec();
            let at = at.index(length + 1);
            bytes.splice(at..at, piece);
        }
        Change::Remove(at) if length > 0 => drop(bytes.remove(at.index(length))),
        Change::Flip(at, byte) if length > 0 => bytes[at.index(length)] ^= byte,
        Change::Cut(at) => bytes.truncate(at.index(length + 1)),
        Change::Remove(_) | Change::Flip(..) => {}
    }
}

/// Names that matter, their doubles, and others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(&["infno", "msgid", "input", "data", "code", "type", "other"][..]),
        1 => select(&["INFNO", "in_put", "Data", "c-ode", "mſgid", "", "_", "code\0x", "typé"][..]),
    ]
    .prop_map(str::to_owned)
}

/// A text of JSON, names perhaps twice, an object perhaps as a string.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(&["null", "true", "2207", "-0", "2207.0", "1e5", "\"\"", "\"null\"", "[1,{}]"][..])
            .prop_map(str::to_owned),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        "[0-9A-Z]{1,11}".prop_map(|text| Value::from(text).to_string()),
    ];
    let object = |members: Vec<(String, String)>| {
        let members: Vec<String> = members
            .iter()
            .map(|(name, text)| format!("{}:{text}", Value::from(name.as_str())))
            .collect();
        format!("{{{}}}", members.join(","))
    };
    let tree = leaf.prop_recursive(5, 40, 5, move |inner| {
        let members = prop::collection::vec((name(), inner), 0..6).prop_map(object);
        (members, prop::bool::weighted(0.3)).prop_map(|(text, is_in_a_string)| {
            if is_in_a_string { Value::from(text).to_string() } else { text }
        })
    });
    prop::collection::vec((name(), tree), 0..8).prop_map(object)
}

/// A document without names alike.
fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "[0-9A-Za-z]{0,12}", Just("null".to_owned())];
    let leaf = prop_oneof![
        3 => text.prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let names = select(&["infno", "msgid", "input", "data", "code", "type", "other", "交易"][..]);
    leaf.prop_recursive(6, 60, 6, move |inner| {
        let members =
            prop::collection::vec((names.clone().prop_map(str::to_owned), inner.clone()), 0..7)
                .prop_map(|members| Value::Object(Map::from_iter(members)));
        prop_oneof![4 => members, 1 => prop::collection::vec(inner, 0..4).prop_map(Value::from)]
    })
}

/// The value that a pointer without strings of JSON on its way has in a tree.
fn in_tree(document: &Value, pointer: &str) -> Result<Option<String>, ()> {
    let mut value = document;
    for step in pointer.split('/').skip(1) {
        let Value::Object(members) = value else { return Err(()) };
        match members.get(step) {
            None | Some(Value::Null) => return Ok(None),
            Some(next) => value = next,
        }
    }
    match value {
        Value::String(text) if text.is_empty() || text == "null" => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(()),
    }
}

fn cases() -> u32 {
    std::env::var("YANMA_BODY_CASES").map_or(2_000, |count| count.parse().expect("a number"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(), failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn made_up_bodies_are_read_alike_or_refused(text in text()) {
        targets::compare(&text);
    }

    #[test]
    fn changed_bodies_are_read_alike_or_refused(
        text in text(),
        changes in prop::collection::vec(change(), 1..4),
        charset in any::<u8>(),
    ) {
        let mut bytes = text.into_bytes();
        for change in &changes {
            apply(&mut bytes, change);
        }
        bytes.insert(0, charset);
        targets::readers(&bytes);
    }

    #[test]
    fn a_changed_corpus_is_read_alike_or_refused(
        entry in any::<Index>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let mut bytes = CORPUS[entry.index(CORPUS.len())].1.clone();
        for change in &changes {
            apply(&mut bytes, change);
        }
        targets::readers(&bytes);
    }

    /// Nothing is refused without need: where no two names are alike, the walk answers as a tree
    /// does.
    #[test]
    fn documents_without_names_alike_are_read_as_trees_are(document in document(), is_pretty: bool) {
        let document = json!({"infno": "1", "input": document});
        let text = if is_pretty { format!("{document:#}") } else { document.to_string() };
        let mut pointers = Pointers::default();
        let ats: Vec<_> =
            targets::POINTERS.iter().map(|text| pointers.add(&text.parse().expect("a pointer"))).collect();
        let found = walk(&text, &pointers).expect("JSON");
        for (pointer, at) in targets::POINTERS.iter().zip(ats) {
            let ours = found.text(at).map(|text| text.map(str::to_owned)).map_err(drop);
            prop_assert_eq!(ours, in_tree(&document, pointer), "{} of {}", pointer, text);
        }
    }
}
