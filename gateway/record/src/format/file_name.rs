//! Names of the record's files.

use std::{fmt, path::Path};

/// `<node>.<start>-<process id>.<number>.jsonl`: sorted by name, a node's processes come in the
/// order of their starts, and each one's files in the order in which they were written.
#[derive(Debug, Clone, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) struct FileName {
    /// The node.
    pub(crate) node: String,
    /// When the process started, and its id: `20261126T020212123Z-4711`.
    pub(crate) process: String,
    /// Counted from 1.
    pub(crate) number: u32,
}

impl FileName {
    /// Reads a name; `None` if it is none of the record's.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let (node, process, number) = (parts.next()?, parts.next()?, parts.next()?);
        let is_ours = parts.next() == Some("jsonl") && parts.next().is_none();
        let number = number.parse().ok().filter(|_| is_ours)?;
        Some(Self { node: node.to_owned(), process: process.to_owned(), number })
    }

    /// The name of the file at a path.
    #[must_use]
    pub(crate) fn of(path: &Path) -> Option<Self> {
        Self::parse(path.file_name()?.to_str()?)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{:06}.jsonl", self.node, self.process, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_sort_by_node_process_and_number() {
        let name = FileName::parse("a.20270115T080000000Z-2.000001.jsonl").unwrap();
        assert_eq!((name.node.as_str(), name.number), ("a", 1));
        assert_eq!(name.to_string(), "a.20270115T080000000Z-2.000001.jsonl");
        assert!(FileName { number: 999_999, ..name.clone() } > name);
        for other in ["a.b.jsonl", "a.b.x.jsonl", "a.b.1.json", "a.b.1.jsonl.zst", ".a.probe", ""] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
