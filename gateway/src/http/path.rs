//! The path of a request target: which paths may reach the routes at all.
//!
//! The gateway routes by its reading of the path, and the backend acts by its own. An attacker who
//! finds a path that the two read differently avoids a `redeem` route.
//!
//! Backends resolve dots, collapse slashes, turn backslashes, cut `;jsessionid`, trim ends and
//! decode escapes, some of them twice. So a path that any of this could change is refused, not
//! repaired. A path that passes is forwarded byte for byte.

/// A path that every reader reads alike.
///
/// It starts with `/`. No segment is empty but perhaps the last, and none ends in a full stop. All
/// its bytes are visible ASCII. Its escapes are whole and stand for an ASCII character that must be
/// escaped, but not for `/`, `\`, NUL, space or `%`.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct CheckedPath<'a>(&'a str);

/// The path breaks one of the rules of [`CheckedPath`]: `request_malformed`.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the path is not in its plain form")]
pub struct MalformedPath;

impl<'a> CheckedPath<'a> {
    /// Checks the path of a request target: origin form, without the query.
    ///
    /// The query is not part of the path. So a `?` here is the caller's mistake and is refused. A
    /// `#` is no part of a target (RFC 9112, 3.2) and is refused too.
    ///
    /// The `http` crate drops a `#` and what follows before this rule can see it. On HTTP/1
    /// [`crate::transport::strict`] refuses it earlier. On HTTP/2 nothing below that crate can, so
    /// routes and backends there see the same cut target.
    ///
    /// The absolute and asterisk forms do not start with `/` and are refused.
    ///
    /// # Errors
    /// [`MalformedPath`], without the place of the fault: the place would only help a forger.
    pub fn check(path: &'a str) -> Result<Self, MalformedPath> {
        let mut rest = path.as_bytes().strip_prefix(b"/").ok_or(MalformedPath)?;
        let mut last = b'/';
        while let Some((&byte, after)) = rest.split_first() {
            rest = match byte {
                b'%' => escape(after)?,
                b'/' if ends_segment(last) => after,
                _ if is_plain(byte) => after,
                _ => return Err(MalformedPath),
            };
            last = byte;
        }
        // Only here may a segment be empty: the path is `/`, or it has a slash at the end.
        if last == b'.' { Err(MalformedPath) } else { Ok(Self(path)) }
    }

    /// Whether the path is `folder` or lies below it: whole segments, compared without ASCII case.
    /// `folder` ends in a slash only if it is `/`.
    pub fn is_within(&self, folder: &str) -> bool {
        let folder = folder.strip_suffix('/').unwrap_or(folder).as_bytes();
        let Some((head, tail)) = self.0.as_bytes().split_at_checked(folder.len()) else {
            return false;
        };
        matches!(tail, [] | [b'/', ..]) && head.eq_ignore_ascii_case(folder)
    }

    /// The path as it came.
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Whether a slash may follow `last`: not after a slash, and not after a full stop. The full stop
/// covers the segments `.` and `..`, and a stop at the end that Windows drops.
fn ends_segment(last: u8) -> bool {
    last != b'/' && last != b'.'
}

/// Visible ASCII, without the characters that backends give a meaning of their own or that no path
/// may hold.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\' | b';' | b'?' | b'#')
}

/// Checks the two digits after a `%` and gives what follows them.
fn escape(after: &[u8]) -> Result<&[u8], MalformedPath> {
    let [high, low, rest @ ..] = after else { return Err(MalformedPath) };
    let byte = hex(*high)? << 4 | hex(*low)?;
    if may_be_escaped(byte) { Ok(rest) } else { Err(MalformedPath) }
}

fn hex(digit: u8) -> Result<u8, MalformedPath> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(MalformedPath),
    }
}

