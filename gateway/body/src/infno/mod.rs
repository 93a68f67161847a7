//! The number of a transaction: which one the body asks for.

use std::{fmt, str::FromStr};

use arrayvec::ArrayString;

mod table;

pub use self::table::{BadTable, InfnoTable, Rule};

/// The most letters and digits of an infno.
pub(crate) const LETTERS_MAX: usize = 10;

/// An infno: 1 to 10 ASCII letters and digits, as the body has them.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Infno(ArrayString<LETTERS_MAX>);

/// The text is no infno.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an infno is 1 to 10 ASCII letters and digits")]
pub struct BadInfno;

impl Infno {
    /// The infno's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a number that a body has without quotation marks.
    pub(crate) fn of_number(number: u64) -> Result<Self, BadInfno> {
        let mut text = ArrayString::new();
        fmt::Write::write_fmt(&mut text, format_args!("{number}")).map_err(|_| BadInfno)?;
        Ok(Self(text))
    }
}

impl FromStr for Infno {
    type Err = BadInfno;

    fn from_str(text: &str) -> Result<Self, BadInfno> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(BadInfno);
        }
        ArrayString::from(text).map(Self).map_err(|_| BadInfno)
    }
}

impl fmt::Display for Infno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Infno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Infno({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{BadInfno, Infno};

    #[test]
    fn letters_and_digits_are_an_infno_as_they_are() {
        for text in ["2", "2207", "2207A", "s1101", "0123456789", "ABCDEFGHij"] {
            assert_eq!(text.parse::<Infno>().map(|infno| infno.to_string()).as_deref(), Ok(text));
        }
        for text in ["", " 2207", "2207 ", "2207.0", "22-07", "-1", "５", "2207\0", "01234567890"]
        {
            assert_eq!(text.parse::<Infno>(), Err(BadInfno), "{text:?}");
        }
    }

    #[test]
    fn a_number_has_ten_digits_at_most() {
        let text = |number| Infno::of_number(number).map(|infno| infno.to_string());
        assert_eq!(text(0).as_deref(), Ok("0"));
        assert_eq!(text(2207).as_deref(), Ok("2207"));
        assert_eq!(text(9_999_999_999).as_deref(), Ok("9999999999"));
        assert_eq!(text(10_000_000_000), Err(BadInfno));
        assert_eq!(text(u64::MAX), Err(BadInfno));
    }
}
