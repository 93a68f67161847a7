//! Which bytes all readers of GBK cut into characters alike.
//!
//! encoding_rs reads GBK as the Encoding Standard says: as GB 18030, with characters of four bytes
//! and with private ones. A reader that does not know such a character may replace its first byte
//! alone (Java does). Then it reads the second byte as ASCII: a backslash, a letter or a digit.

/// Whether no reader of GBK can cut the bytes differently.
///
/// It says nothing of characters whose second byte is not ASCII: they are two bytes for all.
pub(super) fn is_read_alike(body: &[u8]) -> bool {
    let mut rest = body;
    loop {
        let ascii = encoding_rs::Encoding::ascii_valid_up_to(rest);
        match rest.get(ascii..) {
            None | Some([]) => return true,
            Some([0x80 | 0xff, ..] | [_]) => return false,
            Some([lead, trail, after @ ..]) if !is_ascii_apart(*lead, *trail) => rest = after,
            Some(_) => return false,
        }
    }
}

/// Whether the second byte is ASCII and GBK has no character here.
///
/// The gaps are those of the standard: the private area A140 to A77E, five places of row A9, and
/// FE50 to FE7E, which differ from system to system. Below 0x40 begin the four-byte characters.
fn is_ascii_apart(lead: u8, trail: u8) -> bool {
    match (lead, trail) {
        (_, 0x80..) => false,
        (_, ..0x40 | 0x7f) | (0xa1..=0xa7, _) | (0xfe, 0x50..) => true,
        (0xa9, _) => matches!(trail, 0x58 | 0x5b | 0x5d..=0x5f),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use encoding_rs::GBK;

    use super::is_read_alike;

    #[test]
    fn of_all_pairs_those_pass_that_older_readers_know() {
        let mut passed = 0;
        for lead in 0x81..=0xfe_u8 {
            for trail in 0..0x80_u8 {
                let pair = [lead, trail];
                let decoded = GBK.decode_without_bom_handling_and_without_replacement(&pair);
                let is_private = decoded.as_ref().is_some_and(|text| {
                    text.chars().any(|c| ('\u{e000}'..='\u{f8ff}').contains(&c))
                });
                if !is_read_alike(&pair) {
                    continue;
                }
                passed += 1;
                assert!(decoded.is_some() && !is_private, "{pair:x?}");
            }
        }
        // What Python's GBK, which has neither private nor later characters, reads.
        assert_eq!(passed, 126 * 63 - 7 * 63 - 5 - 47);
    }

    #[test]
    fn pairs_are_counted_from_the_first_byte_above_ascii() {
        assert!(is_read_alike(b"") && is_read_alike(b"abc"));
        assert!(is_read_alike(b"\xb5\xda1\xb4\xce"), "a digit behind a pair is a digit");
        assert!(is_read_alike(b"\xbf\\\"\xbf\\"));
        assert!(!is_read_alike(b"\xb5\xda\xb41"));
        assert!(!is_read_alike(b"a\xbf"));
        assert!(!is_read_alike(b"\xbf\\\xa1\\"));
    }
}
