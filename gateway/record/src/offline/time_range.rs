//! Which lines and files a search by time needs.
//!
//! Lines of a file are not sorted by time: workers take turns, and after a disk that stood still
//! each worker's queue holds the whole time. So no file is judged by the times of some of its lines.
//! Its first line promises that no later line is older (`none_before`). The first line of the next
//! file of the process, or its `stop`, was written after all that stands before. What promises
//! nothing is read.

use std::{
    cmp::Reverse,
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use keyring::time::UnixMillis;

use super::{facts::Facts, lines::LineReader};
use crate::files::LastLine;

/// A line may be so much older or younger than its file promises: its time is read before it is
/// queued, and an account's change waits for its store in between.
const MARGIN_MS: i64 = 60_000;

/// From a moment to a moment, both optional.
#[derive(Debug, Default, Copy, Clone)]
pub(crate) struct TimeRange {
    /// The first moment.
    pub(crate) from: Option<UnixMillis>,
    /// The moment after the last one.
    pub(crate) to: Option<UnixMillis>,
}

/// A range whose ends are text as in a line: texts of this form sort as their moments do.
pub(crate) struct TextRange {
    range: TimeRange,
    from: Option<[u8; TIME_BYTES]>,
    to: Option<[u8; TIME_BYTES]>,
}

/// `2026-11-26T02:02:12.123Z`
const TIME_BYTES: usize = 24;

impl TimeRange {
    pub(crate) fn is_everything(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    fn contains(self, at: UnixMillis) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    /// Can a file of lines between these moments hold one of the range?
    fn can_meet(self, first: Option<UnixMillis>, last: Option<UnixMillis>) -> bool {
        let is_later =
            first.zip(self.to).is_some_and(|(first, to)| first.plus_ms(-MARGIN_MS) >= to);
        let is_earlier =
            last.zip(self.from).is_some_and(|(last, from)| last.plus_ms(MARGIN_MS) < from);
        !is_later && !is_earlier
    }

    /// The files that can hold a line of the range, in their order.
    pub(crate) fn files(self, files: &[PathBuf]) -> Result<Vec<&PathBuf>, (PathBuf, io::Error)> {
        if self.is_everything() {
            return Ok(files.iter().collect());
        }
        let read = |path: &PathBuf| Opened::read(path).map_err(|error| (path.clone(), error));
        let opened = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut chains: HashMap<&str, Vec<&Opened>> = HashMap::new();
        for one in opened.iter().flatten() {
            chains.entry(&one.chain).or_default().push(one);
        }
        chains.values_mut().for_each(|chain| chain.sort_by_key(|file| Reverse(file.number)));
        let mut kept = Vec::new();
        for (path, opened) in files.iter().zip(&opened) {
            if opened.as_ref().is_none_or(|one| self.may_need(one, &chains)) {
                kept.push(path);
            }
        }
        Ok(kept)
    }

    fn may_need(self, file: &Opened, chains: &HashMap<&str, Vec<&Opened>>) -> bool {
        let chain = chains.get(&*file.chain).map_or(&[][..], |chain| chain);
        // The next file that is there. Copies have one number.
        let next = chain.iter().rev().find(|other| other.number > file.number);
        let last = next.map_or(file.stopped_at, |next| Some(next.opened_at));
        self.can_meet(file.none_before, last)
    }
}

impl TextRange {
    pub(crate) fn new(range: TimeRange) -> Self {
        let text = |at: UnixMillis| at.to_string().into_bytes().try_into().ok();
        Self { range, from: range.from.and_then(text), to: range.to.and_then(text) }
    }

    /// Is a line outside, as far as its beginning shows? It is not parsed for that.
    pub(crate) fn is_outside(&self, line: &[u8]) -> bool {
        if self.range.is_everything() {
            return false;
        }
        let Some(time) = time_of(line) else { return false };
        self.from.is_some_and(|from| *time < from) || self.to.is_some_and(|to| *time >= to)
    }

    pub(crate) fn contains(&self, time: &str) -> bool {
        self.range.is_everything() || time.parse().is_ok_and(|at| self.range.contains(at))
    }
}

/// The time in a line that begins as the record's lines do.
fn time_of(line: &[u8]) -> Option<&[u8; TIME_BYTES]> {
    let rest = line.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let rest = rest
        .get(digits..)?
        .strip_prefix(b",\"prev\":\"")?
        .get(32..)?
        .strip_prefix(b"\",\"event\":\"")?;
    let word = rest.iter().position(|byte| *byte == b'"')?;
    let rest = rest.get(word..)?.strip_prefix(b"\",\"time\":\"")?;
    let (time, end) = rest.split_first_chunk::<TIME_BYTES>()?;
    (end.first() == Some(&b'"') && time.last() == Some(&b'Z')).then_some(time)
}

/// What the first and the last line of a file say of the times between.
struct Opened {
    /// Node and process.
    chain: String,
    number: u32,
    opened_at: UnixMillis,
    none_before: Option<UnixMillis>,
    /// If the process said that its record ends.
    stopped_at: Option<UnixMillis>,
}

impl Opened {
    /// `None` if the first line is not what a process begins a file with.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut space = Vec::new();
        let first = LineReader::open_head(path)?.next(&mut space)?.map(|line| line.text);
        let Some(facts) = first.and_then(Facts::parse) else { return Ok(None) };
        let (Some(process), Some(number)) = (&facts.process, facts.file_number) else {
            return Ok(None);
        };
        let Ok(opened_at) = facts.time.parse() else { return Ok(None) };
        let promised = facts.none_before.as_deref().and_then(|text| text.parse().ok());
        let last = LastLine::read(path)?;
        let last = last.as_ref().and_then(|last| Facts::parse(&last.text));
        let stopped = last.filter(|line| line.event == "stop");
        Ok(Some(Self {
            chain: format!("{} {}", facts.node, &**process),
            number,
            opened_at,
            none_before: promised.or_else(|| started_at(process)),
            stopped_at: stopped.and_then(|line| line.time.parse().ok()),
        }))
    }
}

/// When a process began, by its name: `20261126T020212123Z-4711`.
fn started_at(process: &str) -> Option<UnixMillis> {
    let (stamp, _) = process.split_once('-')?;
    let part = |from: usize, to: usize| stamp.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second, ms) = (part(9, 11)?, part(11, 13)?, part(13, 15)?, part(15, 18)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}.{ms}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::format::Chain;

    const SECOND: i64 = 1_000;
    const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    fn at(seconds: i64) -> UnixMillis {
        START.plus_ms(seconds * SECOND)
    }

    /// A file of process 1 of node a that begins with such a line; then `last`, an event.
    fn write(path: &Path, number: u32, opened: i64, none_before: Option<i64>, last: &'static str) {
        let (mut chain, mut text) = (Chain::default(), Vec::new());
        chain.append(&mut text, |fields| {
            fields.word("event", "continue").time("time", at(opened)).word("node", "a");
            fields.word("process", "20270115T080000000Z-1").number("file_number", number);
            if let Some(none_before) = none_before {
                fields.time("none_before", at(none_before));
            }
        });
        chain.append(&mut text, |fields| {
            fields.word("event", last).time("time", at(opened + 1)).word("node", "a");
        });
        fs::write(path, text).unwrap();
    }

    fn kept(files: &[PathBuf], from: Option<i64>, to: Option<i64>) -> Vec<usize> {
        let range = TimeRange { from: from.map(at), to: to.map(at) };
        let kept = range.files(files).unwrap();
        kept.iter().map(|path| files.iter().position(|file| file == *path).unwrap()).collect()
    }

    /// Four files of an hour each, and one that is none of the record's.
    fn hours(directory: &Path) -> Vec<PathBuf> {
        let path = |name: &str| directory.join(name);
        for hour in 0..4_u32 {
            let opened = i64::from(hour) * 3_600;
            let last = if hour == 3 { "stop" } else { "decision" };
            write(&path(&format!("{hour}")), hour + 1, opened, Some(opened), last);
        }
        fs::write(path("x"), "what is this?\n").unwrap();
        ["0", "1", "2", "3", "x"].map(path).to_vec()
    }

    #[test]
    fn files_before_and_after_the_time_are_skipped_and_strange_ones_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let files = hours(dir.path());
        assert_eq!(kept(&files, None, None), [0, 1, 2, 3, 4]);
        assert_eq!(kept(&files, Some(4_000), Some(5_000)), [1, 4]);
        // Within the margin of a file's ends.
        assert_eq!(kept(&files, Some(3_660), Some(5_000)), [0, 1, 4]);
        assert_eq!(kept(&files, Some(3_661), Some(5_000)), [1, 4]);
        assert_eq!(kept(&files, Some(4_000), Some(7_140)), [1, 4]);
        assert_eq!(kept(&files, Some(4_000), Some(7_141)), [1, 2, 4]);
        assert_eq!(kept(&files, None, Some(100)), [0, 4]);
        // The last one says when it ended.
        assert_eq!(kept(&files, Some(20_000), None), [4]);
        write(&files[3], 4, 3 * 3_600, Some(3 * 3_600), "decision");
        assert_eq!(kept(&files, Some(20_000), None), [3, 4]);
    }

    /// A disk that stood still for an hour: what waited meanwhile is in the files after it.
    #[test]
    fn a_file_is_judged_by_what_it_promises_and_not_by_when_it_was_opened() {
        let dir = tempfile::tempdir().unwrap();
        let files = hours(dir.path());
        write(&files[2], 3, 7_200, Some(3_600), "decision");
        assert_eq!(kept(&files, Some(4_000), Some(5_000)), [1, 2, 4]);
        // Without a promise it is known that the process did not run before its start.
        write(&files[2], 3, 7_200, None, "decision");
        assert_eq!(kept(&files, Some(4_000), Some(5_000)), [1, 2, 4]);
        assert_eq!(kept(&files, Some(-9_000), Some(-8_000)), [4]);
    }

    #[test]
    fn a_missing_file_makes_the_one_before_reach_further() {
        let dir = tempfile::tempdir().unwrap();
        let files = hours(dir.path());
        let (first, fourth) = (files[0].clone(), files[3].clone());
        assert_eq!(kept(&[first, fourth], Some(8_000), Some(9_000)), [0]);
    }

    #[test]
    fn the_time_of_a_line_is_read_from_its_beginning_alone() {
        let (mut chain, mut text) = (Chain::default(), Vec::new());
        chain.append(&mut text, |fields| {
            fields.word("event", "decision").time("time", at(10)).word("node", "a");
        });
        let range = |from, to| TextRange::new(TimeRange { from: Some(at(from)), to: Some(at(to)) });
        assert!(!range(10, 11).is_outside(&text) && range(11, 12).is_outside(&text));
        assert!(range(0, 10).is_outside(&text) && !range(0, 11).is_outside(&text));
        // Of another line it is not known: it must be parsed.
        for other in ["", "{}", "{\"seq\":1}", "{\"seq\":1,\"prev\":\"", "[1,2]"] {
            assert!(!range(0, 1).is_outside(other.as_bytes()), "{other}");
        }
    }
}
