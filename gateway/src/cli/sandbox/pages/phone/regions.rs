//! Places of insurance (参保地) that the phone offers.

use keyring::code::Region;

use super::words::Word;

/// A place, its number of GB/T 2260, and its name.
#[derive(Copy, Clone, Debug)]
pub(super) struct Place {
    pub(super) number: &'static str,
    pub(super) name: Word,
}

pub(super) const JINAN: &str = "370100";
/// An invented place whose insurance has no codes yet.
pub(super) const NOT_OPEN: &str = "990100";
/// What a code says if no place is chosen.
const NONE: &str = "000000";

pub(super) const PLACES: [Place; 3] = [
    Place { number: JINAN, name: Word::Jinan },
    Place { number: "440300", name: Word::Shenzhen },
    Place { number: NOT_OPEN, name: Word::SamplePlace },
];

/// The name of a place that the phone offers.
pub(super) fn name(number: &str) -> Option<Word> {
    PLACES.iter().find(|place| place.number == number).map(|place| place.name)
}

/// What a person chose: a place, or none.
///
/// # Errors
/// It is no number of a place, or of one that is not open.
pub(super) fn chosen(number: Option<&str>) -> Result<Option<String>, Word> {
    match number {
        None | Some("" | NONE) => Ok(None),
        Some(NOT_OPEN) => Err(Word::NotOpen),
        Some(number) => match number.parse::<Region>() {
            Ok(_) => Ok(Some(number.to_owned())),
            Err(_) => Err(Word::WrongRegion),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_six_digits_that_are_open() {
        assert_eq!(chosen(Some("440300")), Ok(Some("440300".to_owned())));
        for none in [None, Some(""), Some("000000")] {
            assert_eq!(chosen(none), Ok(None));
        }
        assert_eq!(chosen(Some(NOT_OPEN)), Err(Word::NotOpen));
        for wrong in ["37010", "3701000", "济南", "37010x"] {
            assert_eq!(chosen(Some(wrong)), Err(Word::WrongRegion), "{wrong}");
        }
    }
}
