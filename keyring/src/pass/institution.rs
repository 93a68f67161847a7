//! The institution that a pass is bound to.

use std::{fmt, str::FromStr};

use arrayvec::ArrayString;

/// Bytes of the longest name of an institution.
pub const INSTITUTION_BYTES_MAX: usize = 40;

/// Who may use a pass: up to 40 characters of visible ASCII. It lies in place, without memory of
/// its own.
#[derive(Copy, Clone, Eq, PartialEq, Hash)]
pub struct Institution(ArrayString<INSTITUTION_BYTES_MAX>);

/// A text that names no institution. It is not repeated here: it comes from outside.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the institution has something else than 0 to 40 characters of visible ASCII (! to ~)")]
pub struct InstitutionError;

impl Institution {
    /// None: what a pass is bound to where institutions are not told apart.
    pub const NONE: Self = Self(ArrayString::new_const());

    /// Reads a name. An empty one is [`NONE`](Self::NONE).
    ///
    /// # Errors
    /// [`InstitutionError`] above 40 bytes, or if one is no visible ASCII (0x21 to 0x7e).
    pub fn parse(name: &[u8]) -> Result<Self, InstitutionError> {
        let is_visible = name.iter().all(u8::is_ascii_graphic);
        let name = str::from_utf8(name).ok().filter(|_| is_visible).ok_or(InstitutionError)?;
        ArrayString::from(name).map(Self).map_err(|_| InstitutionError)
    }

    /// The name, empty for [`NONE`](Self::NONE).
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is [`NONE`](Self::NONE).
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Institution {
    type Err = InstitutionError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name.as_bytes())
    }
}

impl fmt::Display for Institution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Institution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Institution({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_0_to_40_of_visible_ascii() {
        assert_eq!(Institution::parse(b""), Ok(Institution::NONE));
        assert!(Institution::NONE.is_none());
        for name in ["H37010000001", "!~", &"x".repeat(40)] {
            let institution: Institution = name.parse().unwrap();
            assert_eq!((institution.as_str(), institution.is_none()), (name, false));
        }
        for wrong in [&b"x".repeat(41)[..], b"a b", b" ", b"a\n", b"\x7f", b"\xe5\x8c\xbb", b"\xff"]
        {
            assert_eq!(Institution::parse(wrong), Err(InstitutionError), "{wrong:?}");
        }
    }
}