/// What an escape may stand for. An unreserved character (RFC 3986, 2.3) needs no escape: it would
/// only be a second way to write a path. The five characters named here change the path once
/// decoded.
fn may_be_escaped(byte: u8) -> bool {
    let is_unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    byte <= 0x7e && !is_unreserved && !matches!(byte, b'/' | b'\\' | 0 | b' ' | b'%')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every form that the contract forbids, with the rule that forbids it.
    const FORBIDDEN: &[(&str, &[&str])] = &[
        ("does not start with a slash", &["", "a", "*", "http://h/a", "h:80", "?", "#", "%2fa"]),
        ("an empty segment", &["//", "//a", "/a//", "/a//b", "///"]),
        ("a backslash", &["/\\", "/a\\b", "\\a", "/a\\..\\b"]),
        ("a dot segment", &["/.", "/./", "/./a", "/a/.", "/a/./b"]),
        ("a double-dot segment", &["/..", "/../", "/../a", "/a/..", "/a/../b"]),
        ("a segment that ends in a stop", &["/a.", "/a./", "/a./b", "/...", "/a.../b", "/a/b."]),
        ("a semicolon", &["/;", "/a;b", "/a;jsessionid=1", "/;/a", "/a;/b"]),
        ("a byte above 7e", &["/\u{7f}", "/é", "/医保", "/a\u{80}"]),
        ("an escape above 7e", &["/%7f", "/%7F", "/%80", "/%c0%ae", "/%E5%8C%BB", "/%ff", "/%FF"]),
        ("a bad escape", &["/%", "/%2", "/%g0", "/%0g", "/%%", "/a%", "/a%2/b", "/%u002f", "/%+1"]),
        ("an escaped letter", &["/%41", "/%5A", "/%5a", "/%61", "/%7a", "/%7A", "/p%61y"]),
        ("an escaped digit", &["/%30", "/%39", "/a%31"]),
        ("another escaped unreserved", &["/%2d", "/%2D", "/%5f", "/%5F", "/%7e", "/%7E"]),
        ("an escaped stop", &["/%2e", "/%2E", "/%2e%2e", "/%2e%2E/a", "/.%2e", "/a%2e"]),
        ("an escaped slash", &["/%2f", "/%2F", "/a%2fb", "/a%2F"]),
        ("an escaped backslash", &["/%5c", "/%5C", "/a%5cb"]),
        ("an escaped NUL", &["/%00", "/a%00", "/a%00.jsp"]),
        ("an escaped space", &["/%20", "/a%20", "/a%20/b"]),
        ("an escaped percent sign", &["/%25", "/%252f", "/%252e"]),
        ("a control byte or a space", &["/\0", "/\t", "/\r\n", "/ ", "/a ", "/a b", "/\u{1f}"]),
        ("a query or a fragment", &["/?", "/a?b", "/#", "/a#b"]),
    ];

    /// Paths that pass unchanged.
    const ALLOWED: &[&str] = &[
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/A/b.c",
        "/.well-known/x",
        "/..a",
        "/.a/b",
        "/a..b/c",
        "/a.b/",
        "/fsi/api/fsiIntegratedService/2207",
        "/%21%22%23%24%26%27%28%29%2a%2B%2c",
        "/%3a%3B%3c%3d%3E%3f%40%5b%5D%5e%60%7b%7C%7d",
        "/-._~!$&'()*+,=:@",
        "/\"<>[]^`{|}",
        "/a%3Bb/c",
    ];

    #[test]
    fn every_forbidden_form_is_refused() {
        for (rule, paths) in FORBIDDEN {
            for path in *paths {
                assert_eq!(CheckedPath::check(path), Err(MalformedPath), "{rule}: {path:?}");
            }
        }
    }

    #[test]
    fn what_passes_passes_unchanged() {
        for path in ALLOWED {
            assert_eq!(CheckedPath::check(path).map(|checked| checked.as_str()), Ok(*path));
        }
    }

    #[test]
    fn each_escape_is_judged_by_the_rules_in_either_case() {
        for byte in 0..=u8::MAX {
            let char = char::from(byte);
            let forbidden = byte > 0x7e
                || char.is_ascii_alphanumeric()
                || "-._~".contains(char)
                || ["2f", "5c", "00", "20", "25"].contains(&format!("{byte:02x}").as_str());
            for path in [format!("/a%{byte:02x}"), format!("/%{byte:02X}b/c")] {
                assert_eq!(CheckedPath::check(&path).is_err(), forbidden, "{path}");
            }
        }
    }

    #[test]
    fn a_folder_holds_whole_segments_in_any_case() {
        let is_within = |path, folder| CheckedPath::check(path).unwrap().is_within(folder);
        for (path, folder) in
            [("/", "/"), ("/a", "/"), ("/a", "/a"), ("/a/", "/a"), ("/A/b", "/a"), ("/a/b", "/A/B")]
        {
            assert!(is_within(path, folder), "{path} in {folder}");
        }
        for (path, folder) in [("/", "/a"), ("/ab", "/a"), ("/a", "/a/b"), ("/b/a", "/a")] {
            assert!(!is_within(path, folder), "{path} in {folder}");
        }
    }

    #[test]
    fn the_http_crate_hands_on_what_the_rules_expect() {
        let path = |target: &str| target.parse::<http::Uri>().unwrap().path().to_owned();
        assert_eq!(path("/a#b"), "/a", "a fragment is dropped before routing and forwarding");
        assert_eq!(path("/a?b//.."), "/a");
        assert_eq!(path("http://h/a"), "/a");
        assert!(CheckedPath::check(&path("*")).is_err());
    }

    proptest! {
        /// The rules once more, in the words of the contract, over paths made of the characters
        /// that matter.
        #[test]
        fn agrees_with_the_contract(path in "[/.a;%2eEfF5c0\\\\\u{7f}é-]{0,12}") {
            prop_assert_eq!(CheckedPath::check(&path).is_err(), contract_forbids(&path), "{}", path);
        }
    }

    fn contract_forbids(path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').collect();
        !path.starts_with('/')
            || path.contains("//")
            || path.contains(['\\', ';'])
            || segments.iter().any(|segment| segment.ends_with('.'))
            || path.bytes().any(|byte| byte > 0x7e)
            || path.split('%').skip(1).any(|tail| !allowed_escape(tail))
    }

    fn allowed_escape(tail: &str) -> bool {
        let Some(digits) = tail.get(..2) else { return false };
        let byte = u8::from_str_radix(digits, 16).unwrap_or(0xff);
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        byte <= 0x7e && !unreserved && !b"/\\\0 %".contains(&byte)
    }
}
