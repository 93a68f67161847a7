//! The charset in which the backend reads a body.

use std::{borrow::Cow, str::FromStr};

use encoding_rs::{GBK, UTF_8};

use crate::{
    content_type::Declared,
    malformed::{Malformed, Why},
};

mod gbk;

/// How the backend of a route reads a body, whatever the client says of it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// GBK, without the four-byte characters of GB 18030.
    Gbk,
    /// As the charset parameter of `Content-Type` says; without one, UTF-8.
    Declared,
}

/// The configuration names another charset.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("charset is \"utf-8\", \"gbk\" or \"declared\"")]
pub struct UnknownCharset;

impl FromStr for Charset {
    type Err = UnknownCharset;

    fn from_str(name: &str) -> Result<Self, UnknownCharset> {
        match name {
            "utf-8" => Ok(Self::Utf8),
            "gbk" => Ok(Self::Gbk),
            "declared" => Ok(Self::Declared),
            _ => Err(UnknownCharset),
        }
    }
}

impl Charset {
    /// The text of a body. UTF-8, and GBK that is all ASCII, is not copied.
    ///
    /// A body is decoded before it is parsed: the second byte of a character in GBK may be a
    /// backslash.
    ///
    /// # Errors
    /// [`Why::Charset`], if a byte does not belong to the charset, or the declared one is unknown.
    pub fn decode(self, declared: Declared, body: &[u8]) -> Result<Cow<'_, str>, Malformed> {
        match (self, declared) {
            (Self::Declared, Declared::Unknown) => Err(Malformed::new(
                Why::Charset,
                "Content-Type declares a charset that is not read here; it may be utf-8 or gbk",
            )),
            (Self::Gbk, _) | (Self::Declared, Declared::Gbk) => from_gbk(body),
            _ => from_utf8(body),
        }
    }
}

fn from_utf8(body: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    UTF_8
        .decode_without_bom_handling_and_without_replacement(body)
        .ok_or_else(|| Malformed::new(Why::Charset, "the body is not UTF-8, which is read here"))
}

fn from_gbk(body: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    let text = gbk::is_read_alike(body)
        .then(|| GBK.decode_without_bom_handling_and_without_replacement(body))
        .flatten();
    text.ok_or_else(|| {
        let detail = "the body is not GBK, which is read here; private characters whose second \
                      byte is ASCII, and four-byte characters of GB 18030, are none";
        Malformed::new(Why::Charset, detail)
    })
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::Charset;
    use crate::{content_type::Declared, malformed::Why};

    fn utf8(body: &[u8]) -> Option<Cow<'_, str>> {
        Charset::Utf8.decode(Declared::Absent, body).ok()
    }

    fn gbk(body: &[u8]) -> Option<Cow<'_, str>> {
        Charset::Gbk.decode(Declared::Absent, body).ok()
    }

    #[test]
    fn utf_8_is_read_strictly_and_not_copied() {
        assert!(matches!(utf8("交易".as_bytes()), Some(Cow::Borrowed("交易"))));
        assert!(matches!(utf8(b""), Some(Cow::Borrowed(""))));
        assert_eq!(utf8(b"\xef\xbb\xbf{}").as_deref(), Some("\u{feff}{}"), "the walk skips it");
        for bad in [
            &b"\xc0\xaf"[..],      // overlong
            b"\xe0\x80\xaf",       // overlong
            b"\xf0\x80\x80\xaf",   // overlong
            b"\xc0\xa2",           // an overlong quotation mark
            b"\xed\xa0\x80",       // a surrogate
            b"\xf4\x90\x80\x80",   // above U+10FFFF
            b"\xe4\xba",           // cut off
            b"\xff\xfe{\x00}\x00", // UTF-16
            b"\x80",
        ] {
            assert_eq!(utf8(bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn gbk_is_decoded_before_it_is_parsed() {
        assert_eq!(gbk(b"\"\xbf\\\"").as_deref(), Some("\"縗\""));
        assert!(matches!(gbk(b"{\"a\":1}"), Some(Cow::Borrowed(_))));
        assert_eq!(gbk("交易".as_bytes()).as_deref(), Some("浜ゆ槗"), "UTF-8 may be GBK too");
        assert_eq!(gbk(b"\xaa\xa1\xf8\xa1\xa1\xa1").as_deref(), Some("\u{e000}\u{e234}　"));
    }

    #[test]
    fn bytes_that_are_not_gbk_are_refused() {
        for bad in [
            &b"\xbf"[..], // cut off
            b"\xbf\"",    // the second byte is below 0x40
            b"\xbf\x7f",
            b"\xbf\xff",
            b"\xff",
            b"\x80",
            b"\x81\x30\x81\x30",   // U+0080, of GB 18030
            b"\x84\x31\x95\x33{}", // a byte order mark, of GB 18030
            b"\x90\x30\x81\x30",   // U+10000, of GB 18030
            b"\xa1\x5c",           // private: Java's GBK reads a backslash here
            b"\xa9\x5b",
            b"\xfe\x5c",
        ] {
            assert_eq!(gbk(bad), None, "{bad:x?}");
        }
    }

    #[test]
    fn the_declared_charset_counts_only_where_the_route_says_so() {
        let body = b"\xbf\\";
        assert!(Charset::Declared.decode(Declared::Gbk, body).is_ok());
        assert!(Charset::Gbk.decode(Declared::Utf8, body).is_ok());
        assert!(Charset::Gbk.decode(Declared::Unknown, body).is_ok());
        assert!(Charset::Utf8.decode(Declared::Unknown, b"{}").is_ok());
        for declared in [Declared::Absent, Declared::Utf8, Declared::Unknown] {
            let refused = Charset::Declared.decode(declared, body).expect_err("not GBK");
            assert_eq!(refused.why(), Why::Charset);
            let is_about_the_type = refused.detail().contains("utf-8 or gbk");
            assert_eq!(is_about_the_type, declared == Declared::Unknown, "{refused}");
        }
        assert!(Charset::Utf8.decode(Declared::Gbk, body).is_err());
    }

    #[test]
    fn the_configuration_names_three() {
        assert_eq!("utf-8".parse(), Ok(Charset::Utf8));
        assert_eq!("gbk".parse(), Ok(Charset::Gbk));
        assert_eq!("declared".parse(), Ok(Charset::Declared));
        let refused = "UTF-8".parse::<Charset>().expect_err("not so written");
        assert_eq!(refused.to_string(), "charset is \"utf-8\", \"gbk\" or \"declared\"");
    }
}
