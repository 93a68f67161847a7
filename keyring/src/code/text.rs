//! The text form: 15 groups of 7 bytes, each written with exactly 17 decimal digits.

use super::format::{CODE_BYTES, CODE_DIGITS, ParseError};

/// A code in full-width digits has 765 bytes; the rest is room for what a scanner adds.
pub const TEXT_BYTES_MAX: usize = 1_024;

const GROUP_DIGITS: usize = 17;
const GROUP_BYTES: usize = 7;
const _: () = assert!(CODE_DIGITS / GROUP_DIGITS * GROUP_BYTES == CODE_BYTES);
const _: () = assert!(CODE_DIGITS.is_multiple_of(GROUP_DIGITS));

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// U+FF10..U+FF19 in UTF-8 are these two bytes, then 0x90..=0x99.
const FULL_WIDTH_LEAD: &[u8] = &[0xef, 0xbc];

/// The bytes of a code, or what the text is instead.
pub(super) fn decode(text: &[u8]) -> Result<[u8; CODE_BYTES], ParseError> {
    // Nearly every code is clean. All others take the slower way.
    if let Some(code) = text.try_into().ok().and_then(read_groups) {
        return Ok(code);
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(ParseError::Malformed);
    }
    let text = clean(text);
    let mut buffer = [0; CODE_DIGITS];
    match to_ascii_digits(text, &mut buffer) {
        Some(digits) => match digits.try_into() {
            Ok(digits) => read_groups(digits).ok_or(ParseError::Malformed),
            Err(_) => Err(judge_digits(digits)),
        },
        None => Err(judge_text(text)),
    }
}

/// The digits of a text that holds nothing else, in `buffer`. `None`: it holds more.
pub(super) fn digits<'a>(text: &[u8], buffer: &'a mut [u8; CODE_DIGITS]) -> Option<&'a [u8]> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    to_ascii_digits(clean(text), buffer)
}

/// The one text of these bytes.
pub(super) fn encode(code: &[u8; CODE_BYTES]) -> [u8; CODE_DIGITS] {
    let mut digits = [b'0'; CODE_DIGITS];
    let groups = code.as_chunks::<GROUP_BYTES>().0;
    for (text, group) in digits.as_chunks_mut::<GROUP_DIGITS>().0.iter_mut().zip(groups) {
        let mut number = group.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        for digit in text.iter_mut().rev() {
            *digit += u8::try_from(number % 10).expect("below ten");
            number /= 10;
        }
    }
    digits
}

/// Drops what scanners add: the set at both ends, one AIM symbology identifier, the set again.
fn clean(text: &[u8]) -> &[u8] {
    let text = trim(text);
    match text {
        [b']', b'Q', b'0'..=b'6', rest @ ..] => trim(rest),
        _ => text,
    }
}

fn trim(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b'\r' | b'\n' | b'\t' | b' ' | b'\0', rest @ ..] => rest,
            [rest @ .., b'\r' | b'\n' | b'\t' | b' ' | b'\0'] => rest,
            _ => match text
                .strip_prefix(BYTE_ORDER_MARK)
                .or_else(|| text.strip_suffix(BYTE_ORDER_MARK))
            {
                Some(rest) => rest,
                None => return text,
            },
        }
    }
}

/// The text as ASCII digits; `None` if it holds anything else or more digits than a code.
fn to_ascii_digits<'a>(mut text: &[u8], buffer: &'a mut [u8; CODE_DIGITS]) -> Option<&'a [u8]> {
    let mut count = 0;
    while let Some((digit, rest)) = next_digit(text) {
        *buffer.get_mut(count)? = digit;
        count += 1;
        text = rest;
    }
    if text.is_empty() { buffer.get(..count) } else { None }
}

/// The first digit of the text, ASCII or full-width, as ASCII.
fn next_digit(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [digit @ b'0'..=b'9', rest @ ..] => Some((*digit, rest)),
        _ => match text.strip_prefix(FULL_WIDTH_LEAD)? {
            [last @ 0x90..=0x99, rest @ ..] => Some((last - 0x90 + b'0', rest)),
            _ => None,
        },
    }
}

