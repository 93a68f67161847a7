//! The directory of the record: its files by name, how the last process ended, what has expired.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use keyring::time::UnixMillis;
use sys::disk::Group;

use super::last_line::LastLine;
use crate::{
    format::{FileName, LineHash},
    limits::NODE_BYTES_MAX,
    settings::Settings,
};

/// Where a process writes, and its rules.
#[derive(Debug, Clone)]
pub(crate) struct RecordDirectory {
    pub(crate) path: PathBuf,
    pub(crate) group: Option<Group>,
    pub(crate) node: String,
    pub(crate) process: String,
    pub(crate) bytes_max: u64,
    pub(crate) age_ms_max: i64,
    pub(crate) keep_ms: Option<i64>,
    pub(crate) free_bytes_min: u64,
    pub(crate) sync_ms: i64,
}

/// Where the record of a process ends.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(crate) struct ChainEnd {
    pub(crate) process: String,
    pub(crate) seq: u64,
    pub(crate) hash: LineHash,
    /// Half a line follows: the machine stopped while it was written.
    pub(crate) torn: bool,
}

/// A file that is older than `keep_days`.
#[derive(Debug)]
pub(crate) struct ExpiredFile {
    pub(crate) name: String,
    pub(crate) last: ChainEnd,
}

impl RecordDirectory {
    /// The directory of this process, whose first line is from `now`.
    pub(crate) fn new(settings: &Settings, group: Option<Group>, now: UnixMillis) -> Self {
        // 2026-11-26T02:02:12.123Z without separators: colons make trouble in file names.
        let start: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let day_ms = 86_400_000;
        Self {
            path: settings.directory.clone(),
            group,
            node: settings.node.clone().unwrap_or_else(host_name),
            process: format!("{start}-{}", std::process::id()),
            bytes_max: settings.file_mib_max << 20,
            age_ms_max: i64::from(settings.file_hours_max) * 3_600_000,
            keep_ms: (settings.keep_days > 0).then(|| i64::from(settings.keep_days) * day_ms),
            free_bytes_min: settings.free_mib_min << 20,
            sync_ms: i64::from(settings.sync_ms),
        }
    }

