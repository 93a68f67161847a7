//! The record's files: names that sort, rotation, what is kept, and writing that goes on where it
//! broke off.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use keyring::time::UnixMillis;

use super::{
    limits::LINE_BYTES_MAX,
    line::{LineHash, Sound},
};
use sys::disk::{self, Group};

/// `<node>.<start>-<process id>.<number>.jsonl`: sorted by name, a node's processes come in the
/// order of their starts, and each one's files in the order in which they were written.
#[derive(Debug, Clone, Eq, PartialEq, Ord, PartialOrd)]
pub struct FileName {
    /// The node.
    pub node: String,
    /// When the process started, and its id: `20261126T020212123Z-4711`.
    pub process: String,
    /// Counted from 1.
    pub number: u32,
}

impl FileName {
    /// Reads a name; `None` if it is none of the record's.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let (node, process, number) = (parts.next()?, parts.next()?, parts.next()?);
        let is_ours = parts.next() == Some("jsonl") && parts.next().is_none();
        let number = number.parse().ok().filter(|_| is_ours)?;
        Some(Self { node: node.to_owned(), process: process.to_owned(), number })
    }

    /// The name of the file at a path.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        Self::parse(path.file_name()?.to_str()?)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{:06}.jsonl", self.node, self.process, self.number)
    }
}

/// Where a process writes, and by which rules.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    pub(super) group: Option<Group>,
    pub(super) node: String,
    pub(super) process: String,
    pub(super) bytes_max: u64,
    pub(super) age_ms_max: i64,
    pub(super) keep_ms: Option<i64>,
    pub(super) free_bytes_min: u64,
    pub(super) sync_ms: i64,
}

/// Where the record of a process ends.
#[derive(Debug, Clone, Eq, PartialEq)]
pub(super) struct Previous {
    pub(super) process: String,
    pub(super) seq: u64,
    pub(super) hash: LineHash,
    /// Text without a line's end follows: the machine stopped while it was written.
    pub(super) torn: bool,
}

/// A file that is older than what is kept.
#[derive(Debug)]
pub(super) struct Expired {
    pub(super) name: String,
    pub(super) last: Previous,
}

