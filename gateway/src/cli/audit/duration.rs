//! How long: `90s`, `15m`, `2h`, `7d`.

use std::str::FromStr;

/// A whole number and its unit.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(super) struct Duration {
    ms: i64,
}

/// A text that is no duration.
#[derive(Debug, Clone, Eq, PartialEq, thiserror::Error)]
#[error(
    "{text:?} is no duration: {why}; allowed: a whole number above 0 with its unit, ms, s, m, h or d, \
     such as 250ms, 90s, 15m, 2h or 7d"
)]
pub(super) struct DurationError {
    text: String,
    why: &'static str,
}

const UNITS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// A hundred years: more is a slip.
const MS_MAX: i64 = 36_525 * 86_400_000;

impl Duration {
    pub(super) fn ms(self) -> i64 {
        self.ms
    }

    pub(super) fn us(self) -> u64 {
        self.ms.unsigned_abs().saturating_mul(1_000)
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |why| DurationError { text: text.to_owned(), why };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(wrong("it begins with no number"));
        }
        if unit.is_empty() {
            return Err(wrong("it has no unit"));
        }
        let each = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, each) = each.ok_or_else(|| wrong("its unit is none of these"))?;
        let ms = number.parse::<i64>().ok().and_then(|number| number.checked_mul(*each));
        match ms {
            Some(0) => Err(wrong("it is 0")),
            Some(ms) if ms <= MS_MAX => Ok(Self { ms }),
            _ => Err(wrong("it is longer than a hundred years")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        let ms = |text: &str| text.parse().map(Duration::ms).ok();
        assert_eq!(ms("250ms"), Some(250));
        assert_eq!(ms("90s"), Some(90_000));
        assert_eq!(ms("15m"), Some(900_000));
        assert_eq!(ms("2h"), Some(7_200_000));
        assert_eq!(ms("7d"), Some(604_800_000));
        assert_eq!("1s".parse::<Duration>().map(Duration::us), Ok(1_000_000));
    }

    #[test]
    fn what_is_none_is_told_why() {
        for (text, why) in [
            ("15", "no unit"),
            ("m", "no number"),
            ("", "no number"),
            ("-5m", "no number"),
            ("1.5h", "none of these"),
            ("15 m", "none of these"),
            ("15M", "none of these"),
            ("15min", "none of these"),
            ("0s", "it is 0"),
            ("36526d", "a hundred years"),
            ("99999999999999999999s", "a hundred years"),
        ] {
            let said = text.parse::<Duration>().unwrap_err().to_string();
            assert!(said.contains(why) && said.contains("such as 250ms, 90s"), "{text}: {said}");
        }
    }
}
