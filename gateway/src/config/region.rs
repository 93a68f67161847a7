//! Prefixes of administrative divisions, by which places are opened and routed.

use std::fmt;
use std::str::FromStr;

use keyring::code::{Province, Region};

/// The first one to six digits of a division: `37` is Shandong, `3701` Jinan.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct RegionPrefix {
    value: u32,
    digits: u8,
}

/// The text is not one to six digits.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be {}", RegionPrefix::ALLOWED)]
pub struct RegionPrefixError;

impl RegionPrefix {
    pub(super) const ALLOWED: &str = "1 to 6 digits, such as \"37\" or \"370100\"";

    /// Whether the place lies in this division. A place that was not chosen lies in none.
    pub fn contains(self, region: Region) -> bool {
        let rest = 10_u32.pow(u32::from(6 - self.digits));
        region.is_chosen() && region.get() / rest == self.value
    }

    /// Whether the whole province lies in this division. No prefix of more than two digits holds
    /// one.
    pub fn holds(self, province: Province) -> bool {
        let province = u32::from(province.get());
        match self.digits {
            1 => province != 0 && province / 10 == self.value,
            2 => province != 0 && province == self.value,
            _ => false,
        }
    }

    /// 1 to 6: of two prefixes that hold a place, the one with more digits is the nearer.
    pub fn digits(self) -> u8 {
        self.digits
    }
}

impl FromStr for RegionPrefix {
    type Err = RegionPrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(RegionPrefixError);
        }
        let digits = u8::try_from(text.len()).ok().filter(|digits| (1..=6).contains(digits));
        let value = text.parse().map_err(|_| RegionPrefixError)?;
        Ok(Self { value, digits: digits.ok_or(RegionPrefixError)? })
    }
}

impl fmt::Display for RegionPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.value, width = usize::from(self.digits))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_to_six_digits_and_nothing_else() {
        for text in ["", "3701000", "37a", "+37", " 37", "-1", "３７"] {
            assert_eq!(text.parse::<RegionPrefix>(), Err(RegionPrefixError), "{text:?}");
        }
    }

    #[test]
    fn a_place_that_was_not_chosen_lies_in_no_prefix() {
        let nowhere = Region::new(0).unwrap();
        for prefix in ["0", "00", "000000"] {
            assert!(!prefix.parse::<RegionPrefix>().unwrap().contains(nowhere));
        }
    }

    proptest! {
        #[test]
        fn contains_compares_the_written_digits(prefix in "[0-9]{1,6}", region in 1..=999_999_u32) {
            let starts = format!("{region:06}").starts_with(&prefix);
            let region = Region::new(region).unwrap();
            let parsed: RegionPrefix = prefix.parse().unwrap();
            prop_assert_eq!(parsed.contains(region), starts);
            prop_assert_eq!(parsed.to_string(), prefix);
        }
    }
}
