//! What `Content-Type` and `Content-Encoding` say of a body (RFC 9110, 8.3 and 8.4).

use std::borrow::Cow;

use crate::malformed::{Malformed, Why};

/// The charset that `Content-Type` declares.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Declared {
    /// There is no charset parameter.
    Absent,
    /// `utf-8` or `utf8`.
    Utf8,
    /// `gbk`.
    Gbk,
    /// Another one.
    Unknown,
}

/// Reads both header fields, each given as its lines.
///
/// # Errors
/// [`Why::Type`] unless the type is absent, `*/json`, `*+json` or `text/plain`, on one line, and
/// the encoding is absent or `identity`.
pub fn check_type<'a>(
    content_type: impl IntoIterator<Item = &'a [u8]>,
    content_encoding: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Declared, Malformed> {
    if !is_plain(content_encoding) {
        return Err(Malformed::new(
            Why::Type,
            "the body is encoded; Content-Encoding may be absent or identity",
        ));
    }
    let mut lines = content_type.into_iter();
    let declared = match (lines.next(), lines.next()) {
        (None, _) => Some(Declared::Absent),
        (Some(line), None) => json_type(line),
        (Some(_), Some(_)) => None,
    };
    declared.ok_or_else(|| {
        let allowed = "Content-Type may be absent or one line of application/json, another \
                       type that ends in /json or +json, or text/plain";
        Malformed::new(Why::Type, allowed)
    })
}

fn is_plain<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let mut lines = lines.into_iter();
    let first = lines.next();
    let is_identity = first.is_none_or(|line| line.trim_ascii().eq_ignore_ascii_case(b"identity"));
    is_identity && lines.next().is_none()
}

/// The charset of a media type that is JSON, or that old clients write for JSON.
fn json_type(line: &[u8]) -> Option<Declared> {
    let mut rest = Rest(line);
    rest.skip_blanks();
    let kind = rest.token()?;
    rest.eat(b'/')?;
    let subtype = rest.token()?;
    let declared = rest.charset()?;
    is_json(kind, subtype).then_some(declared)
}

fn is_json(kind: &[u8], subtype: &[u8]) -> bool {
    let suffix = subtype.split_last_chunk::<5>().map(|(_, suffix)| suffix);
    subtype.eq_ignore_ascii_case(b"json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
        || (kind.eq_ignore_ascii_case(b"text") && subtype.eq_ignore_ascii_case(b"plain"))
}

/// What is left of a line.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// `*( OWS ";" OWS [ parameter ] )` up to the end. Two charsets are no charset.
    fn charset(&mut self) -> Option<Declared> {
        let mut charset = None;
        loop {
            self.skip_blanks();
            if self.0.is_empty() {
                return Some(charset.map_or(Declared::Absent, |name: Cow<'_, [u8]>| known(&name)));
            }
            self.eat(b';')?;
            self.skip_blanks();
            if self.0.first().is_none_or(|next| *next == b';') {
                continue;
            }
            let name = self.token()?;
            self.eat(b'=')?;
            let value = self.value()?;
            if name.eq_ignore_ascii_case(b"charset") && charset.replace(value).is_some() {
                return None;
            }
        }
    }

    fn value(&mut self) -> Option<Cow<'a, [u8]>> {
        if self.eat(b'"').is_none() {
            return self.token().map(Cow::Borrowed);
        }
        let mut value = Vec::new();
        loop {
            match self.next()? {
                b'"' => return Some(Cow::Owned(value)),
                b'\\' => value.push(self.next().filter(|byte| is_text(*byte))?),
                byte => value.push(Some(byte).filter(|byte| is_text(*byte))?),
            }
        }
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| !is_tchar(*byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    fn skip_blanks(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == wanted).then(|| self.0 = rest)
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
}

/// The names that readers agree on. A reader of `gb2312` may cut a character of GBK in two, and
/// `gb18030` has characters that readers of GBK do not know.
fn known(name: &[u8]) -> Declared {
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    match () {
        () if is("utf-8") || is("utf8") => Declared::Utf8,
        () if is("gbk") => Declared::Gbk,
        () => Declared::Unknown,
    }
}

fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What may stand in a quoted string.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::{Declared, check_type};
    use crate::malformed::Why;

    fn declared(line: &str) -> Option<Declared> {
        check_type([line.as_bytes()], []).ok()
    }

    #[test]
    fn json_and_plain_text_are_read() {
        for line in [
            "application/json",
            "text/json",
            "Application/JSON ",
            " application/json",
            "application/vnd.his+json",
            "application/problem+JSON",
            "text/plain",
            "TEXT/Plain; format=flowed",
            "application/json;",
            "application/json ; ; a=b;;",
            "application/json; a=\"b;charset=gbk\"",
        ] {
            assert_eq!(declared(line), Some(Declared::Absent), "{line}");
        }
        assert_eq!(check_type([], []), Ok(Declared::Absent));
    }

    #[test]
    fn the_charset_is_read_in_each_way_to_write_it() {
        for (line, charset) in [
            ("application/json;charset=UTF-8", Declared::Utf8),
            ("application/json; Charset=utf8", Declared::Utf8),
            ("text/plain\t;\tCHARSET=\"utf-8\"; a=b", Declared::Utf8),
            ("application/json;charset=\"\\g\\b\\k\"", Declared::Gbk),
            ("application/json;charset=GBK", Declared::Gbk),
            ("application/json;charset=gb2312", Declared::Unknown),
            ("application/json;charset=gb18030", Declared::Unknown),
            ("application/json;charset=\"\"", Declared::Unknown),
            ("application/json;charset=utf-16", Declared::Unknown),
        ] {
            assert_eq!(declared(line), Some(charset), "{line}");
        }
    }

    #[test]
    fn what_is_not_json_or_no_media_type_is_refused() {
        for line in [
            "",
            "json",
            "application/",
            "/json",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=a",
            "application/json5",
            "application/jsonp",
            "application/plain",
            "text/html",
            "application/json charset=gbk",
            "application/json, text/plain",
            "application/json;charset",
            "application/json;charset=",
            "application/json;charset =gbk",
            "application/json;charset= gbk",
            "application/json;charset=\"gbk",
            "application/json;charset=gbk;charset=gbk",
            "application/json;charset=utf-8;CHARSET=\"gbk\"",
            "application /json",
            "application/json\0",
            "应用/json",
        ] {
            assert_eq!(declared(line), None, "{line}");
        }
    }

    #[test]
    fn two_lines_are_refused() {
        let line = &b"application/json"[..];
        let refused = check_type([line, line], []).expect_err("two lines");
        assert_eq!(refused.why(), Why::Type);
        assert!(refused.detail().contains("one line of application/json"), "{refused}");
    }

    #[test]
    fn only_identity_is_read() {
        let encoded = |lines: &[&'static [u8]]| check_type([], lines.iter().copied());
        assert!(encoded(&[]).is_ok() && encoded(&[b"identity"]).is_ok());
        assert!(encoded(&[b" Identity\t"]).is_ok());
        for lines in
            [&[&b"gzip"[..]][..], &[b""], &[b"identity, gzip"], &[b"identity", b"identity"]]
        {
            let refused = encoded(lines).expect_err("an encoding");
            assert_eq!(refused.why(), Why::Type);
            assert!(refused.detail().contains("absent or identity"), "{refused}");
        }
    }
}
