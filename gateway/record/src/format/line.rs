//! One line of the record: a JSON object. Its first fields tie it to the line before; its last
//! field is the hash of the text before it.
//!
//! ```text
//! {"seq":7,"prev":"<hash of line 6>", ... ,"hash":"<hash of this line>"}
//! ```
//!
//! The hash is the first 16 bytes of SHA-256 over the line's text up to, and without, `,"hash"`:
//! `sed 's/,"hash":.*//' | tr -d '\n' | sha256sum` shows it. It covers `prev`.
//! To change, drop or move a line, one must rewrite all lines that follow, in this process's files
//! and in those of the next process, whose first line names the last hash that it found.

use std::io::Write as _;

use keyring::time::UnixMillis;
use sha2::{Digest as _, Sha256};

/// The hash of a line: 16 bytes of SHA-256.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Hash)]
pub(crate) struct LineHash([u8; HASH_BYTES]);

const HASH_BYTES: usize = 16;
const HASH_CHARS: usize = 2 * HASH_BYTES;
const SEQ: &[u8] = b"{\"seq\":";
const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";

impl LineHash {
    fn of(text: &[u8]) -> Self {
        let whole: [u8; 32] = Sha256::digest(text).into();
        Self(*whole.first_chunk().expect("32 bytes hold 16"))
    }

    /// Reads 32 lower-case hex digits.
    #[must_use]
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let digits: &[u8; HASH_CHARS] = text.try_into().ok()?;
        let mut bytes = [0; HASH_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let [high, low] = *pair;
            *byte = hex_value(high)? << 4 | hex_value(low)?;
        }
        Some(Self(bytes))
    }
}

impl std::fmt::Display for LineHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The value of a lower-case hex digit.
fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The end of a chain: the number of the next line and the hash of the last one.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Chain {
    pub(crate) seq: u64,
    pub(crate) hash: LineHash,
}

impl Chain {
    /// Writes one line to the end of `out`, its fields by `write`.
    pub(crate) fn append(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Fields<'_>)) {
        let start = out.len();
        out.extend_from_slice(SEQ);
        let mut number = itoa::Buffer::new();
        out.extend_from_slice(number.format(self.seq).as_bytes());
        out.extend_from_slice(PREV);
        hex(out, &self.hash.0);
        out.push(b'"');
        write(&mut Fields(out));
        let hash = LineHash::of(out.get(start..).unwrap_or_default());
        out.extend_from_slice(HASH);
        hex(out, &hash.0);
        out.extend_from_slice(END);
        out.push(b'\n');
        *self = Self { seq: self.seq + 1, hash };
    }
}

fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| *DIGITS.get(usize::from(four)).expect("four bits count to 16");
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// Writes the fields of a line, in the order of the calls.
pub(crate) struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, name: &'static str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A word of the gateway, which needs no escape.
    pub(crate) fn word(&mut self, name: &'static str, word: impl AsRef<str>) -> &mut Self {
        let word = word.as_ref();
        debug_assert!(word.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\'));
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(word.as_bytes());
        self.0.push(b'"');
        self
    }

    /// A word, or null.
    pub(crate) fn word_or_null(&mut self, name: &'static str, word: Option<&str>) -> &mut Self {
        match word {
            Some(word) => self.word(name, word),
            None => self.null(name),
        }
    }

    /// Any text, escaped. Bytes that are no UTF-8 become U+FFFD.
    pub(crate) fn text(&mut self, name: &'static str, text: &[u8]) -> &mut Self {
        self.name(name);
        serde_json::to_writer(&mut *self.0, &String::from_utf8_lossy(text))
            .expect("a text can be written to memory");
        self
    }

    /// Any text, or null if it is empty.
    pub(crate) fn text_or_null(&mut self, name: &'static str, text: &[u8]) -> &mut Self {
        if text.is_empty() { self.null(name) } else { self.text(name, text) }
    }

    pub(crate) fn number(&mut self, name: &'static str, number: impl itoa::Integer) -> &mut Self {
        self.name(name);
        let mut buffer = itoa::Buffer::new();
        self.0.extend_from_slice(buffer.format(number).as_bytes());
        self
    }

    pub(crate) fn boolean(&mut self, name: &'static str, holds: bool) -> &mut Self {
        self.name(name);
        self.0.extend_from_slice(if holds { b"true" } else { b"false" });
        self
    }

    pub(crate) fn null(&mut self, name: &'static str) -> &mut Self {
        self.name(name);
        self.0.extend_from_slice(b"null");
        self
    }

    /// An object of words, which need no escape, and how many there are of each.
    pub(crate) fn counts(&mut self, name: &'static str, counts: &[(&'static str, u64)]) {
        self.name(name);
        self.0.push(b'{');
        for (place, (word, count)) in counts.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(self.0, "{comma}\"{word}\":{count}").expect("memory takes what is written");
        }
        self.0.push(b'}');
    }

    /// Bytes as lower-case hex.
    pub(crate) fn hex(&mut self, name: &'static str, bytes: &[u8]) -> &mut Self {
        self.name(name);
        self.0.push(b'"');
        hex(self.0, bytes);
        self.0.push(b'"');
        self
    }

    /// A value whose `Display` needs no escape.
    pub(crate) fn display(
        &mut self,
        name: &'static str,
        value: impl std::fmt::Display,
    ) -> &mut Self {
        self.name(name);
        write!(self.0, "\"{value}\"").expect("memory takes what is written");
        self
    }

    /// RFC 3339 in UTC, with milliseconds.
    pub(crate) fn time(&mut self, name: &'static str, at: UnixMillis) -> &mut Self {
        self.display(name, at)
    }
}

