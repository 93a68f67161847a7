//! The request header `Idempotency-Key`
//! (draft-ietf-httpapi-idempotency-key-header: an Item that must be a String of RFC 9651).

use arrayvec::ArrayVec;
use http::HeaderMap;

use crate::{http::names::IDEMPOTENCY_KEY, limits::IDEMPOTENCY_KEY_BYTES_MAX as BYTES_MAX};

const TWICE: &str = "more than one Idempotency-Key; send one";
const NO_CHARACTER: &str = "Idempotency-Key is empty; it has 1 to 64 characters";
const TOO_LONG: &str = "Idempotency-Key is too long; it has 1 to 64 characters";
const NOT_VISIBLE: &str = "Idempotency-Key holds a character that is not visible ASCII (! to ~)";
const NOT_CLOSED: &str = "Idempotency-Key begins with a quotation mark and does not end with its \
                          other: write \"key\"";
const WRONG_ESCAPE: &str = "Idempotency-Key has a backslash before something other than a \
                            quotation mark or a backslash";
const AFTER_END: &str = "Idempotency-Key has something after its closing quotation mark; it takes \
                         no parameters, and a quotation mark inside is written \\\"";
const NO_TOKEN: &str = "Idempotency-Key has a character that must be quoted: write \"key\"";

/// What a client names its transaction by: 1 to 64 visible ASCII characters, without the quotation
/// marks that it may come in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct IdempotencyKey(ArrayVec<u8, BYTES_MAX>);

impl IdempotencyKey {
    /// Reads the header; `None` if there is none.
    ///
    /// # Errors
    /// What is wrong, in a sentence for the developer of the client.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Self>, &'static str> {
        let mut lines = headers.get_all(IDEMPOTENCY_KEY).into_iter();
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => Self::parse(line.as_bytes()).map(Some),
            (Some(_), Some(_)) => Err(TWICE),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From another node.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads a quoted string or, because many clients send it bare, a token. The two forms of one
    /// key are equal. Bare, a key may begin with a digit, as UUIDs do: RFC 9651 would read a number
    /// there, and no number is a key.
    fn parse(line: &[u8]) -> Result<Self, &'static str> {
        let text = line.trim_ascii();
        let key = match text.strip_prefix(b"\"") {
            Some(quoted) => unquote(quoted)?,
            None => token(text)?,
        };
        if key.is_empty() { Err(NO_CHARACTER) } else { Ok(Self(key)) }
    }
}

/// The string whose opening quotation mark was taken off (RFC 9651, 4.2.5).
fn unquote(quoted: &[u8]) -> Result<ArrayVec<u8, BYTES_MAX>, &'static str> {
    let mut key = ArrayVec::new();
    let mut rest = quoted.iter();
    loop {
        match rest.next() {
            None => return Err(NOT_CLOSED),
            Some(b'"') if rest.as_slice().is_empty() => return Ok(key),
            Some(b'"') => return Err(AFTER_END),
            Some(b'\\') => match rest.next() {
                Some(byte @ (b'"' | b'\\')) => push(&mut key, *byte)?,
                _ => return Err(WRONG_ESCAPE),
            },
            Some(byte) => push(&mut key, *byte)?,
        }
    }
}

fn token(text: &[u8]) -> Result<ArrayVec<u8, BYTES_MAX>, &'static str> {
    let mut key = ArrayVec::new();
    for byte in text {
        if byte.is_ascii_graphic() && !is_token_byte(*byte) {
            return Err(NO_TOKEN);
        }
        push(&mut key, *byte)?;
    }
    Ok(key)
}

/// What RFC 9651 allows in a token after its first character.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
}

