//! What the first line of a file says of it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use crate::{
    format::{CheckedLine, FileName, LineHash},
    offline::{facts::Facts, lines::LineReader},
};

/// A file, and where its lines belong.
#[derive(Debug)]
pub(super) struct FileHead {
    pub(super) path: PathBuf,
    pub(super) chain: ChainName,
    /// Where the process before this one ended, as this one found it.
    pub(super) refers: Option<LineReference>,
    first: Option<CheckedLine>,
    bytes: u64,
}

/// The node of a file that tells none.
const UNNAMED: &str = "?";

/// A process of a node.
#[derive(Debug, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub(super) struct ChainName {
    pub(super) node: String,
    pub(super) process: String,
}

impl fmt::Display for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}, process {}", self.node, self.process)
    }
}

/// What a line says of a line of another process.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct LineReference {
    pub(super) chain: ChainName,
    pub(super) seq: u64,
    pub(super) hash: LineHash,
    /// File and number of the line that says so.
    pub(super) place: String,
    /// Of an anchor: the time in the line.
    pub(super) anchored: Option<String>,
}

impl LineReference {
    pub(super) fn new(
        node: &str,
        process: Option<&str>,
        seq: Option<u64>,
        hash: Option<&str>,
        place: &str,
    ) -> Option<Self> {
        let chain = ChainName { node: node.to_owned(), process: process?.to_owned() };
        let hash = LineHash::parse(hash?.as_bytes())?;
        Some(Self { chain, seq: seq?, hash, place: place.to_owned(), anchored: None })
    }
}

impl FileHead {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut space = Vec::new();
        let bytes = path.metadata()?.len();
        let line = LineReader::open_head(path)?.next(&mut space)?.map_or(&[][..], |line| line.text);
        let first = CheckedLine::check(line).ok();
        let said = Facts::parse(line).filter(|facts| first.is_some() && facts.process.is_some());
        let refers = said.as_ref().and_then(|facts| {
            LineReference::new(
                &facts.node,
                facts.previous_process.as_deref(),
                facts.previous_seq,
                facts.previous_hash.as_deref(),
                &format!("{}:1", path.display()),
            )
        });
        let chain = match said {
            Some(facts) => ChainName {
                node: facts.node.clone().into_owned(),
                process: facts.process.as_deref().unwrap_or_default().to_owned(),
            },
            // The file's name is used: the first line is damaged, or an earlier file was removed
            // while the process wrote to it.
            None => match FileName::of(path) {
                Some(name) => ChainName { node: name.node, process: name.process },
                None => ChainName { node: UNNAMED.to_owned(), process: path.display().to_string() },
            },
        };
        Ok(Self { path: path.to_owned(), chain, refers, first, bytes })
    }

    /// Does its first line or its name tell node and process?
    pub(super) fn is_named(&self) -> bool {
        self.chain.node != UNNAMED
    }

    /// Sorts by chain, then as the files were written, then the longer copy first. A file with a
    /// damaged first line is sorted by its name.
    pub(super) fn order(&self) -> impl Ord + '_ {
        let number = FileName::of(&self.path).map(|name| name.number);
        let seq = self.first.map_or(u64::MAX, |first| first.seq);
        (&self.chain, number, seq, std::cmp::Reverse(self.bytes))
    }

    pub(super) fn is_copy_of(&self, other: &Self) -> bool {
        self.chain == other.chain && self.first.is_some() && self.first == other.first
    }
}
