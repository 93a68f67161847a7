//! Files of text as editors and shells of all systems save them: with a byte order mark, as UTF-16,
//! with the line ends of another system.

use std::{borrow::Cow, ops::Range};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why bytes are not the text that was expected, and what to do. The text itself is not shown.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TextError {
    /// UTF-16 where only UTF-8 is allowed, or UTF-16 that is damaged.
    #[error(
        "this is UTF-16 text, as PowerShell's > writes it; allowed: UTF-8 \
         (iconv -f UTF-16 -t UTF-8)"
    )]
    Utf16,
    /// A byte that no UTF-8 text has at its place.
    #[error(
        "line {line} holds the byte 0x{byte:02x}, which is not UTF-8; allowed: text in UTF-8 \
         (text in GBK: iconv -f GBK -t UTF-8)"
    )]
    NotUtf8 {
        /// Counted from 1.
        line: usize,
        /// The first such byte.
        byte: u8,
    },
    /// A NUL.
    #[error("line {line} holds a NUL byte: this is no text file")]
    Binary {
        /// Counted from 1.
        line: usize,
    },
    /// A carriage return that no line feed follows.
    #[error(
        "line {line} ends with a carriage return alone; allowed: LF or CRLF, in the whole file \
         (tr '\\r' '\\n')"
    )]
    CarriageReturn {
        /// Counted from 1.
        line: usize,
    },
}

/// The text of a TOML file: UTF-8, lines that end with LF or CRLF. A byte order mark is dropped.
///
/// # Errors
/// [`TextError`].
pub fn read_toml(bytes: Vec<u8>) -> Result<String, TextError> {
    if is_utf16(&bytes) {
        return Err(TextError::Utf16);
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        not_utf8(error.as_bytes(), at)
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.remove(0);
    }
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        return Err(TextError::Binary { line: line_at(text.as_bytes(), at) });
    }
    match bare_carriage_return(text.as_bytes()) {
        Some(at) => Err(TextError::CarriageReturn { line: line_at(text.as_bytes(), at) }),
        None => Ok(text),
    }
}

/// Any text, UTF-8 or UTF-16. A byte order mark is dropped.
///
/// # Errors
/// [`TextError::Utf16`] if it is damaged, [`TextError::NotUtf8`].
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, TextError> {
    if is_utf16(bytes) {
        return decode_utf16(bytes).map(Cow::Owned);
    }
    let text = str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    Ok(Cow::Borrowed(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)))
}

/// What to write instead of a character that an input method or a word processor put in the
/// place of one of TOML's; `None` if there is no such character in `span` (or at its start, as a
/// span may be empty).
pub fn mistyped(text: &str, span: Range<usize>) -> Option<String> {
    let at_least_one = span.len().max(1);
    let written = text.get(span.start..)?.char_indices().take_while(|(at, _)| *at < at_least_one);
    written.map(|(_, found)| found).find_map(|found| {
        let meant = match found {
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ff02}' => '"',
            '\u{2018}' | '\u{2019}' | '\u{ff07}' => '\'',
            '\u{ff1d}' => '=',
            '\u{ff0c}' => ',',
            '\u{3010}' | '\u{ff3b}' => '[',
            '\u{3011}' | '\u{ff3d}' => ']',
            '\u{ff03}' => '#',
            '\u{3000}' | '\u{a0}' => ' ',
            _ => return None,
        };
        let code = u32::from(found);
        Some(format!("{found:?} (U+{code:04X}) is not {meant:?} of the keyboard; write {meant:?}"))
    })
}

fn not_utf8(bytes: &[u8], at: usize) -> TextError {
    let byte = bytes.get(at).copied().unwrap_or_default();
    TextError::NotUtf8 { line: line_at(bytes, at), byte }
}