/// A line whose hash matches its text.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct CheckedLine {
    /// The number of the line in the files of its process, from 0.
    pub(crate) seq: u64,
    /// The hash of the line before.
    pub(crate) prev: LineHash,
    /// The hash of this line.
    pub(crate) hash: LineHash,
}

/// Why a line is no sound line of the record.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum LineError {
    /// It does not have the form of a line.
    #[error("it has not the form of a line of the record")]
    Form,
    /// Its hash does not match its text.
    #[error("its text is not the one that was written: the hash at its end does not match")]
    Hash,
}

impl CheckedLine {
    /// Checks one line, without its line feed.
    ///
    /// # Errors
    /// [`LineError`].
    pub(crate) fn check(line: &[u8]) -> Result<Self, LineError> {
        let tail = HASH.len() + HASH_CHARS + END.len();
        let at = line.len().checked_sub(tail).ok_or(LineError::Form)?;
        let (text, tail) = line.split_at_checked(at).ok_or(LineError::Form)?;
        let hash = tail.strip_prefix(HASH).and_then(|rest| rest.strip_suffix(END));
        let hash = hash.and_then(LineHash::parse).ok_or(LineError::Form)?;
        let (seq, prev) = head(text).ok_or(LineError::Form)?;
        if LineHash::of(text) != hash {
            return Err(LineError::Hash);
        }
        Ok(Self { seq, prev, hash })
    }
}

fn head(text: &[u8]) -> Option<(u64, LineHash)> {
    let rest = text.strip_prefix(SEQ)?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let (seq, rest) = rest.split_at_checked(digits)?;
    let seq = str::from_utf8(seq).ok()?.parse().ok()?;
    let prev = rest.strip_prefix(PREV)?.get(..HASH_CHARS)?;
    Some((seq, LineHash::parse(prev)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn two_lines(text: &[u8]) -> Vec<u8> {
        let (mut chain, mut out) = (Chain::default(), Vec::new());
        chain.append(&mut out, |fields| {
            fields.word("event", "start").time("time", UnixMillis::new(1_800_000_000_123));
        });
        chain.append(&mut out, |fields| {
            fields.text("client_request_id", text).number("age", -3).null("status");
            fields.boolean("sent", true).hex("trace", &[0, 0xab]);
        });
        out
    }

    #[test]
    fn a_line_is_written_as_it_is_documented() {
        let out = two_lines(b"a\"b\n\xff");
        let lines: Vec<&[u8]> =
            out.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').collect();
        let first = "{\"seq\":0,\"prev\":\"00000000000000000000000000000000\",\"event\":\"start\",\
                     \"time\":\"2027-01-15T08:00:00.123Z\"";
        let hash = LineHash::of(first.as_bytes());
        assert_eq!(lines[0], format!("{first},\"hash\":\"{hash}\"}}").as_bytes());
        let second = format!(
            "{{\"seq\":1,\"prev\":\"{hash}\",\"client_request_id\":\"a\\\"b\\n\u{fffd}\",\
             \"age\":-3,\"status\":null,\"sent\":true,\"trace\":\"00ab\",\"hash\":\""
        );
        assert!(lines[1].starts_with(second.as_bytes()));
        let sound = CheckedLine::check(lines[1]).unwrap();
        assert_eq!((sound.seq, sound.prev), (1, hash));
        assert_eq!(LineHash::parse(sound.hash.to_string().as_bytes()), Some(sound.hash));
    }

    proptest! {
        /// A line stays one sound line of JSON with any text of a client.
        #[test]
        fn any_text_makes_one_sound_line_of_json(text: Vec<u8>) {
            let out = two_lines(&text);
            let lines: Vec<&[u8]> = out.strip_suffix(b"\n").unwrap().split(|b| *b == b'\n').collect();
            prop_assert_eq!(lines.len(), 2);
            for line in lines {
                CheckedLine::check(line).unwrap();
                let object: serde_json::Value = serde_json::from_slice(line).unwrap();
                prop_assert!(object.is_object());
            }
        }

        /// No byte of a line can be another one.
        #[test]
        fn a_flipped_byte_is_found(text: Vec<u8>, at: proptest::sample::Index, flip in 1_u8..) {
            let out = two_lines(&text);
            let line = out.strip_suffix(b"\n").unwrap().rsplit(|byte| *byte == b'\n').next().unwrap();
            let mut changed = line.to_vec();
            let at = at.index(changed.len());
            changed[at] ^= flip;
            prop_assert!(CheckedLine::check(&changed).is_err());
        }
    }
}
