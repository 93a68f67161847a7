//! The two charsets of hospital systems. GBK mostly comes undeclared.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, GBK, UTF_8};

use crate::cli::sandbox::backend::refused::Refused;

/// What a message is written in. Its answer is written in the same.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Charset {
    Utf8,
    Gbk,
}

impl Charset {
    /// What `Content-Type` declares, else what the bytes can be.
    ///
    /// The guess can err only for GBK bytes that happen to be UTF-8 too. Then declare, or use the
    /// door for GBK alone.
    pub(super) fn of(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, Refused> {
        match content_type.and_then(declared) {
            Some(label) => Self::labelled(label),
            None if std::str::from_utf8(bytes).is_ok() => Ok(Self::Utf8),
            None => Ok(Self::Gbk),
        }
    }

    fn labelled(label: &str) -> Result<Self, Refused> {
        match Encoding::for_label(label.as_bytes()) {
            Some(found) if found == UTF_8 => Ok(Self::Utf8),
            Some(found) if found == GBK || found == GB18030 => Ok(Self::Gbk),
            _ => Err(Refused::malformed("Content-Type 的 charset 只能是 utf-8 或 gbk")),
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Utf8 => "application/json;charset=UTF-8",
            Self::Gbk => "application/json;charset=GBK",
        }
    }

    /// The text without a byte order mark.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, Refused> {
        let text = match self {
            Self::Utf8 => UTF_8.decode_with_bom_removal(bytes),
            Self::Gbk => GBK.decode_without_bom_handling(bytes),
        };
        match text {
            (text, false) => Ok(text),
            (_, true) => Err(Refused::malformed("报文不是 UTF-8，也不是 GBK 编码")),
        }
    }

    /// Writes JSON. What GBK lacks is escaped, which JSON allows wherever it can stand.
    pub(super) fn encode(self, json: String) -> Vec<u8> {
        match self {
            Self::Utf8 => json.into_bytes(),
            Self::Gbk => json.chars().fold(Vec::with_capacity(json.len()), with_gbk),
        }
    }
}

fn with_gbk(mut bytes: Vec<u8>, char: char) -> Vec<u8> {
    let (mut utf8, mut utf16) = ([0; 4], [0; 2]);
    match GBK.encode(char.encode_utf8(&mut utf8)) {
        (found, _, false) => bytes.extend_from_slice(&found),
        (_, _, true) => {
            for unit in char.encode_utf16(&mut utf16) {
                bytes.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
    bytes
}

/// The value of the parameter `charset`.
fn declared(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In GBK the last byte of this character is a backslash.
    const ENDS_IN_BACKSLASH: &str = "縗";

    #[test]
    fn what_is_declared_holds_and_the_rest_is_guessed() {
        let gbk = Charset::Gbk.encode(ENDS_IN_BACKSLASH.to_owned());
        assert_eq!(gbk, [0xbf, b'\\']);
        for (content_type, bytes, expected) in [
            (None, &gbk[..], Charset::Gbk),
            (None, ENDS_IN_BACKSLASH.as_bytes(), Charset::Utf8),
            (Some("application/json"), &gbk[..], Charset::Gbk),
            (Some("application/json; charset=utf-8"), &gbk[..], Charset::Utf8),
            (Some("text/plain;a=b; CHARSET=\"GB2312\""), b"{}", Charset::Gbk),
        ] {
            assert_eq!(Charset::of(content_type, bytes), Ok(expected), "{content_type:?}");
        }
        let unknown = Charset::of(Some("application/json; charset=big5"), b"{}");
        assert_eq!(unknown.unwrap_err().infcode(), 1);
        assert_eq!(Charset::Gbk.decode(&gbk).unwrap(), ENDS_IN_BACKSLASH);
        assert_eq!(Charset::Utf8.decode(&gbk).unwrap_err().infcode(), 1);
        assert_eq!(Charset::Gbk.decode(&[0xff]).unwrap_err().infcode(), 1);
        assert_eq!(Charset::Utf8.decode("\u{feff}{}".as_bytes()).unwrap(), "{}");
    }

    #[test]
    fn what_gbk_lacks_is_escaped() {
        let bytes = Charset::Gbk.encode("\"€已𝄞\u{fffd}\"".to_owned());
        let text = Charset::Gbk.decode(&bytes).unwrap();
        assert_eq!(text, "\"€已\\ud834\\udd1e\\ufffd\"");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), "€已𝄞\u{fffd}");
    }
}
