//! The file that is written now: rotation, and writing that goes on where it broke off.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use keyring::time::UnixMillis;
use sys::disk;

use super::directory::Place;
use crate::format::FileName;

/// The file that is written, and the text that is to be.
#[derive(Debug)]
pub(crate) struct Sink {
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
    pub(crate) fn new(place: Place) -> io::Result<Self> {
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

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// What is named when the record cannot be written.
    pub(crate) fn path(&self) -> &Path {
        self.file.as_ref().map_or(&self.place.directory, |open| &open.path)
    }

    /// The number of the file whose first line must come next, if one must.
    pub(crate) fn announces(&mut self) -> Option<u32> {
        if self.file.is_some() || self.announced {
            return None;
        }
        self.announced = true;
        Some(self.number + 1)
    }

    /// Where lines are written to; [`Self::flush`] hands them to the kernel.
    pub(crate) fn pending(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Closes the file if it is full, old or no longer in its directory. To be called when
    /// nothing is pending.
    pub(crate) fn rotate(&mut self, now: UnixMillis) -> io::Result<()> {
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
    pub(crate) fn flush(&mut self, now: UnixMillis) -> io::Result<usize> {
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
    pub(crate) fn sync_if_due(&mut self, now: UnixMillis) -> io::Result<()> {
        let since = self.file.as_ref().and_then(|open| open.unsynced_since);
        let sync_ms = self.place.sync_ms;
        match since {
            Some(since) if sync_ms > 0 && now.ms_since(since) >= sync_ms => self.sync(),
            _ => Ok(()),
        }
    }

    /// After an error nobody knows what the file holds: the next text goes to another one.
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
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::{
        files::directory::tests::{NOW, names, place},
        format::{Chain, Sound},
    };

    fn add(sink: &mut Sink, chain: &mut Chain, text: &str) {
        sink.announces();
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
        let mut sink = Sink::new(place(dir.path())).unwrap();
        let mut chain = Chain::default();
        assert_eq!(sink.announces(), Some(1));
        assert_eq!(sink.announces(), None, "announced once");
        write(&mut sink, &mut chain, "one");
        sink.rotate(NOW.plus_ms(3_599_999)).unwrap();
        assert_eq!(sink.announces(), None, "not yet");
        sink.rotate(NOW.plus_ms(3_600_000)).unwrap();
        assert_eq!(sink.announces(), Some(2), "too old");
        write(&mut sink, &mut chain, &"x".repeat(1_000));
        sink.rotate(NOW).unwrap();
        write(&mut sink, &mut chain, "three");
        assert_eq!(names(dir.path()).len(), 3, "{:?}", names(dir.path()));
    }

    #[test]
    fn what_broke_off_goes_on_where_it_did() {
        // A file that takes nothing: the device that is always full.
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(place(dir.path())).unwrap();
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
        assert!(text.lines().all(|line| Sound::check(line.as_bytes()).is_ok()), "{text}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_file_that_was_removed_is_followed_by_another() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(place(dir.path())).unwrap();
        let mut chain = Chain::default();
        write(&mut sink, &mut chain, "one");
        fs::remove_file(sink.path()).unwrap();
        sink.rotate(NOW).unwrap();
        assert_eq!(sink.announces(), Some(2));
        write(&mut sink, &mut chain, "two");
        // Removed between the look and the write, in the middle of a line: it comes whole.
        add(&mut sink, &mut chain, "three");
        sink.written = 5;
        fs::remove_file(sink.path()).unwrap();
        sink.flush(NOW).unwrap();
        let text = fs::read_to_string(sink.path()).unwrap();
        assert!(
            Sound::check(text.trim_end().as_bytes()).is_ok() && text.contains("three"),
            "{text}"
        );
        // Nor is a directory that is gone made again: something else may be mounted there.
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
        let mut sink = Sink::new(Place { free_bytes_min: u64::MAX, ..place(dir.path()) }).unwrap();
        let mut chain = Chain::default();
        add(&mut sink, &mut chain, "one");
        let error = sink.flush(NOW).unwrap_err();
        assert!(error.to_string().contains("record.free_mib_min"), "{error}");
        assert!(names(dir.path()).is_empty());
        sink.place.free_bytes_min = 0;
        sink.flush(NOW).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("nowhere/at/all", dir.path().join("loop")).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(Sink::new(place(&dir.path().join("file/record"))).is_err());
        assert!(Sink::new(place(&dir.path().join("new/record"))).is_ok());
    }

    #[test]
    fn a_file_that_took_nothing_is_not_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut sink = Sink::new(place(dir.path())).unwrap();
        let mut chain = Chain::default();
        add(&mut sink, &mut chain, "one");
        // As a full disk leaves it: the file is made, and its first write fails.
        let before = (0, true);
        sink.open(NOW).unwrap();
        assert_eq!((sink.number, names(dir.path()).len()), (1, 1));
        sink.take_back(before);
        assert!(names(dir.path()).is_empty() && sink.file.is_none());
        assert_eq!((sink.number, sink.announces()), (0, None), "its first line is pending still");
        sink.flush(NOW).unwrap();
        assert_eq!(names(dir.path()), ["a.20270115T080000000Z-2.000001.jsonl"]);
        let text = fs::read(sink.path()).unwrap();
        assert!(text.ends_with(b"\n") && !text.is_empty());
        // What has taken bytes stays.
        sink.take_back(before);
        assert_eq!((sink.number, names(dir.path()).len()), (1, 1));
    }
}
