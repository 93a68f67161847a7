//! The last hash of each chain, to be kept where who can write the record cannot write.
//!
//! A chain shows changes to a person who has one hash of it from elsewhere. Without that, all lines
//! can be made anew, with hashes that fit. A hash covers all lines before it, so one a day suffices.

use std::{collections::BTreeMap, fmt, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::head::{ChainName, FileHead, LineReference};
use crate::{
    files::LastLine,
    format::LineHash,
    offline::{facts::Facts, lines::LineReader},
};

/// A line that a chain had at some time.
#[derive(Debug, Clone, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    node: String,
    process: String,
    /// The name of the file that held the line.
    file: String,
    seq: u64,
    hash: String,
    /// The time in the line.
    time: String,
    /// File and line where the anchor stands.
    #[serde(skip)]
    place: String,
}

/// A text that is no list of anchors.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AnchorError {
    /// A line is none.
    #[error(
        "{0}: no anchor; allowed: lines as `yanma audit anchor` prints them, with --json or without"
    )]
    Line(String),
    /// It has no line.
    #[error("{0}: it holds no anchor: nothing would be proven")]
    Empty(String),
}

impl Anchor {
    /// What it says of a line of a chain.
    pub(super) fn reference(&self) -> Option<LineReference> {
        let chain = ChainName { node: self.node.clone(), process: self.process.clone() };
        let (seq, place, anchored) = (self.seq, self.place.clone(), Some(self.time.clone()));
        Some(LineReference { chain, seq, hash: self.hash()?, place, anchored })
    }

    fn hash(&self) -> Option<LineHash> {
        LineHash::parse(self.hash.as_bytes())
    }

    /// The line as JSON, without a line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and a number are JSON")
    }

    fn parse(line: &str) -> Option<Self> {
        let anchor = if line.starts_with('{') {
            serde_json::from_str(line).ok()?
        } else {
            let mut parts = line.split_whitespace();
            let mut part = || parts.next().map(str::to_owned);
            let (time, node, process) = (part()?, part()?, part()?);
            let (seq, hash, file) = (part()?.parse().ok()?, part()?, part()?);
            let is_all = parts.next().is_none();
            is_all.then_some(Self { node, process, file, seq, hash, time, place: String::new() })?
        };
        anchor.hash().is_some().then_some(anchor)
    }
}

/// Time, node, process, line, hash and file, with a blank between: none of them holds one.
impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, process, file, seq, hash, time, .. } = self;
        write!(f, "{time} {node} {process} {seq} {hash} {file}")
    }
}

/// The last sound line of each chain, as files now are, and the files that have none.
///
/// # Errors
/// The file that could not be read.
pub fn anchors(files: &[PathBuf]) -> Result<(Vec<Anchor>, Vec<PathBuf>), (PathBuf, io::Error)> {
    let mut last: BTreeMap<ChainName, Anchor> = BTreeMap::new();
    let mut without = Vec::new();
    for path in files {
        let failed = |error| (path.clone(), error);
        let head = FileHead::read(path).map_err(failed)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let anchor = LastLine::read(path).map_err(failed)?.and_then(|end| {
            let time = Facts::parse(&end.text)?.time.into_owned();
            let ChainName { node, process } = head.chain.clone();
            let (seq, hash) = (end.line.seq, end.line.hash.to_string());
            let file = name.replace(char::is_whitespace, "_");
            Some(Anchor { node, process, file, seq, hash, time, place: String::new() })
        });
        match anchor.filter(|_| head.is_named()) {
            None => without.push(path.clone()),
            Some(anchor) => {
                let newest = last.entry(head.chain).or_insert_with(|| anchor.clone());
                if newest.seq < anchor.seq {
                    *newest = anchor;
                }
            }
        }
    }
    Ok((last.into_values().collect(), without))
}

/// Reads a list of anchors. Empty lines, and lines that begin with `#`, are none.
///
/// # Errors
/// The file cannot be read, or [`AnchorError`] in words.
pub fn read_anchors(path: &std::path::Path) -> Result<Vec<Anchor>, String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut lines = LineReader::open(path).map_err(failed)?;
    let (mut space, mut found) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next(&mut space).map_err(failed)? {
        let place = format!("{}:{}", path.display(), line.number);
        let text = String::from_utf8_lossy(line.text);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let anchor = Anchor::parse(text);
        let anchor = anchor.ok_or_else(|| AnchorError::Line(place.clone()).to_string())?;
        found.push(Anchor { place, ..anchor });
    }
    if found.is_empty() {
        return Err(AnchorError::Empty(path.display().to_string()).to_string());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_reads_back_as_text_and_as_json() {
        let anchor = Anchor {
            node: "a".to_owned(),
            process: "20270115T080000000Z-2".to_owned(),
            file: "a.20270115T080000000Z-2.000001.jsonl".to_owned(),
            seq: 41,
            hash: "00112233445566778899aabbccddeeff".to_owned(),
            time: "2027-01-15T08:00:00.000Z".to_owned(),
            place: String::new(),
        };
        let text = anchor.to_string();
        assert_eq!(
            text,
            "2027-01-15T08:00:00.000Z a 20270115T080000000Z-2 41 00112233445566778899aabbccddeeff \
             a.20270115T080000000Z-2.000001.jsonl"
        );
        assert_eq!(Anchor::parse(&text).as_ref(), Some(&anchor));
        assert_eq!(Anchor::parse(&anchor.to_json()).as_ref(), Some(&anchor));
        for wrong in [
            &text.replace("41", "x"),
            &text.replace("ff ", "fg "),
            &format!("{text} more"),
            &text[..60],
            "{}",
            &anchor.to_json().replace("41", "\"41\""),
        ] {
            assert_eq!(Anchor::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_list_without_an_anchor_is_an_error_and_so_is_a_strange_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("anchors");
        for (text, says) in [
            ("", "it holds no anchor"),
            ("# a comment\n\n", "it holds no anchor"),
            ("# a comment\nwhat\n", "anchors:2: no anchor; allowed"),
        ] {
            std::fs::write(&path, text).unwrap();
            let said = read_anchors(&path).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
        assert!(read_anchors(&dir.path().join("none")).unwrap_err().contains("none: "));
    }
}
