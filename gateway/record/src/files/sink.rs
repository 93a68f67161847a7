//! The file that is written now: rotation, and writing that goes on where it broke off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use keyring::time::UnixMillis;
use sys::disk;

use super::directory::RecordDirectory;
use crate::format::FileName;

/// The file that is written, and the text that is not written yet.
#[derive(Debug)]
pub(crate) struct Sink {
    directory: RecordDirectory,
    file: Option<OpenFile>,
    /// Of the newest file.
    number: u32,
    pending: Vec<u8>,
    /// Bytes of `pending` that the newest file holds already.
    written: usize,
    /// The first line of the next file has been written to `pending`.
    announced: bool,
    room_checked_ms: i64,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    path: PathBuf,
    bytes: u64,
    opened: UnixMillis,
    unsynced_since: Option<UnixMillis>,
}

/// How long the free room on the file system is not measured again.
const ROOM_CHECK_MS: i64 = 1_000;

impl Sink {
    /// Makes the directory if it is missing, and tries whether it can be written to. A full disk is
    /// no error here.
    pub(crate) fn new(directory: RecordDirectory) -> io::Result<Self> {
        disk::make_private_dir(&directory.path)?;
        if let Some(group) = directory.group {
            disk::share_dir(&directory.path, group)?;
        }
        let probe = directory.path.join(format!(".{}.probe", directory.process));
        match disk::open_private(&probe).and_then(|_| fs::remove_file(&probe)) {
            Err(error) if !disk::is_full(&error) => return Err(error),
            _ => {}
        }
        Ok(Self {
            directory,
            file: None,
            number: 0,
            pending: Vec::new(),
            written: 0,
            announced: false,
            room_checked_ms: i64::MIN,
        })
    }

    pub(crate) fn directory(&self) -> &RecordDirectory {
        &self.directory
    }

    /// The path that an error message names.
    pub(crate) fn path(&self) -> &Path {
        self.file.as_ref().map_or(&self.directory.path, |open| &open.path)
    }

    /// If the next line is the first of a new file, the number of that file. Says so once for each
    /// file.
    pub(crate) fn announce_file(&mut self) -> Option<u32> {
        if self.file.is_some() || self.announced {
            return None;
        }
        self.announced = true;
        Some(self.number + 1)
    }

    /// The text to which lines are added. [`Self::flush`] hands it to the kernel.
    pub(crate) fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Closes the file if it is full, old or removed. Must be called when no text is pending.
    pub(crate) fn rotate(&mut self, now: UnixMillis) -> io::Result<()> {
        let Some(open) = &self.file else { return Ok(()) };
        if open.is_removed() {
            self.file = None;
        } else if open.bytes >= self.directory.bytes_max
            || now.ms_since(open.opened) >= self.directory.age_ms_max
        {
            self.sync()?;
            self.file = None;
        }
        Ok(())
    }

    /// Hands the pending text to the kernel: a killed process loses nothing of that. Continues
    /// where an earlier call failed. Returns the number of bytes.
    pub(crate) fn flush(&mut self, now: UnixMillis) -> io::Result<usize> {
        if self.pending.is_empty() {
            return Ok(0);
        }
        self.check_room(now)?;
        if self.file.as_ref().is_some_and(OpenFile::is_removed) {
            self.file = None;
            // A line that was begun in the removed file is written whole to the next one.
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
                self.undo_open(before);
            }
            return Err(error);
        }
        if is_new {
            self.sync_name()?;
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

    /// Removes a new file that took not one byte. So a file that is empty was emptied by others.
    fn undo_open(&mut self, (number, announced): (u32, bool)) {
        let Some(open) = self.file.take_if(|open| open.bytes == 0) else { return };
        // If it stays, reconciling reports it.
        let _ = fs::remove_file(&open.path);
        (self.number, self.announced) = (number, announced);
    }

    /// Syncs the text of a new file, then its name: a power cut leaves no empty file.
    fn sync_name(&mut self) -> io::Result<()> {
        if let Some(open) = &mut self.file {
            open.file.sync_data()?;
            open.unsynced_since = None;
        }
        File::open(&self.directory.path)?.sync_all()
    }

    /// Syncs the file if its oldest unsynced text is `sync_ms` old.
    pub(crate) fn sync_if_due(&mut self, now: UnixMillis) -> io::Result<()> {
        let since = self.file.as_ref().and_then(|open| open.unsynced_since);
        let sync_ms = self.directory.sync_ms;
        match since {
            Some(since) if sync_ms > 0 && now.ms_since(since) >= sync_ms => self.sync(),
            _ => Ok(()),
        }
    }

    /// Syncs the file. After an error its content is unknown, so the next text goes to a new file.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
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
        let RecordDirectory { path: directory, group, node, process, .. } = &self.directory;
        let name =
            FileName { node: node.clone(), process: process.clone(), number: self.number + 1 };
        let path = directory.join(name.to_string());
        let mut options = OpenOptions::new();
        let file = options.append(true).create_new(true).mode(0o600).open(&path)?;
        if let Some(group) = group
            && let Err(error) = disk::share_file(&file, *group)
        {
            // It would make the next try fail.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.number += 1;
        self.announced = false;
        self.file = Some(OpenFile { file, path, bytes: 0, opened: now, unsynced_since: None });
        Ok(())
    }

    /// Bytes that this process may still write to the file system of the directory.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let room = rustix::fs::statvfs(&self.directory.path)?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }

    fn check_room(&mut self, now: UnixMillis) -> io::Result<()> {
        if now.get() < self.room_checked_ms.saturating_add(ROOM_CHECK_MS) {
            return Ok(());
        }
        let free = self.free_bytes()?;
        if free < self.directory.free_bytes_min {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!(
                    "{} MiB are free on its file system, and record.free_mib_min = {}",
                    free >> 20,
                    self.directory.free_bytes_min >> 20
                ),
            ));
        }
        self.room_checked_ms = now.get();
        Ok(())
    }
}