impl Place {
    /// The last sound line that this node's earlier processes left, by the order of names.
    pub(super) fn previous(&self) -> io::Result<Option<Previous>> {
        for name in self.names()?.iter().rev() {
            if let Some(last) = last_line(&self.directory.join(name.to_string()), name)? {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// This node's files by others than this process that are older than what is kept.
    pub(super) fn expired(&self, now: UnixMillis) -> io::Result<Vec<Expired>> {
        let Some(keep_ms) = self.keep_ms else { return Ok(Vec::new()) };
        let mut expired = Vec::new();
        for name in self.names()? {
            let path = self.directory.join(name.to_string());
            let Some(written) = written_at(&path) else { continue };
            if name.process == self.process || now.ms_since(written) < keep_ms {
                continue;
            }
            if let Some(last) = last_line(&path, &name)? {
                expired.push(Expired { name: name.to_string(), last });
            }
        }
        Ok(expired)
    }

    /// Another process may have removed it already.
    pub(super) fn remove(&self, expired: &Expired) -> io::Result<()> {
        match fs::remove_file(self.directory.join(&expired.name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn names(&self) -> io::Result<Vec<FileName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = FileName::of(&entry?.path());
            names.extend(name.filter(|name| name.node == self.node));
        }
        names.sort();
        Ok(names)
    }
}

fn written_at(path: &Path) -> Option<UnixMillis> {
    let written = fs::metadata(path).and_then(|file| file.modified()).ok()?;
    let ms = written.duration_since(UNIX_EPOCH).ok()?.as_millis();
    i64::try_from(ms).ok().map(UnixMillis::new)
}

/// The last sound line of a file, found from its end; `None` if there is none near it.
fn last_line(path: &Path, name: &FileName) -> io::Result<Option<Previous>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let reach = u64::try_from(2 * LINE_BYTES_MAX).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(bytes.saturating_sub(reach)))?;
    let mut end = Vec::new();
    file.take(reach).read_to_end(&mut end)?;
    let torn = end.last().is_some_and(|byte| *byte != b'\n');
    let mut lines = end.rsplit(|byte| *byte == b'\n');
    // What follows the last line's end: nothing, or what is torn.
    lines.next();
    Ok(lines.find_map(|line| Sound::check(line).ok()).map(|Sound { seq, hash, .. }| Previous {
        process: name.process.clone(),
        seq,
        hash,
        torn,
    }))
}

/// The file that is written, and the text that is to be.
#[derive(Debug)]
pub(super) struct Sink {
    place: Place,
    file: Option<Open>,
    /// Of the newest file.
    number: u32,
    pending: Vec<u8>,
    /// Bytes of `pending` that the newest file holds already.
    written: usize,
    /// The first line of the next file has been written to `pending`.
    announced: bool,
    room_known_ms: i64,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    bytes: u64,
    opened: UnixMillis,
    unsynced_since: Option<UnixMillis>,
}

/// How often the room on the file system is looked at.
const ROOM_KNOWN_MS: i64 = 1_000;

impl Sink {
    /// Makes the directory if it is missing, and sees that it can be written to, or could be if
    /// there were room.
    pub(super) fn new(place: Place) -> io::Result<Self> {
        disk::make_private_dir(&place.directory)?;
        if let Some(group) = place.group {
            disk::share_dir(&place.directory, group)?;
        }
        let probe = place.directory.join(format!(".{}.probe", place.process));
        match disk::open_private(&probe).and_then(|_| fs::remove_file(&probe)) {
            Err(error) if !disk::is_full(&error) => return Err(error),
            _ => {}
        }
        Ok(Self {
            place,
            file: None,
            number: 0,
            pending: Vec::new(),
            written: 0,
            announced: false,
            room_known_ms: i64::MIN,
        })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What is named when the record cannot be written.
    pub(super) fn path(&self) -> &Path {
        self.file.as_ref().map_or(&self.place.directory, |open| &open.path)
    }

    /// The number of the file whose first line must come next, if one must.
    pub(super) fn announces(&mut self) -> Option<u32> {
        if self.file.is_some() || self.announced {
            return None;
        }
        self.announced = true;
        Some(self.number + 1)
    }

    /// Where lines are written to; [`Self::flush`] hands them to the kernel.
    pub(super) fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Closes the file if it is full, old or no longer in its directory. To be called when
    /// nothing is pending.
    pub(super) fn rotate(&mut self, now: UnixMillis) -> io::Result<()> {
        let Some(open) = &self.file else { return Ok(()) };
        if open.is_gone() {
            self.file = None;
        } else if open.bytes >= self.place.bytes_max
            || now.ms_since(open.opened) >= self.place.age_ms_max
        {
            self.sync()?;
            self.file = None;
        }
        Ok(())
    }

    /// Hands what is pending to the kernel: a killed process loses nothing of it. Goes on where
    /// an earlier call broke off. Returns the bytes.
    pub(super) fn flush(&mut self, now: UnixMillis) -> io::Result<usize> {
        if self.pending.is_empty() {
            return Ok(0);
        }
        self.look_for_room(now)?;
        if self.file.as_ref().is_some_and(Open::is_gone) {
            self.file = None;
            // The line that was begun in the file that is gone comes whole in the next one.
            let begun = self.pending.get(..self.written).unwrap_or_default();
            self.written = begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        }
        let before = (self.number, self.announced);
        let is_new = self.file.is_none();
        if is_new {
            self.open(now)?;
        }
        if let Err(error) = self.write_pending(now) {
            if is_new {
                self.take_back(before);
            }
            return Err(error);
        }
        if is_new {
            self.keep_name()?;
        }
        let bytes = self.pending.len();
        self.pending.clear();
        self.written = 0;
        Ok(bytes)
    }

    fn write_pending(&mut self, now: UnixMillis) -> io::Result<()> {
        let Some(open) = &mut self.file else { return Ok(()) };
        while let Some(rest) = self.pending.get(self.written..).filter(|rest| !rest.is_empty()) {
            match open.file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.written += bytes;
                    open.bytes += u64::try_from(bytes).unwrap_or(0);
                    open.unsynced_since.get_or_insert(now);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes a new file that took not one byte: a file that is empty later was emptied from outside.
    fn take_back(&mut self, (number, announced): (u32, bool)) {
        let Some(open) = self.file.take_if(|open| open.bytes == 0) else { return };
        // If it stays, reconciling tells it.
        let _ = fs::remove_file(&open.path);
        (self.number, self.announced) = (number, announced);
    }

    /// Makes what a new file holds outlive a power cut, then its name: an empty file is not left.
    fn keep_name(&mut self) -> io::Result<()> {
        if let Some(open) = &mut self.file {
            open.file.sync_data()?;
            open.unsynced_since = None;
        }
        File::open(&self.place.directory)?.sync_all()
    }

    /// Makes what was written safe from a power cut, if it has waited for `sync_ms`.
    pub(super) fn sync_if_due(&mut self, now: UnixMillis) -> io::Result<()> {
        let since = self.file.as_ref().and_then(|open| open.unsynced_since);
        let sync_ms = self.place.sync_ms;
        match since {
            Some(since) if sync_ms > 0 && now.ms_since(since) >= sync_ms => self.sync(),
            _ => Ok(()),
        }
    }

    /// After an error nobody knows what the file holds: the next text goes to another one.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.file else { return Ok(()) };
        if open.unsynced_since.take().is_some()
            && let Err(error) = open.file.sync_data()
        {
            self.file = None;
            return Err(error);
        }
        Ok(())
    }

    fn open(&mut self, now: UnixMillis) -> io::Result<()> {
        let Place { directory, group, node, process, .. } = &self.place;
        let name =
            FileName { node: node.clone(), process: process.clone(), number: self.number + 1 };
        let path = directory.join(name.to_string());
        let mut options = OpenOptions::new();
        let file = options.append(true).create_new(true).mode(0o600).open(&path)?;
        if let Some(group) = group
            && let Err(error) = disk::share_file(&file, *group)
        {
            // It would be in the way of the next try.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.number += 1;
        self.announced = false;
        self.file = Some(Open { file, path, bytes: 0, opened: now, unsynced_since: None });
        Ok(())
    }

    fn look_for_room(&mut self, now: UnixMillis) -> io::Result<()> {
        if now.get() < self.room_known_ms.saturating_add(ROOM_KNOWN_MS) {
            return Ok(());
        }
        let room = rustix::fs::statvfs(&self.place.directory)?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        if free < self.place.free_bytes_min {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!(
                    "{} MiB are free on its file system, and record.free_mib_min = {}",
                    free >> 20,
                    self.place.free_bytes_min >> 20
                ),
            ));
        }
        self.room_known_ms = now.get();
        Ok(())
    }
}

impl Open {
    /// Somebody removed the file: what is written to it is lost.
    fn is_gone(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.nlink() == 0)
    }
}

#[cfg(test)]
mod tests;
