//! The text form: five bits a letter, highest bits first.

use std::fmt;

use super::format::PASS_BYTES;

/// Letters of a pass.
pub const PASS_LETTERS: usize = 40;

/// Digits and small letters without i, l, o and u, which people misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BITS: usize = 5;
/// Eight letters are five bytes.
const GROUP_LETTERS: usize = 8;
const GROUP_BYTES: usize = 5;
const _: () = assert!(PASS_LETTERS * BITS == PASS_BYTES * 8);
const _: () = assert!(PASS_LETTERS / GROUP_LETTERS * GROUP_BYTES == PASS_BYTES);

/// What [`VALUES`] holds of a byte that is no letter: above all values.
const NO_LETTER: u8 = 0x80;
static VALUES: [u8; 256] = values();

/// The text of a pass. A reader of a log could use it, so `Debug` does not show it.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct PassText([u8; PASS_LETTERS]);

impl PassText {
    /// The one text of these bytes.
    pub(super) fn encode(bytes: &[u8; PASS_BYTES]) -> Self {
        let mut text = [0; PASS_LETTERS];
        let groups = bytes.as_chunks::<GROUP_BYTES>().0;
        for (letters, group) in text.as_chunks_mut::<GROUP_LETTERS>().0.iter_mut().zip(groups) {
            let mut number = group.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            for letter in letters.iter_mut().rev() {
                *letter = letter_of(number);
                number >>= BITS;
            }
        }
        Self(text)
    }

    /// 40 letters of ASCII.
    pub fn as_bytes(&self) -> &[u8; PASS_LETTERS] {
        &self.0
    }

    /// 40 letters of ASCII.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

impl AsRef<str> for PassText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for PassText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassText(..)")
    }
}

/// The bytes of 40 letters in either case; `None` for any other text.
pub(super) fn decode(text: &[u8]) -> Option<[u8; PASS_BYTES]> {
    let text: &[u8; PASS_LETTERS] = text.try_into().ok()?;
    let mut bytes = [0; PASS_BYTES];
    let mut seen = 0;
    let groups = text.as_chunks::<GROUP_LETTERS>().0;
    for (group, letters) in bytes.as_chunks_mut::<GROUP_BYTES>().0.iter_mut().zip(groups) {
        let mut number = 0;
        for letter in letters {
            let value = value_of(*letter);
            seen |= value;
            number = number << BITS | u64::from(value);
        }
        let [_, _, _, five @ ..] = number.to_be_bytes();
        *group = five;
    }
    (seen & NO_LETTER == 0).then_some(bytes)
}

fn value_of(letter: u8) -> u8 {
    VALUES.get(usize::from(letter)).copied().unwrap_or(NO_LETTER)
}

/// The letter of the lowest five bits.
fn letter_of(number: u64) -> u8 {
    let value = usize::try_from(number & 31).unwrap_or_default();
    ALPHABET.get(value).copied().unwrap_or_default()
}

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "computed by the compiler, which refuses an index out of bounds; both casts widen"
)]
const fn values() -> [u8; 256] {
    let mut values = [NO_LETTER; 256];
    let mut value = 0;
    while value < ALPHABET.len() as u8 {
        let letter = ALPHABET[value as usize];
        values[letter as usize] = value;
        values[letter.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    values
}