fn push(key: &mut ArrayVec<u8, BYTES_MAX>, byte: u8) -> Result<(), &'static str> {
    if !byte.is_ascii_graphic() {
        return Err(NOT_VISIBLE);
    }
    key.try_push(byte).map_err(|_| TOO_LONG)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn parse(line: &[u8]) -> Result<String, &'static str> {
        let key = IdempotencyKey::parse(line)?;
        Ok(key.0.iter().copied().map(char::from).collect())
    }

    #[test]
    fn quoted_and_bare_are_the_same_key() {
        for (line, key) in [
            (r#""a""#, "a"),
            ("a", "a"),
            (r#" "a"  "#, "a"),
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            (r#""8e03978e-40d5-43dd-bc93-6894a57f9324""#, "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("*a/b:c!#$%&'+-.^_`|~", "*a/b:c!#$%&'+-.^_`|~"),
            (r#""a=b,c;d(e)""#, "a=b,c;d(e)"),
            (r#""a\"b\\c""#, r#"a"b\c"#),
            (r#""\"""#, "\""),
            ("-1.5", "-1.5"),
            ("'a'", "'a'"),
        ] {
            assert_eq!(parse(line.as_bytes()), Ok(key.to_owned()), "{line}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        for (line, why) in [
            ("", NO_CHARACTER),
            ("  ", NO_CHARACTER),
            (r#""""#, NO_CHARACTER),
            (r#"""#, NOT_CLOSED),
            (r#""a"#, NOT_CLOSED),
            (r#""a\""#, NOT_CLOSED),
            (r#""a\"#, WRONG_ESCAPE),
            (r#""a\n""#, WRONG_ESCAPE),
            (r#""a" "b""#, AFTER_END),
            (r#""a""b""#, AFTER_END),
            (r#""a", "b""#, AFTER_END),
            (r#""a";v=1"#, AFTER_END),
            ("a;v=1", NO_TOKEN),
            ("a, b", NO_TOKEN),
            ("a b", NOT_VISIBLE),
            (r#""a b""#, NOT_VISIBLE),
            ("\"a\tb\"", NOT_VISIBLE),
            ("\"a\u{e9}\"", NOT_VISIBLE),
            ("a\u{7f}", NOT_VISIBLE),
            (r#"a"b"#, NO_TOKEN),
            (r"a\b", NO_TOKEN),
            (":YQ==:", NO_TOKEN),
            ("?1", NO_TOKEN),
            ("@1659578233", NO_TOKEN),
            ("(a b)", NO_TOKEN),
            ("a=", NO_TOKEN),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(why), "{line:?}");
        }
    }

    #[test]
    fn a_key_has_at_most_64_characters() {
        let (most, more) = ("k".repeat(64), "k".repeat(65));
        assert_eq!(parse(most.as_bytes()), Ok(most.clone()));
        assert_eq!(parse(format!("\"{most}\"").as_bytes()), Ok(most));
        assert_eq!(parse(more.as_bytes()), Err(TOO_LONG));
        assert_eq!(parse(format!("\"{more}\"").as_bytes()), Err(TOO_LONG));
        // An escape is one character.
        assert_eq!(parse(format!("\"{}\"", "\\\\".repeat(64)).as_bytes()), Ok("\\".repeat(64)));
    }

    #[test]
    fn there_is_one_line_or_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(IdempotencyKey::read(&headers), Ok(None));
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("\"a\""));
        assert!(IdempotencyKey::read(&headers).unwrap().is_some());
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("\"a\""));
        assert_eq!(IdempotencyKey::read(&headers), Err(TWICE));
    }

    proptest! {
        /// Whatever is visible can be a key when it is quoted, and comes out as it went in.
        #[test]
        fn every_visible_string_can_be_quoted(key in "[!-~]{1,64}") {
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(parse(quoted.as_bytes()), Ok(key));
        }

        /// No line panics, and a key that is accepted is within its bounds.
        #[test]
        fn every_line_is_judged(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(key) = IdempotencyKey::parse(&line) {
                prop_assert!((1..=64).contains(&key.0.len()));
                prop_assert!(key.0.iter().all(u8::is_ascii_graphic));
            }
        }
    }
}
