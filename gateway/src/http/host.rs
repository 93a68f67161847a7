//! What a request may name as its host: `host[:port]` of RFC 3986, 3.2.2, without the forms that
//! two readers read differently.

use std::net::Ipv6Addr;

/// A host name has at most 253 characters (RFC 1035), a full stop at its end, a colon and a port.
const BYTES_MAX: usize = 260;

/// Whether `value` is a name, an IPv4 address or an IPv6 address in brackets, with or without a
/// port.
///
/// A name is made of ASCII letters, digits, `-`, `.`, `_` and `~`, and none of its labels is empty.
/// RFC 3986 would allow commas, semicolons and escapes too. No name in use has them, and they are
/// what one reader splits or decodes and the next does not. Underscores are no host names by
/// RFC 952, but hospitals have machines that are called so. An empty host names nothing
/// (RFC 9110, 4.2.1), and userinfo is never part of it (4.2.4).
///
/// Allocates nothing; the usual name takes one pass over its bytes.
pub fn is_host(value: &[u8]) -> bool {
    if value.len() > BYTES_MAX {
        return false;
    }
    if let [b'[', literal @ ..] = value {
        return is_address_in_brackets(literal);
    }
    // A full stop may not come first, nor after another one.
    let mut last = b'.';
    for (at, &byte) in value.iter().enumerate() {
        match byte {
            b'.' if last == b'.' => return false,
            b':' => return at > 0 && value.get(at + 1..).is_some_and(is_port),
            _ if !is_of_a_name(byte) => return false,
            _ => last = byte,
        }
    }
    !value.is_empty()
}

/// Whether two values name one host: letters in either case, the port of `scheme` given or not.
/// RFC 9113 (8.3.1) compares `:authority` and `Host` so.
pub fn are_one(scheme: Option<&str>, one: &[u8], other: &[u8]) -> bool {
    let default = if scheme == Some("https") { &b":443"[..] } else { b":80" };
    let bare = |value| {
        let value: &[u8] = value;
        let value = value.strip_suffix(default).unwrap_or(value);
        value.strip_suffix(b":").unwrap_or(value)
    };
    bare(one).eq_ignore_ascii_case(bare(other))
}

/// A look-up, because it is asked of each byte of each request's host.
fn is_of_a_name(byte: u8) -> bool {
    OF_A_NAME.get(usize::from(byte)).is_some_and(|holds| *holds)
}

static OF_A_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    let mut rest: &mut [bool] = &mut table;
    while let [slot, after @ ..] = rest {
        *slot = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

/// After the opening bracket. A zone (RFC 6874) is of one machine alone and is refused.
fn is_address_in_brackets(literal: &[u8]) -> bool {
    let Some(end) = literal.iter().position(|byte| *byte == b']') else { return false };
    let Some((address, [b']', rest @ ..])) = literal.split_at_checked(end) else { return false };
    let is_address =
        std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok());
    is_address && rest.strip_prefix(b":").map_or(rest.is_empty(), is_port)
}

/// RFC 3986, 3.2.3: digits, or none at all; as TCP has only 65,535 ports, no more than those.
fn is_port(digits: &[u8]) -> bool {
    let number = |port: u32, digit: &u8| port * 10 + u32::from(digit - b'0');
    digits.len() <= 5
        && digits.iter().all(u8::is_ascii_digit)
        && digits.iter().fold(0, number) <= u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_addresses_pass_with_and_without_a_port() {
        for host in [
            "a",
            "yanma.test",
            "YANMA.Test",
            "his_1.example",
            "10.0.0.1",
            "256.1.1.1",
            "xn--fiq228c.example",
            "a~b",
            "-a-",
            "[::1]",
            "[2001:DB8::1]",
            "[::ffff:10.0.0.1]",
        ] {
            for port in ["", ":", ":0", ":80", ":65535", ":00080"] {
                let value = format!("{host}{port}");
                assert!(is_host(value.as_bytes()), "{value}");
            }
        }
        assert!(is_host(b"a.test."), "a name that is whole");
        assert!(is_host(format!("{}:65535", "a".repeat(254)).as_bytes()));
    }

    #[test]
    fn everything_else_is_refused() {
        for (why, values) in [
            ("nothing", &["", ":", ":80"][..]),
            ("a blank", &[" ", "a b", " a", "a ", "a\t", "a :80", "a: 80"]),
            ("a list", &["a,b", "a, b", "a;b"]),
            ("more than a host", &["a/b", "a/", "http://a", "a?b", "a#b", "a\\b", "//a"]),
            ("userinfo", &["u@a", "u:p@a", "@a", "u@a:80", "a@"]),
            (
                "a port that is none",
                &["a:b", "a:-1", "a:+1", "a:1:2", "a::", "a:65536", "a:000080"],
            ),
            ("an empty label", &[".", "..", ".a", "a..b", "a..", "a..:80"]),
            ("an escape", &["%61", "a%2fb", "%E5%8C%BB"]),
            ("no ASCII, or none that is seen", &["é", "医保", "a\u{7f}", "a\0", "a\r\n"]),
            ("quotes and sub-delims", &["\"a\"", "'a'", "a!", "a$b", "(a)", "a*", "a=b", "a&b"]),
            ("brackets", &["[", "[]", "[::1", "::1", "[::1]]", "[::1]a", "[a]", "[10.0.0.1]", "]"]),
            ("a zone, a later version", &["[fe80::1%25eth0]", "[fe80::1%eth0]", "[v1.a]"]),
            ("a bracket and no port", &["[::1]:a", "[::1]80", "[::1]:65536"]),
        ] {
            for value in values {
                assert!(!is_host(value.as_bytes()), "{why}: {value:?}");
            }
        }
        assert!(!is_host(&[b'a'; 261]), "longer than any name");
    }

    #[test]
    fn one_host_may_be_written_in_several_ways() {
        for (scheme, one, other, is_one) in [
            ("http", "a.test", "A.TEST", true),
            ("http", "a", "a:80", true),
            ("http", "a:", "a", true),
            ("https", "a:443", "a", true),
            ("https", "a:80", "a", false),
            ("http", "a:81", "a", false),
            ("http", "a", "b", false),
            ("http", "a", "", false),
        ] {
            assert_eq!(are_one(Some(scheme), one.as_bytes(), other.as_bytes()), is_one, "{other}");
        }
    }

    proptest! {
        /// Against the grammar, put in another way.
        #[test]
        fn agrees_with_the_grammar(value in "[a.:_0-9,@/%\\[\\] é-]{0,8}") {
            let (host, port) = match value.split_once(':') {
                Some((host, port)) if !value.starts_with('[') => (host, port),
                _ => (value.as_str(), ""),
            };
            let is_name = !host.is_empty()
                && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
                && host.strip_suffix('.').unwrap_or(host).split('.').all(|label| !label.is_empty());
            let is_port = port.is_empty()
                || port.len() <= 5
                    && port.chars().all(|c| c.is_ascii_digit())
                    && port.parse::<u16>().is_ok();
            if !value.starts_with('[') {
                prop_assert_eq!(is_host(value.as_bytes()), is_name && is_port, "{}", value);
            }
        }
    }
}
