//! The opaque code: the national platform's own code of today. No key of ours proves it, so that
//! nothing is known of whether it is genuine.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::text;

const PREFIX: &[u8] = b"424";
const DIGITS: usize = 28;
/// Where the two digits of the province stand.
const PROVINCE: std::ops::Range<usize> = 22..24;
const CONTEXT: &[u8] = b"yanma opaque v1\n";

/// A text in the form of an opaque code: 28 digits that begin with 424. It may be made up. The
/// digits themselves are not kept.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct OpaqueCode {
    id: OpaqueId,
    province: Province,
}

/// The name of an opaque code: the first half of a SHA-256 over its digits.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct OpaqueId([u8; 16]);

/// The two digits of a province in an opaque code: 0 to 99. A claim, as all of the code is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Province(u8);

impl OpaqueCode {
    /// Reads what a scanner sent, trimmed as codes are; allocates nothing. `None`: the text is
    /// something else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut buffer = [0; super::CODE_DIGITS];
        let digits = text::digits(text, &mut buffer)?;
        if digits.len() != DIGITS || !digits.starts_with(PREFIX) {
            return None;
        }
        let [tens, ones] = digits.get(PROVINCE)? else { return None };
        let province = Province((tens - b'0') * 10 + (ones - b'0'));
        let hash = Sha256::new().chain_update(CONTEXT).chain_update(digits).finalize();
        Some(Self { id: OpaqueId(*hash.first_chunk()?), province })
    }

    /// What single use is keyed on.
    pub fn id(&self) -> OpaqueId {
        self.id
    }

    /// Where it says that it comes from.
    pub fn province(&self) -> Province {
        self.province
    }
}

impl OpaqueId {
    /// The id of these bytes, of a reservation that was made before.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its sixteen bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl Province {
    /// 0 to 99; 0 is no province.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// 32 lower-case hexadecimal digits.
impl fmt::Display for OpaqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// Two digits.
impl fmt::Display for Province {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// Nothing of the code is shown.
impl fmt::Debug for OpaqueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueCode").finish_non_exhaustive()
    }
}

/// The digest is not shown: a code has few digits that are not known.
impl fmt::Debug for OpaqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueId").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = "4240123456789012345678370000";

    #[test]
    fn the_vector_has_its_reservation_and_province() {
        for text in [VECTOR.to_owned(), format!(" {VECTOR}\r\n"), VECTOR.replace('0', "０")] {
            let code = OpaqueCode::parse(text.as_bytes()).unwrap();
            assert_eq!(code.id().to_string(), "ebd47473358a941eed15fbf4eba5c2a0");
            assert_eq!((code.province().get(), code.province().to_string()), (37, "37".to_owned()));
        }
    }

    #[test]
    fn only_28_digits_from_424_are_one() {
        let longer = format!("{VECTOR}0");
        let other = VECTOR.replacen("424", "425", 1);
        let letter = VECTOR.replace('7', "a");
        for text in ["", &VECTOR[..27], &longer, &other, &letter] {
            assert_eq!(OpaqueCode::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(OpaqueCode::parse(&[b'4'; 255]), None);
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let code = OpaqueCode::parse(VECTOR.as_bytes()).unwrap();
        let shown = format!("{code:?} {:?}", code.id());
        assert_eq!(shown, "OpaqueCode { .. } OpaqueId { .. }");
    }
}