fn line_at(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

fn bare_carriage_return(bytes: &[u8]) -> Option<usize> {
    let is_bare = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\r').map(|(at, _)| at).find(is_bare)
}

/// By its byte order mark, or because each second byte is NUL, as in ASCII that was widened.
fn is_utf16(bytes: &[u8]) -> bool {
    let (units, rest) = bytes.as_chunks::<2>();
    let widened = |zero: fn(&[u8; 2]) -> bool| !units.is_empty() && units.iter().all(zero);
    bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || rest.is_empty() && (widened(|[low, high]| *high == 0 && *low != 0))
        || rest.is_empty() && (widened(|[high, low]| *high == 0 && *low != 0))
}

fn decode_utf16(bytes: &[u8]) -> Result<String, TextError> {
    let (units, []) = bytes.as_chunks::<2>() else { return Err(TextError::Utf16) };
    let is_big_endian = matches!(bytes, [0xfe, 0xff, ..] | [0, ..]);
    let unit = |pair: &[u8; 2]| match is_big_endian {
        true => u16::from_be_bytes(*pair),
        false => u16::from_le_bytes(*pair),
    };
    // Room for the worst case from the start: of a secret that grew, copies would stay behind.
    let mut text = String::with_capacity(3 * units.len());
    for letter in char::decode_utf16(units.iter().map(unit)) {
        text.push(letter.map_err(|_| TextError::Utf16)?);
    }
    if text.starts_with(BYTE_ORDER_MARK) {
        text.remove(0);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn toml_is_utf8_with_line_feeds_and_else_the_reason_is_said() {
        let read = |bytes: &[u8]| read_toml(bytes.to_vec());
        for (bytes, text) in [
            (&b"a = 1\r\nb = 2\n"[..], "a = 1\r\nb = 2\n"),
            (b"\xef\xbb\xbfa = 1", "a = 1"),
            ("# 验码\n".as_bytes(), "# 验码\n"),
            (b"", ""),
        ] {
            assert_eq!(read(bytes).unwrap(), text);
        }
        for (bytes, error) in [
            (b"a = 1\rb = 2\r".to_vec(), TextError::CarriageReturn { line: 1 }),
            (b"a = 1\nb = 2\r".to_vec(), TextError::CarriageReturn { line: 2 }),
            (b"a = 1\n# \xd1\xe9\n".to_vec(), TextError::NotUtf8 { line: 2, byte: 0xd1 }),
            (b"a\0b".to_vec(), TextError::Binary { line: 1 }),
            (utf16("\u{feff}a = 1\n", u16::to_le_bytes), TextError::Utf16),
            (utf16("\u{feff}a = 1\n", u16::to_be_bytes), TextError::Utf16),
            (utf16("a = 1\n", u16::to_le_bytes), TextError::Utf16),
        ] {
            assert_eq!(read(&bytes), Err(error));
            assert!(error.to_string().len() > 20);
        }
    }

    #[test]
    fn any_text_is_decoded_and_nothing_is_guessed() {
        for text in ["0506\r\n", "\u{feff}验码"] {
            let plain = text.trim_start_matches(BYTE_ORDER_MARK);
            assert_eq!(decode(text.as_bytes()).unwrap(), plain);
            for unit in [u16::to_le_bytes, u16::to_be_bytes] {
                assert_eq!(decode(&utf16(text, unit)).unwrap_or_default(), plain, "{text:?}");
            }
        }
        assert_eq!(decode(b"12\0").unwrap(), "12\0", "what ends in NUL is not UTF-16");
        assert_eq!(decode(b"\0\0").unwrap(), "\0\0");
        assert_eq!(decode(&[0xff, 0xfe, 0x31]), Err(TextError::Utf16), "cut off");
        assert_eq!(decode(b"\n\xff"), Err(TextError::NotUtf8 { line: 2, byte: 0xff }));
    }

    #[test]
    fn a_quote_of_an_input_method_is_named() {
        let text = "state = “active”";
        let said = mistyped(text, 8..text.len()).unwrap();
        assert!(said.contains("U+201C") && said.ends_with("write '\"'"), "{said}");
        assert_eq!(mistyped("state = active", 8..14), None);
        assert_eq!(mistyped(text, 9..10), None, "inside of a character");
    }
}