    /// The last sound line of this node's earlier processes, in the order of file names.
    pub(crate) fn previous_end(&self) -> io::Result<Option<ChainEnd>> {
        for name in self.names()?.iter().rev() {
            if let Some(last) = last_line(&self.path.join(name.to_string()), name)? {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Files of this node's other processes that are older than `keep_days`.
    pub(crate) fn expired_files(&self, now: UnixMillis) -> io::Result<Vec<ExpiredFile>> {
        let Some(keep_ms) = self.keep_ms else { return Ok(Vec::new()) };
        let mut expired = Vec::new();
        for name in self.names()? {
            let path = self.path.join(name.to_string());
            let Some(written) = written_at(&path) else { continue };
            if name.process == self.process || now.ms_since(written) < keep_ms {
                continue;
            }
            if let Some(last) = last_line(&path, &name)? {
                expired.push(ExpiredFile { name: name.to_string(), last });
            }
        }
        Ok(expired)
    }

    /// Deletes the file. It is no error if another process did so already.
    pub(crate) fn remove(&self, expired: &ExpiredFile) -> io::Result<()> {
        match fs::remove_file(self.path.join(&expired.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn names(&self) -> io::Result<Vec<FileName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = FileName::of(&entry?.path());
            names.extend(name.filter(|name| name.node == self.node));
        }
        names.sort();
        Ok(names)
    }
}

/// The machine's name with a-z, 0-9 and - alone, cut to [`NODE_BYTES_MAX`].
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
    let name: String = name.trim().chars().take(NODE_BYTES_MAX).map(plain).collect();
    if name.is_empty() { "node".to_owned() } else { name.to_ascii_lowercase() }
}

fn written_at(path: &Path) -> Option<UnixMillis> {
    let written = fs::metadata(path).and_then(|file| file.modified()).ok()?;
    let ms = written.duration_since(UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(ms).ok().map(UnixMillis::new)
}

fn last_line(path: &Path, name: &FileName) -> io::Result<Option<ChainEnd>> {
    Ok(LastLine::read(path)?.map(|LastLine { line, is_torn, .. }| ChainEnd {
        process: name.process.clone(),
        seq: line.seq,
        hash: line.hash,
        torn: is_torn,
    }))
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::File;

    use super::*;
    use crate::format::Chain;

    pub(in crate::files) const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    pub(in crate::files) fn sample(directory: &Path) -> RecordDirectory {
        RecordDirectory {
            group: None,
            path: directory.to_owned(),
            node: "a".to_owned(),
            process: "20270115T080000000Z-2".to_owned(),
            bytes_max: 1_000,
            age_ms_max: 3_600_000,
            keep_ms: None,
            free_bytes_min: 0,
            sync_ms: 1_000,
        }
    }

    pub(in crate::files) fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_end_of_the_process_before_is_found_also_behind_half_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let here = sample(dir.path());
        assert_eq!(here.previous_end().unwrap(), None);
        let (mut chain, mut text) = (Chain::default(), Vec::new());
        for _ in 0..3 {
            chain.append(&mut text, |fields| {
                fields.number("n", 1);
            });
        }
        let file = dir.path().join("a.20270114T080000000Z-1.000001.jsonl");
        fs::write(&file, &text).unwrap();
        // Other nodes, other files, and a newer process that wrote nothing do not count.
        fs::write(dir.path().join("b.20270115T070000000Z-1.000001.jsonl"), "x").unwrap();
        fs::write(dir.path().join("a.20270115T070000000Z-1.000001.jsonl"), "").unwrap();
        fs::write(dir.path().join("zzz"), "").unwrap();
        let previous = here.previous_end().unwrap().unwrap();
        assert_eq!((previous.seq, previous.hash, previous.torn), (2, chain.hash, false));
        text.extend_from_slice(b"{\"seq\":3,\"prev\":\"00");
        fs::write(&file, &text).unwrap();
        let previous = here.previous_end().unwrap().unwrap();
        assert_eq!((previous.seq, previous.hash, previous.torn), (2, chain.hash, true));
        assert_eq!(previous.process, "20270114T080000000Z-1");
    }

    #[test]
    fn only_old_files_of_this_node_expire() {
        let dir = tempfile::tempdir().unwrap();
        let day_ms = 86_400_000;
        let here = RecordDirectory { keep_ms: Some(184 * day_ms), ..sample(dir.path()) };
        let (mut chain, mut text) = (Chain::default(), Vec::new());
        chain.append(&mut text, |_| {});
        let put = |name: &str, age_ms: i64| {
            let path = dir.path().join(name);
            fs::write(&path, &text).unwrap();
            let written = u64::try_from(NOW.get() - age_ms).unwrap();
            let written = UNIX_EPOCH + std::time::Duration::from_millis(written);
            File::options().write(true).open(path).unwrap().set_modified(written).unwrap();
        };
        put("a.20260101T080000000Z-1.000001.jsonl", 184 * day_ms);
        put("a.20260101T080000000Z-1.000002.jsonl", 184 * day_ms - 1);
        put("b.20260101T080000000Z-1.000001.jsonl", 900 * day_ms);
        put("a.20270115T080000000Z-2.000001.jsonl", 900 * day_ms);
        let expired = here.expired_files(NOW).unwrap();
        let [one] = &expired[..] else { panic!("{expired:?}") };
        assert_eq!(one.name, "a.20260101T080000000Z-1.000001.jsonl");
        assert_eq!((one.last.seq, one.last.hash), (0, chain.hash));
        here.remove(one).unwrap();
        here.remove(one).unwrap();
        assert_eq!(names(dir.path()).len(), 3);
        assert!(RecordDirectory { keep_ms: None, ..here }.expired_files(NOW).unwrap().is_empty());
    }
}
