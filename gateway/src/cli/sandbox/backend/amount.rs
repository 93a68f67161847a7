//! Amounts of money as the national interface writes them: yuan with two digits.

use std::fmt;

use serde::{Serialize, Serializer};

/// The largest amount, in fen: 14 digits before the point and two after it.
const FEN_MAX: u64 = 9_999_999_999_999_999;
/// What the insured pays of each hundred.
const INSURED_PAYS_PERCENT: u64 = 85;

/// An amount, in fen.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Amount(u64);

impl Amount {
    /// A hundred yuan.
    pub(super) const HUNDRED: Self = Self(10_000);
    pub(super) const NOTHING: Self = Self(0);

    /// Reads `100`, `100.5` or `100.50`; zeros may follow.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (yuan, fen) = text.split_once('.').unwrap_or((text, "0"));
        let fen = fen.trim_end_matches('0');
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if yuan.is_empty() || fen.len() > 2 || !is_number(yuan) || !is_number(fen) {
            return None;
        }
        let fen = format!("{yuan}{fen:0<2}").parse().ok()?;
        (fen <= FEN_MAX).then_some(Self(fen))
    }

    /// What the insured pays, and what the fund pays.
    pub(super) fn shares(self) -> (Self, Self) {
        let fund = self.0 * (100 - INSURED_PAYS_PERCENT) / 100;
        (Self(self.0 - fund), Self(fund))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// A text, because a JSON number is read as binary fraction by many.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_fen() {
        for (text, expected) in [
            ("100", "100.00"),
            ("100.0", "100.00"),
            ("0.5", "0.50"),
            ("0.05", "0.05"),
            ("7.100", "7.10"),
            ("99999999999999.99", "99999999999999.99"),
        ] {
            assert_eq!(Amount::parse(text).unwrap().to_string(), expected, "{text}");
        }
        let too_large = "1".repeat(30);
        for bad in [
            "",
            ".",
            ".5",
            "-1",
            "+1",
            "1e2",
            "1.005",
            "1.2.3",
            "１",
            "100000000000000",
            &too_large,
        ] {
            assert_eq!(Amount::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn both_shares_are_the_whole() {
        let (insured, fund) = Amount::HUNDRED.shares();
        assert_eq!((insured.to_string(), fund.to_string()), ("85.00".into(), "15.00".into()));
        for fen in [0, 1, 6, 7, 99, 1_230, FEN_MAX] {
            let (insured, fund) = Amount(fen).shares();
            assert_eq!(insured.0 + fund.0, fen);
        }
    }
}
