//! A table in a file: making one, and mapping one that is there.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::header::{Birth, HEADER_BYTES, Mismatch, Remains, Store};
use crate::memory::{self, Memory, line_count};
use crate::replay::Replay;
use crate::single_use::Retention;

/// Why a file is not mapped.
#[derive(Debug)]
pub enum MapError {
    /// It is not the table that is wanted. What is left of it, if that can be read.
    Mismatch(Mismatch, Option<Remains>),
    /// The system's error.
    Io(io::Error),
}

/// Which file it is: device and inode number. Those of a copy differ, those of a renamed file do
/// not.
///
/// # Errors
/// The system's.
pub(crate) fn file_id(path: &Path) -> io::Result<[u64; 2]> {
    std::fs::metadata(path).map(|data| [data.dev(), data.ino()])
}

/// The same of an open file.
///
/// # Errors
/// The system's.
pub fn open_file_id(file: &File) -> io::Result<[u64; 2]> {
    file.metadata().map(|data| [data.dev(), data.ino()])
}

/// Bytes of the file of a table of at least `capacity_slots` slots.
pub(crate) fn file_bytes(capacity_slots: usize) -> u64 {
    let bytes = HEADER_BYTES + memory::bytes(line_count(capacity_slots));
    u64::try_from(bytes).expect("an address is at most 64 bits")
}

/// Makes a table of an empty file and syncs it to the disk.
///
/// Every block is allocated: a disk without room is an error now, and no SIGBUS later.
///
/// # Errors
/// The system's: no space, mostly.
pub fn create<R: Retention>(
    mut file: &File,
    capacity_slots: usize,
    birth: &Birth,
) -> io::Result<()> {
    let bytes = file_bytes(capacity_slots);
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // Not every file system can; then the blocks are written.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeroes = [0; HEADER_BYTES];
            let pages = bytes.div_ceil(u64::try_from(HEADER_BYTES).expect("small"));
            (0..pages).try_for_each(|_| file.write_all(&zeroes))?;
            file.set_len(bytes)?;
        }
        done => done?,
    }
    let memory = map_bytes(file, HEADER_BYTES, false)?;
    memory.header().initialize::<R>(birth, line_count(capacity_slots));
    file.sync_all()
}

/// Maps the table in `file`. It must be of this kind, have this capacity and store, and must have
/// been made in this boot and in this very file. The table redeems nothing before its first lease and promise.
///
/// # Errors
/// [`MapError`].
pub fn map<R: Retention>(
    file: &File,
    capacity_slots: usize,
    store: Store,
    boot: u128,
) -> Result<Replay<R>, MapError> {
    let bytes = file.metadata().map_err(MapError::Io)?.len();
    let other = |why, remains| Err(MapError::Mismatch(why, remains));
    if usize::try_from(bytes).is_ok_and(|bytes| bytes < HEADER_BYTES) {
        return other(Mismatch::Damaged, None);
    }
    let head = map_bytes(file, HEADER_BYTES, false).map_err(MapError::Io)?;
    let id = open_file_id(file).map_err(MapError::Io)?;
    let (header, lines) = (head.header(), line_count(capacity_slots));
    if let Err(why) = header.check::<R>(lines, boot, id) {
        return other(why, header.remains::<R>());
    }
    if !header.is_for(store) {
        return other(Mismatch::Store, header.remains::<R>());
    }
    if bytes != file_bytes(capacity_slots) {
        return other(Mismatch::Damaged, header.remains::<R>());
    }
    let bytes = usize::try_from(bytes).expect("as many as the lines, which are counted in usize");
    let memory = map_bytes(file, bytes, true).map_err(MapError::Io)?;
    Ok(Replay::of_file(memory))
}

/// Maps the first bytes. If `populates`, it also faults in all pages for writing. Otherwise the
/// first request that writes to a page would wait for the disk, or for the file system's metadata.
fn map_bytes(file: &File, bytes: usize, populates: bool) -> io::Result<Memory> {
    let options = &mut MmapOptions::new();
    let options = if populates { options.populate() } else { options };
    let mapping: MmapRaw = options.len(bytes).map_raw(file)?;
    if populates {
        // Linux 5.14. With an older kernel the requests fault the pages in one by one.
        let _ = mapping.advise(Advice::PopulateWrite);
    }
    Memory::in_file(mapping).ok_or_else(|| io::Error::other("the mapping has another size"))
}
