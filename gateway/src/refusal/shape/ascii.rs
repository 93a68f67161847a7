//! JSON of ASCII alone: each charset that a hospital system assumes reads it the same way.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// A body has about 900 bytes at the most: one allocation is enough.
const BODY_BYTES: usize = 1024;

/// Writes a value. A character beyond ASCII becomes `\u` with four hexadecimal digits, or two of these: a
/// pair of surrogates (RFC 8259, 7).
pub(super) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(BODY_BYTES);
    let mut serializer = Serializer::with_formatter(&mut json, Ascii);
    value.serialize(&mut serializer).expect("strings, numbers and null are JSON");
    json
}

struct Ascii;

impl Formatter for Ascii {
    /// Whatever JSON itself escapes is no part of a fragment.
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        for part in fragment.split_inclusive(|letter: char| !letter.is_ascii()) {
            let plain = part.trim_end_matches(|letter: char| !letter.is_ascii());
            writer.write_all(plain.as_bytes())?;
            for unit in part.get(plain.len()..).unwrap_or_default().encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}
