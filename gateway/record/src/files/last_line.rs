//! The last line of a file, without reading the file.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::{format::CheckedLine, limits::LINE_BYTES_MAX};

/// The last sound line of a file.
#[derive(Debug)]
pub(crate) struct LastLine {
    pub(crate) line: CheckedLine,
    /// Without its line feed.
    pub(crate) text: Vec<u8>,
    /// Half a line follows: the machine stopped while it was written.
    pub(crate) is_torn: bool,
}

impl LastLine {
    /// Reads the end of the file alone; `None` if no sound line is there.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let reach = u64::try_from(2 * LINE_BYTES_MAX).unwrap_or(u64::MAX);
        file.seek(SeekFrom::Start(bytes.saturating_sub(reach)))?;
        let mut end = Vec::new();
        file.take(reach).read_to_end(&mut end)?;
        let is_torn = end.last().is_some_and(|byte| *byte != b'\n');
        let mut lines = end.rsplit(|byte| *byte == b'\n');
        // After the last line feed: nothing, or half a line.
        lines.next();
        let found = lines.find_map(|text| Some((CheckedLine::check(text).ok()?, text)));
        Ok(found.map(|(line, text)| Self { line, text: text.to_vec(), is_torn }))
    }
}
