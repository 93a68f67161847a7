//! Reading on where the last look ended, while processes write and begin new files.
//!
//! A file is held open, so that it is read to its end also if it is moved away or removed meanwhile.
//! It is let go when nothing can follow in it: it was removed, its process has begun the next file
//! or said `stop`.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{facts::Facts, search::SearchError};
use crate::{format::FileName, limits::LINE_BYTES_MAX};

/// The record's files, each read once from its beginning to its end.
#[derive(Debug)]
pub struct Tail {
    paths: Vec<PathBuf>,
    /// Files that were begun. No name comes twice, unless its file never had a byte.
    known: HashSet<PathBuf>,
    open: Vec<OpenFile>,
    unreadable: u64,
}

#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    name: Option<FileName>,
    file: BufReader<File>,
    /// A line whose end is still to come.
    begun: Vec<u8>,
    /// The beginning of this line was too long, and the rest is left out too.
    is_too_long: bool,
    is_empty: bool,
    /// Nothing can follow in it.
    is_finished: bool,
}

impl Tail {
    /// Files of a record, or directories that hold them. Nothing is read yet.
    ///
    /// # Errors
    /// A path cannot be read. The text is for an operator.
    pub fn new(paths: &[PathBuf]) -> Result<Self, String> {
        let canonical = |path: &PathBuf| {
            path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))
        };
        let paths = paths.iter().map(canonical).collect::<Result<_, _>>()?;
        Ok(Self { paths, known: HashSet::new(), open: Vec::new(), unreadable: 0 })
    }

    /// Shows each whole line that came since the last call, file by file.
    ///
    /// # Errors
    /// What could not be read, or where `show` could not write. What was shown is not shown again.
    pub fn look(
        &mut self,
        mut show: impl FnMut(&Facts<'_>) -> io::Result<()>,
    ) -> Result<(), SearchError> {
        self.look_at_each(|_, _, facts| show(facts))
    }

    /// Like [`look`](Self::look), with the text of each line and the name of its chain.
    ///
    /// The chain is the part of the file's name that names the process that wrote it:
    /// `20261126T020212123Z-4711`. It is empty if the file has no name of the record's. With the
    /// line's `seq` it names a line. The text is the line without its end.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub fn look_at_lines(
        &mut self,
        mut show: impl FnMut(&str, &str) -> io::Result<()>,
    ) -> Result<(), SearchError> {
        // A line that was edited by hand may hold other bytes than UTF-8.
        self.look_at_each(|chain, text, _| show(chain, &String::from_utf8_lossy(text)))
    }

    fn look_at_each(
        &mut self,
        mut show: impl FnMut(&str, &[u8], &Facts<'_>) -> io::Result<()>,
    ) -> Result<(), SearchError> {
        self.find_new()?;
        let unreadable = &mut self.unreadable;
        for open in &mut self.open {
            let failed = |error| SearchError::Read(open.path.clone(), error);
            // Looked at before it is read: what is written later is in another file.
            let is_removed = open.is_removed().map_err(failed)?;
            let is_last = is_removed || open.has_successor(&self.known);
            let chain = open.name.as_ref().map(|name| name.process.clone()).unwrap_or_default();
            open.read(|text| match Facts::parse(text) {
                Some(facts) => show(&chain, text, &facts).map(|()| facts.event == "stop"),
                None => {
                    *unreadable += 1;
                    Ok(false)
                }
            })?;
            if is_removed && open.is_empty {
                // A full disk: its writer tries the same name again.
                self.known.remove(&open.path);
            }
            open.is_finished |= is_last;
        }
        self.open.retain(|open| !open.is_finished);
        Ok(())
    }

    /// Lines that are none of the record's.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn find_new(&mut self) -> Result<(), SearchError> {
        let mut found = Vec::new();
        for path in &self.paths {
            let failed = |error| SearchError::Read(path.clone(), error);
            if !path.is_dir() {
                found.push(path.clone());
                continue;
            }
            for entry in path.read_dir().map_err(failed)? {
                let inside = entry.map_err(failed)?.path();
                if FileName::of(&inside).is_some() {
                    found.push(inside);
                }
            }
        }
        found.sort_unstable();
        for path in found {
            if self.known.contains(&path) {
                continue;
            }
            match File::open(&path) {
                Ok(file) => {
                    self.open.push(OpenFile::new(path.clone(), file));
                    self.known.insert(path);
                }
                // Removed since it was found.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(SearchError::Read(path, error)),
            }
        }
        Ok(())
    }
}

impl OpenFile {
    fn new(path: PathBuf, file: File) -> Self {
        Self {
            name: FileName::of(&path),
            path,
            file: BufReader::with_capacity(1 << 16, file),
            begun: Vec::new(),
            is_too_long: false,
            is_empty: true,
            is_finished: false,
        }
    }

    fn is_removed(&self) -> io::Result<bool> {
        Ok(self.file.get_ref().metadata()?.nlink() == 0)
    }

    /// Has its process begun a later file?
    fn has_successor(&self, known: &HashSet<PathBuf>) -> bool {
        let Some(name) = &self.name else { return false };
        let Some(number) = name.number.checked_add(1) else { return false };
        let next = FileName { number, ..name.clone() }.to_string();
        self.path.parent().is_some_and(|dir: &Path| known.contains(&dir.join(next)))
    }