/// What a text of digits is if it is not as long as a code.
fn judge_digits(digits: &[u8]) -> ParseError {
    match (digits.len(), digits) {
        // WeChat Pay's payment code: 18 digits from 10 to 15.
        (18, [b'1', b'0'..=b'5', ..]) => ParseError::WrongCodeType,
        // Alipay's payment code: 16 to 24 digits from 25 to 30.
        (16..=24, [b'2', b'5'..=b'9', ..] | [b'3', b'0', ..]) => ParseError::WrongCodeType,
        (28, [b'4', b'2', b'4', ..]) => ParseError::NotServed,
        _ if is_identity_number(digits) => ParseError::WrongCodeType,
        _ => ParseError::Malformed,
    }
}

/// What a text is if it holds more than digits.
fn judge_text(text: &[u8]) -> ParseError {
    if is_identity_number(text) || is_url(text) {
        ParseError::WrongCodeType
    } else {
        ParseError::Malformed
    }
}

/// The shape of an identity number (GB 11643): division, date of birth, sequence, check character.
/// The check character is not computed: a mistyped number is still an identity number.
fn is_identity_number(text: &[u8]) -> bool {
    let [first, _, _, _, _, _, century @ .., _, _, m1, m0, d1, d0, _, _, _, last] = text else {
        return false;
    };
    let digits = text.split_last().is_some_and(|(_, most)| most.iter().all(u8::is_ascii_digit));
    digits
        && *first != b'0'
        && matches!(last, b'0'..=b'9' | b'X' | b'x')
        && matches!(century, b"18" | b"19" | b"20")
        && matches!((m1, m0), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2'))
        && matches!((d1, d0), (b'0', b'1'..=b'9') | (b'1' | b'2', _) | (b'3', b'0' | b'1'))
}

/// A scheme and `://` (RFC 3986, 3.1).
fn is_url(text: &[u8]) -> bool {
    let scheme = text.windows(3).position(|window| window == b"://");
    match scheme.and_then(|length| text.get(..length)) {
        Some([first, rest @ ..]) => {
            first.is_ascii_alphabetic()
                && rest
                    .iter()
                    .all(|byte| matches!(byte, b'+' | b'-' | b'.') || byte.is_ascii_alphanumeric())
        }
        _ => false,
    }
}

/// The bytes of 255 ASCII digits; `None` if one is no digit or a group is above 2^56 - 1.
fn read_groups(digits: &[u8; CODE_DIGITS]) -> Option<[u8; CODE_BYTES]> {
    let mut code = [0; CODE_BYTES];
    let groups = digits.as_chunks::<GROUP_DIGITS>().0;
    for (bytes, group) in code.as_chunks_mut::<GROUP_BYTES>().0.iter_mut().zip(groups) {
        let [0, group @ ..] = read_group(group)?.to_be_bytes() else {
            return None;
        };
        *bytes = group;
    }
    Some(code)
}

/// Seventeen digits as a number, which is below 10^17 and so fits.
fn read_group(group: &[u8; GROUP_DIGITS]) -> Option<u64> {
    let (high, rest) = group.split_first_chunk::<8>()?;
    let (low, rest) = rest.split_first_chunk::<8>()?;
    let &[last @ b'0'..=b'9'] = rest else {
        return None;
    };
    let number = eight_digits(high)? * 1_000_000_000 + eight_digits(low)? * 10;
    Some(number + u64::from(last - b'0'))
}

/// Eight ASCII digits as a number, all eight at once in one register: neighbours are joined to
/// pairs, pairs to fours, fours to eight.
fn eight_digits(text: &[u8; 8]) -> Option<u64> {
    const HIGH_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ALL_ZERO: u64 = u64::from_le_bytes([b'0'; 8]);
    const SIXES: u64 = 0x0606_0606_0606_0606;

    let chars = u64::from_le_bytes(*text);
    // 0x30..=0x39 and nothing else has the high half 3 both before and after adding 6.
    // A carry out of a byte needs 0xfa and more there, which the first comparison refuses.
    if chars & HIGH_HALVES != ALL_ZERO || chars.wrapping_add(SIXES) & HIGH_HALVES != ALL_ZERO {
        return None;
    }
    let ones = chars - ALL_ZERO;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}
