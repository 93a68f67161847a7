//! A table in a file: making one, and mapping one that is there.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::header::{Birth, HEADER_BYTES, Mismatch, Remains, Store};
use super::memory::{self, Memory};
use super::{Replay, line_count};

/// Why a file is not mapped.
#[derive(Debug)]
pub enum Unmapped {
    /// It is not the table that is wanted; what it says of the past, if it can be read.
    Other(Mismatch, Option<Remains>),
    /// The system refused.
    Failed(io::Error),
}

/// Which file it is: device and number. A copy has others, a renamed file has not.
///
/// # Errors
/// The system's.
pub fn file_id(path: &Path) -> io::Result<[u64; 2]> {
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
pub fn file_bytes(capacity_slots: usize) -> u64 {
    let bytes = HEADER_BYTES + memory::bytes(line_count(capacity_slots));
    u64::try_from(bytes).expect("an address is at most 64 bits")
}

/// Makes an empty file a table, every block of it allocated: what is missing is missed now and is
/// no SIGBUS later. It is whole on disk when this returns.
///
/// # Errors
/// The system's: no space, mostly.
pub fn create(mut file: &File, capacity_slots: usize, birth: &Birth) -> io::Result<()> {
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
    memory.header().begin(birth, line_count(capacity_slots));
    file.sync_all()
}

/// Maps the table in `file`, if it is one of this capacity and store, made in this boot, in this very file.
///
/// # Errors
/// [`Unmapped`].
pub fn map(
    file: &File,
    capacity_slots: usize,
    store: Store,
    boot: u128,
) -> Result<Replay, Unmapped> {
    let bytes = file.metadata().map_err(Unmapped::Failed)?.len();
    let other = |why, remains| Err(Unmapped::Other(why, remains));
    if usize::try_from(bytes).is_ok_and(|bytes| bytes < HEADER_BYTES) {
        return other(Mismatch::Damaged, None);
    }
    let head = map_bytes(file, HEADER_BYTES, false).map_err(Unmapped::Failed)?;
    let id = open_file_id(file).map_err(Unmapped::Failed)?;
    let (header, lines) = (head.header(), line_count(capacity_slots));
    if let Err(why) = header.check(lines, boot, id) {
        return other(why, header.remains());
    }
    if !header.is_for(store) {
        return other(Mismatch::Store, header.remains());
    }
    if bytes != file_bytes(capacity_slots) {
        return other(Mismatch::Damaged, header.remains());
    }
    let bytes = usize::try_from(bytes).expect("as many as the lines, which are counted in usize");
    let memory = map_bytes(file, bytes, true).map_err(Unmapped::Failed)?;
    Ok(Replay::of_file(memory))
}

/// Maps the first bytes, and takes all pages in at once if wanted, to be written: a request that is
/// the first to write to one would wait for the disk, or for the file system's books.
fn map_bytes(file: &File, bytes: usize, at_once: bool) -> io::Result<Memory> {
    let options = &mut MmapOptions::new();
    let options = if at_once { options.populate() } else { options };
    let mapping: MmapRaw = options.len(bytes).map_raw(file)?;
    if at_once {
        // Linux 5.14; what an older one does not do here, requests do one by one.
        let _ = mapping.advise(Advice::PopulateWrite);
    }
    Memory::in_file(mapping).ok_or_else(|| io::Error::other("the mapping has another size"))
}
