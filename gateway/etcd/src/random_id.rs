//! Random ids: the life of a store, and the nonce of each change.

use std::{fmt, str::FromStr};

/// 128 random bits, as 32 hexadecimal digits.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub(crate) struct RandomId(u128);

/// A text that is no random id.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is malformed; allowed: 32 hexadecimal digits, as this program writes them")]
pub(crate) struct NoRandomId;

impl RandomId {
    /// A new one.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, NoRandomId> {
        std::str::from_utf8(bytes).map_err(|_| NoRandomId)?.parse()
    }

    #[cfg(test)]
    pub(crate) const fn of(number: u128) -> Self {
        Self(number)
    }
}

impl fmt::Display for RandomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for RandomId {
    type Err = NoRandomId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let has_form =
            text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u128::from_str_radix(text, 16).ok().filter(|_| has_form);
        number.map(Self).ok_or(NoRandomId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_is_read_back_and_no_other() {
        let id = RandomId::generate().unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(RandomId::generate().unwrap(), id);
        for text in ["", "0", "+0000000000000000000000000000001", &"F".repeat(32), &"0".repeat(33)]
        {
            assert_eq!(text.parse::<RandomId>(), Err(NoRandomId));
        }
    }
}
