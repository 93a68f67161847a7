//! Finds the files and reads them line by line, so that their size does not matter.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
};

use crate::{format::FileName, limits::LINE_BYTES_MAX};

/// Finds the record's files. A path of a file is taken as it is. Of a directory, the files with
/// names of the record are taken. Each file comes once.
///
/// # Errors
/// A path cannot be read, or no file of the record was found. The text is for an operator.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = BTreeSet::new();
    for path in paths {
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        if path.metadata().map_err(failed)?.is_dir() {
            for entry in path.read_dir().map_err(failed)? {
                let inside = entry.map_err(failed)?.path();
                if FileName::of(&inside).is_some() {
                    found.insert(inside.canonicalize().map_err(failed)?);
                }
            }
        } else {
            found.insert(path.canonicalize().map_err(failed)?);
        }
    }
    if found.is_empty() {
        let given: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(format!(
            "{}: no file of a decision record; allowed: such files, or directories that hold \
             them (<node>.<process>.<number>.jsonl)",
            given.join(", ")
        ));
    }
    Ok(found.into_iter().collect())
}

/// The lines of one file.
pub(crate) struct LineReader {
    file: BufReader<File>,
    number: u64,
}

/// A line without its line feed.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) struct RawLine<'a> {
    pub(crate) text: &'a [u8],
    /// Counted from 1.
    pub(crate) number: u64,
    /// The file ends in it: no line feed follows.
    pub(crate) is_torn: bool,
}

impl LineReader {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufReader::with_capacity(1 << 18, File::open(path)?), number: 0 })
    }

    /// The same for the first line alone: of a thousand files not much more is read.
    pub(crate) fn open_head(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufReader::with_capacity(1 << 11, File::open(path)?), number: 0 })
    }

    /// The next line; `None` at the end. Of a line longer than [`LINE_BYTES_MAX`] it returns the
    /// beginning.
    pub(crate) fn next<'a>(&mut self, space: &'a mut Vec<u8>) -> io::Result<Option<RawLine<'a>>> {
        space.clear();
        let bound = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        self.file.by_ref().take(bound).read_until(b'\n', space)?;
        if space.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let mut is_torn = space.pop_if(|byte| *byte == b'\n').is_none();
        if is_torn && space.len() >= LINE_BYTES_MAX {
            is_torn = self.skip_line()?;
        }
        Ok(Some(RawLine { text: space, number: self.number, is_torn }))
    }

    /// Has no line been read so far?
    pub(crate) fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// Skips the rest of a line; true if the file ends in it.
    fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            let rest = self.file.fill_buf()?;
            if rest.is_empty() {
                return Ok(true);
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let bytes = end.map_or(rest.len(), |at| at + 1);
            self.file.consume(bytes);
            if end.is_some() {
                return Ok(false);
            }
        }
    }
}