    /// Takes each whole line to the end of the file. `take` says whether it was its process's last.
    fn read(&mut self, mut take: impl FnMut(&[u8]) -> io::Result<bool>) -> Result<(), SearchError> {
        loop {
            let room = LINE_BYTES_MAX.saturating_sub(self.begun.len());
            let room = u64::try_from(room).unwrap_or(u64::MAX);
            let read = self.file.by_ref().take(room).read_until(b'\n', &mut self.begun);
            let bytes = read.map_err(|error| SearchError::Read(self.path.clone(), error))?;
            self.is_empty &= bytes == 0;
            if self.begun.pop_if(|byte| *byte == b'\n').is_some() {
                if !std::mem::take(&mut self.is_too_long) {
                    self.is_finished |= take(&self.begun).map_err(SearchError::Show)?;
                }
            } else if self.begun.len() >= LINE_BYTES_MAX {
                self.is_too_long = true;
            } else {
                return Ok(());
            }
            self.begun.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    fn line(n: u64) -> String {
        line_of("decision", n)
    }

    fn line_of(event: &str, n: u64) -> String {
        format!("{{\"event\":\"{event}\",\"time\":\"t\",\"node\":\"a\",\"latency_us\":{n}}}\n")
    }

    /// A directory, and what was shown of it.
    struct Record {
        dir: tempfile::TempDir,
        tail: Tail,
    }

    impl Record {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let tail = Tail::new(&[dir.path().to_owned()]).unwrap();
            Self { dir, tail }
        }

        fn path(&self, process: u32, number: u32) -> PathBuf {
            self.dir.path().join(format!("a.2027-{process}.{number:06}.jsonl"))
        }

        fn write(&self, process: u32, number: u32, text: &str) {
            let path = self.path(process, number);
            let mut file = File::options().create(true).append(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn shown(&mut self) -> Vec<u64> {
            let mut shown = Vec::new();
            self.tail
                .look(|facts| {
                    shown.push(facts.latency_us.unwrap());
                    Ok(())
                })
                .unwrap();
            shown
        }
    }

    #[test]
    fn each_line_is_shown_once_when_it_is_whole() {
        let mut record = Record::new();
        assert!(record.shown().is_empty(), "there is no file yet");
        record.write(1, 1, &(line(1) + &line(2) + "{\"event\":"));
        assert_eq!(record.shown(), [1, 2]);
        assert!(record.shown().is_empty());
        record.write(1, 1, &line(3)["{\"event\":".len()..]);
        assert_eq!(record.shown(), [3]);
        record.write(1, 1, "no line\n");
        record.write(1, 1, &("x".repeat(3 * LINE_BYTES_MAX) + "\n" + &line(4)));
        assert_eq!(record.shown(), [4]);
        assert_eq!(record.tail.unreadable(), 1);
    }

    #[test]
    fn lines_are_shown_as_they_are_with_their_chain() {
        let mut record = Record::new();
        record.write(1, 1, &(line(1) + "no line\n" + &line(2)));
        record.write(2, 1, &line(3));
        let mut shown = Vec::new();
        let look = record.tail.look_at_lines(|chain, text| {
            shown.push((chain.to_owned(), text.to_owned() + "\n"));
            Ok(())
        });
        look.unwrap();
        let expected = [("2027-1", 1), ("2027-1", 2), ("2027-2", 3)];
        assert_eq!(shown, expected.map(|(chain, n)| (chain.to_owned(), line(n))));
        assert!(record.shown().is_empty(), "both ways of looking go on where the other ended");
    }

    #[test]
    fn nothing_is_missed_or_shown_twice_when_the_next_file_begins() {
        let mut record = Record::new();
        record.write(1, 1, &line(1));
        assert_eq!(record.shown(), [1]);
        // Its last line and the next file come between two looks.
        record.write(1, 1, &line(2));
        record.write(1, 2, &line(3));
        assert_eq!(record.shown(), [2, 3]);
        assert_eq!(record.tail.open.len(), 1);
        // Another process, as in an upgrade.
        record.write(2, 1, &line(4));
        record.write(1, 2, &(line(5) + &line_of("stop", 6)));
        assert_eq!(record.shown(), [5, 6, 4]);
        assert_eq!(record.tail.open.len(), 1, "a process that has ended writes no more");
        assert!(record.shown().is_empty());
    }

    #[test]
    fn what_is_moved_away_or_removed_is_read_to_its_end() {
        let mut record = Record::new();
        record.write(1, 1, &line(1));
        assert_eq!(record.shown(), [1]);
        record.write(1, 1, &line(2));
        fs::rename(record.path(1, 1), record.dir.path().join("archived")).unwrap();
        record.write(1, 2, &line(3));
        assert_eq!(record.shown(), [2, 3]);
        record.write(1, 2, &line(4));
        fs::remove_file(record.path(1, 2)).unwrap();
        assert_eq!(record.shown(), [4]);
        assert!(record.tail.open.is_empty());
    }

    #[test]
    fn a_file_that_took_nothing_may_come_again_under_its_name() {
        let mut record = Record::new();
        record.write(1, 1, "");
        assert!(record.shown().is_empty());
        fs::remove_file(record.path(1, 1)).unwrap();
        record.write(1, 1, &line(1));
        // The first look sees the removed one, the second the new one.
        let shown = [record.shown(), record.shown(), record.shown()].concat();
        assert_eq!(shown, [1]);
    }

    #[test]
    fn a_file_that_is_named_is_read_once() {
        let mut record = Record::new();
        record.write(1, 1, &line(1));
        let paths = [record.path(1, 1), record.dir.path().to_owned()];
        record.tail = Tail::new(&paths).unwrap();
        assert_eq!(record.shown(), [1]);
        assert!(Tail::new(&[record.dir.path().join("nowhere")]).is_err());
    }
}
