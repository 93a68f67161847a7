//! The filter of line ends against hyper itself: what was ever worth keeping, and messages made up to
//! be read in two ways. `YANMA_STRICT_CASES=1000000` runs long.

#![allow(
    clippy::indexing_slicing,
    reason = "all of this is test code: an index that is not there fails, as it should"
)]

use std::path::Path;

use proptest::{
    prelude::*,
    sample::{Index, select},
};

#[path = "../fuzz/targets.rs"]
mod targets;

#[test]
fn the_corpus_of_the_fuzz_target() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/strict");
    let mut count = 0;
    for entry in std::fs::read_dir(&directory).expect("a corpus") {
        let path = entry.expect("an entry").path();
        println!("{}", path.display());
        targets::strict(&std::fs::read(&path).expect("a file"));
        count += 1;
    }
    assert!(count >= 20, "{}: {count} inputs", directory.display());
}

/// What frames a message, written well and badly.
const FIELDS: &[&str] = &[
    "",
    "Content-Length: 3\r\n",
    "content-length:3\r\n",
    "Content-Length: 03 \t\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 3, 3\r\n",
    "Content-Length: +3\r\n",
    "Content-Length: 3\r\nContent-Length: 3\r\n",
    "Content-Length: 3\r\nContent-Length: 4\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Content-Length : 3\r\n",
    "Content-Length\t: 3\r\n",
    "X: 1\nContent-Length: 3\r\n",
    "X: 1\rContent-Length: 3\r\n",
    "X: 1\r\n Content-Length: 3\r\n",
    "Content-Lengthy: 3\r\nContent: 3\r\nTransfer-Coding: chunked\r\n",
    "Transfer-Encoding: chunked\r\n",
    "TRANSFER-encoding:\tChunked \r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "X: 1\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "Expect: 100-continue\r\nContent-Length: 3\r\n",
    "Connection: close\r\nContent-Length: 3\r\n",
    "Upgrade: h2c\r\nContent-Length: 3\r\n",
];

const STARTS: &[&str] = &[
    "POST / HTTP/1.1\r\n",
    "GET /a?b=c HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "\r\nDELETE / HTTP/1.1\r\n",
    "\r\n\r\nOPTIONS * HTTP/1.1\r\n",
    "POST / HTTP/1.1\n",
    "content-length: 3 HTTP/1.1\r\n",
    "POST / HTTP/1.1\r\nTrailer: X\r\nTE: trailers\r\n",
];

const BODIES: &[&str] = &[
    "",
    "abc",
    "\r\n\n",
    "3\r\nabc\r\n0\r\n\r\n",
    "3;a=b\r\nabc\r\n0;c\r\n\r\n",
    "3 \t\r\na\nb\r\n00\r\n\r\n",
    "0A\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n",
    "3\r\nabc\r\n0\r\nX: 1\r\nContent-Length: 3\r\n\r\n",
    "3\r\nabc\r\n0\r\nX: 1\nY: 2\r\n\r\n",
    "3\nabc\n0\n\n",
    "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n",
    "3\r\nabc\n0\r\n\r\n",
    "3\r\nabcd\r\n0\r\n\r\n",
    "ffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
    "3\r\r\nabc\r\n0\r\n\r\n",
    "0\r\n\n",
    "0\r\nX\r\n\r\n",
];

/// What is put somewhere in the midst.
const PIECES: &[&str] = &[
    "\n",
    "\r",
    "\r\n",
    "\r\r\n",
    "\n\r\n",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ";",
    "0",
    "3",
    "f",
    "\0",
    "\u{b}",
    "GET / HTTP/1.1\r\n\r\n",
    "X: 1\r\n",
    "X: 1\n",
];

/// One change: put a piece in, take a byte out, double one, or take the CR of a line end away.
#[derive(Debug, Clone)]
enum Change {
    Put(Index, &'static str),
    Remove(Index),
    Double(Index),
    BareLf(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Change::Put(at, piece)),
        any::<Index>().prop_map(Change::Remove),
        any::<Index>().prop_map(Change::Double),
        any::<Index>().prop_map(Change::BareLf),
    ]
}

fn message() -> impl Strategy<Value = String> {
    let fields = prop::collection::vec(select(FIELDS), 1..3).prop_map(|fields| fields.concat());
    (select(STARTS), fields, select(BODIES)).prop_map(|(start, fields, body)| {
        format!("{start}Host: a\r\n{fields}X-Last: c\r\n\r\n{body}")
    })
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Put(at, piece) => {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, piece.bytes());
        }
        Change::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        Change::Double(at) => {
            let at = at.index(bytes.len());
            bytes.insert(at, bytes[at]);
        }
        Change::BareLf(nth) => {
            let ends = bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\r\n");
            let ends: Vec<usize> = ends.map(|(at, _)| at).collect();
            if !ends.is_empty() {
                bytes.remove(ends[nth.index(ends.len())]);
            }
        }
    }
}

fn cases() -> u32 {
    std::env::var("YANMA_STRICT_CASES").map_or(1_000, |count| count.parse().expect("a number"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(), failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn made_up_messages_are_the_same_behind_the_filter(
        messages in prop::collection::vec(message(), 1..4),
        changes in prop::collection::vec(change(), 0..3),
        piece in prop_oneof![Just(0_u8), 1_u8..40],
    ) {
        let mut bytes = messages.concat().into_bytes();
        for change in &changes {
            apply(&mut bytes, change);
        }
        bytes.insert(0, piece);
        targets::strict(&bytes);
    }
}

/// Every text of some letters, at the places where framing is decided.
#[test]
fn all_short_texts_where_framing_is_decided() {
    const LETTERS: &[u8] = b"\r\n0;a: ";
    const PLACES: &[(&str, &str)] = &[
        ("", "GET / HTTP/1.1\r\n\r\n"),
        ("POST / HTTP/1.1\r\n", "\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        ("POST / HTTP/1.1\r\nContent-Length: 1", "\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na",
            "0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ),
    ];
    let longest = if std::env::var_os("YANMA_STRICT_CASES").is_some() { 5 } else { 3 };
    let mut texts = vec![Vec::new()];
    for _ in 0..longest {
        let longer = texts.iter().flat_map(|text: &Vec<u8>| {
            LETTERS.iter().map(|letter| [text.as_slice(), &[*letter]].concat())
        });
        texts = longer.collect();
        for text in &texts {
            for (front, back) in PLACES {
                targets::strict(&[&[0][..], front.as_bytes(), text, back.as_bytes()].concat());
            }
        }
    }
}
