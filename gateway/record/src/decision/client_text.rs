//! Text of clients, without anything that may be a code.

use arrayvec::ArrayVec;

use crate::limits::{CLIENT_DIGITS_MAX, CLIENT_TEXT_BYTES_MAX};

/// Text that a client chose, at most [`CLIENT_TEXT_BYTES_MAX`] bytes.
pub type ClientText = ArrayVec<u8, CLIENT_TEXT_BYTES_MAX>;

/// Written in place of a text that may hold a part of a code.
const LEFT_OUT: &[u8] = b"(left out: a number as long as a code's)";

/// The first [`CLIENT_TEXT_BYTES_MAX`] bytes of a text. If they hold more than
/// [`CLIENT_DIGITS_MAX`] digits in a row, a note takes their place: no code may stand in the
/// record, and a client may put one anywhere.
#[inline]
#[must_use]
pub fn client_text(bytes: &[u8]) -> ClientText {
    let bytes = bytes.get(..CLIENT_TEXT_BYTES_MAX).unwrap_or(bytes);
    let runs = bytes.split(|byte| !byte.is_ascii_digit());
    let is_too_long = runs.map(<[u8]>::len).any(|digits| digits > CLIENT_DIGITS_MAX);
    ClientText::try_from(if is_too_long { LEFT_OUT } else { bytes }).expect("cut to the bound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_clients_is_cut_and_holds_no_code() {
        assert_eq!(&client_text(b"H3701-20261126-0001")[..], b"H3701-20261126-0001");
        // The message number of the national interface is 30 digits and passes.
        let number = b"370100000001202611260930211234";
        assert_eq!(&client_text(number)[..], number);
        assert_eq!(client_text(&[b'a'; 300]).len(), CLIENT_TEXT_BYTES_MAX);
        for text in [&[b'7'; 255][..], &[b'7'; 33], b"id=777777777777777777777777777777777;"] {
            assert_eq!(&client_text(text)[..], LEFT_OUT);
        }
    }
}
