//! Percent-encoding (RFC 3986, 2.1).

/// The bytes that a text stands for. `None`: a percent sign is there without two hexadecimal digits.
pub(crate) fn decode(written: &str) -> Option<Vec<u8>> {
    let mut parts = written.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        decoded.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    Some(decoded)
}

/// The same of a form (`application/x-www-form-urlencoded`), where a plus is a space.
pub(crate) fn decode_form(written: &str) -> Option<String> {
    String::from_utf8(decode(&written.replace('+', " "))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_is_a_byte_and_half_of_one_is_a_mistake() {
        assert_eq!(decode("a%41%ff+").unwrap(), b"aA\xff+");
        for bad in ["%", "%4", "a%4g", "%+1", "%%41", "%4\u{e9}"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!(decode_form("%E5%86%BB+%2B").as_deref(), Some("\u{51bb} +"));
        assert_eq!((decode_form("%ff"), decode_form("%+1")), (None, None));
    }
}