impl OpenFile {
    /// Was the file removed? Text that is written to it is lost.
    fn is_removed(&self) -> bool {
        self.file.metadata().is_ok_and(|file| file.nlink() == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::{
        files::directory::tests::{NOW, names, sample},
        format::{Chain, CheckedLine},
    };

    fn add(sink: &mut Sink, chain: &mut Chain, text: &str) {
        sink.announce_file();
        chain.append(sink.pending(), |fields| {
            fields.text("text", text.as_bytes());
        });
    }

    fn write(sink: &mut Sink, chain: &mut Chain, text: &str) {
        add(sink, chain, text);
        sink.flush(NOW).unwrap();
    }

    #[test]
    fn a_file_is_closed_by_size_and_by_age() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(sample(dir.path())).unwrap();
        let mut chain = Chain::default();
        assert_eq!(sink.announce_file(), Some(1));
        assert_eq!(sink.announce_file(), None, "announced once");
        write(&mut sink, &mut chain, "one");
        sink.rotate(NOW.plus_ms(3_599_999)).unwrap();
        assert_eq!(sink.announce_file(), None, "not yet");
        sink.rotate(NOW.plus_ms(3_600_000)).unwrap();
        assert_eq!(sink.announce_file(), Some(2), "too old");
        write(&mut sink, &mut chain, &"x".repeat(1_000));
        sink.rotate(NOW).unwrap();
        write(&mut sink, &mut chain, "three");
        assert_eq!(names(dir.path()).len(), 3, "{:?}", names(dir.path()));
    }

    #[test]
    fn what_broke_off_goes_on_where_it_did() {
        // A file that takes nothing: the device that is always full.
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(sample(dir.path())).unwrap();
        let mut chain = Chain::default();
        write(&mut sink, &mut chain, "one");
        let path = sink.path().to_owned();
        let whole = sink.file.as_ref().unwrap().file.try_clone().unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        sink.file.as_mut().unwrap().file = full;
        add(&mut sink, &mut chain, "two");
        assert_eq!(sink.flush(NOW).unwrap_err().kind(), io::ErrorKind::StorageFull);
        // Half of the line had been taken.
        let half = sink.pending.len() / 2;
        (&whole).write_all(&sink.pending[..half]).unwrap();
        sink.written = half;
        sink.file.as_mut().unwrap().file = whole;
        sink.flush(NOW).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(text.lines().all(|line| CheckedLine::check(line.as_bytes()).is_ok()), "{text}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_file_that_was_removed_is_followed_by_another() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(sample(dir.path())).unwrap();
        let mut chain = Chain::default();
        write(&mut sink, &mut chain, "one");
        fs::remove_file(sink.path()).unwrap();
        sink.rotate(NOW).unwrap();
        assert_eq!(sink.announce_file(), Some(2));
        write(&mut sink, &mut chain, "two");
        // Removed between the check and the write, in the middle of a line: it is written whole.
        add(&mut sink, &mut chain, "three");
        sink.written = 5;
        fs::remove_file(sink.path()).unwrap();
        sink.flush(NOW).unwrap();
        let text = fs::read_to_string(sink.path()).unwrap();
        assert!(
            CheckedLine::check(text.trim_end().as_bytes()).is_ok() && text.contains("three"),
            "{text}"
        );
        // A removed directory is not made again: something else may be mounted there.
        fs::remove_dir_all(dir.path()).unwrap();
        add(&mut sink, &mut chain, "four");
        assert_eq!(sink.flush(NOW).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::create_dir(dir.path()).unwrap();
        sink.flush(NOW).unwrap();
        assert!(fs::read_to_string(sink.path()).unwrap().contains("four"));
    }

    #[test]
    fn too_little_room_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink =
            Sink::new(RecordDirectory { free_bytes_min: u64::MAX, ..sample(dir.path()) }).unwrap();
        let mut chain = Chain::default();
        add(&mut sink, &mut chain, "one");
        let error = sink.flush(NOW).unwrap_err();
        assert!(error.to_string().contains("record.free_mib_min"), "{error}");
        assert!(names(dir.path()).is_empty() && sink.free_bytes().unwrap() > 0);
        sink.directory.free_bytes_min = 0;
        sink.flush(NOW).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("nowhere/at/all", dir.path().join("loop")).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(Sink::new(sample(&dir.path().join("file/record"))).is_err());
        assert!(Sink::new(sample(&dir.path().join("new/record"))).is_ok());
    }

    #[test]
    fn a_file_that_took_nothing_is_not_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(sample(dir.path())).unwrap();
        let mut chain = Chain::default();
        add(&mut sink, &mut chain, "one");
        // A full disk: the file is made, and its first write fails.
        let before = (0, true);
        sink.open(NOW).unwrap();
        assert_eq!((sink.number, names(dir.path()).len()), (1, 1));
        sink.undo_open(before);
        assert!(names(dir.path()).is_empty() && sink.file.is_none());
        assert_eq!(
            (sink.number, sink.announce_file()),
            (0, None),
            "its first line is pending still"
        );
        sink.flush(NOW).unwrap();
        assert_eq!(names(dir.path()), ["a.20270115T080000000Z-2.000001.jsonl"]);
        let text = fs::read(sink.path()).unwrap();
        assert!(text.ends_with(b"\n") && !text.is_empty());
        // What has taken bytes stays.
        sink.undo_open(before);
        assert_eq!((sink.number, names(dir.path()).len()), (1, 1));
    }
}
