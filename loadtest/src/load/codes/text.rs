//! The value of the `Yanma-Code` field: the 255 digits of a code, or a text that is no code. Or
//! the value of the `Yanma-Pass` field.

use keyring::code::{CODE_DIGITS, UnverifiedCode};

use crate::rng::Rng;

/// A pass as it is sent.
pub type PassText = [u8; 40];

/// At most 255 bytes.
#[derive(Clone)]
pub struct Text {
    bytes: [u8; CODE_DIGITS],
    length: usize,
}

impl Text {
    /// A code's digits.
    pub fn of(code: &UnverifiedCode) -> Self {
        Self { bytes: code.to_digits(), length: CODE_DIGITS }
    }

    /// The letters of a pass.
    pub fn of_pass(pass: &PassText) -> Self {
        let mut text = Self { bytes: [b'0'; CODE_DIGITS], length: pass.len() };
        text.bytes.iter_mut().zip(pass).for_each(|(slot, letter)| *slot = *letter);
        text
    }

    /// Cut short, with a letter, or with a first group above 2^56 - 1.
    pub fn malformed(rng: &mut Rng) -> Self {
        let mut text = Self { bytes: [b'0'; CODE_DIGITS], length: CODE_DIGITS };
        text.bytes.iter_mut().for_each(|digit| *digit = digit_of(rng));
        match rng.below(3) {
            0 => text.length -= 1 + rng.place(200),
            1 => text.put(rng.place(CODE_DIGITS), b'x'),
            _ => (0..17).for_each(|place| text.put(place, b'9')),
        }
        text
    }

    /// 18 digits that begin with 10 to 15, as WeChat Pay shows them.
    pub fn wallet(rng: &mut Rng) -> Self {
        let mut text = Self { bytes: [b'0'; CODE_DIGITS], length: 18 };
        text.bytes.iter_mut().take(18).for_each(|digit| *digit = digit_of(rng));
        text.put(0, b'1');
        let second = u8::try_from(rng.below(6)).expect("below 6");
        text.put(1, b'0' + second);
        text
    }

    /// As it is sent.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).expect("never longer than a code")
    }

    fn put(&mut self, place: usize, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(place) {
            *slot = byte;
        }
    }
}

fn digit_of(rng: &mut Rng) -> u8 {
    b'0' + u8::try_from(rng.below(10)).expect("below 10")
}
