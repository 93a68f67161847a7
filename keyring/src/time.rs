//! Unix time in milliseconds. Nothing here reads a clock.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, fmt::temporal::DateTimeParser};

const MS_PER_SECOND: i64 = 1_000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct UnixMillis(i64);

/// A text that names no moment.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{text:?} is not a time{why}; allowed: RFC 3339 with an offset, such as \
     2026-01-01T00:00:00Z, or whole seconds since 1970"
)]
pub struct TimeFormatError {
    text: String,
    /// Empty if only the form is wrong.
    why: &'static str,
}

impl TimeFormatError {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), why: why_no_moment(text) }
    }
}

fn why_no_moment(text: &str) -> &'static str {
    const BEYOND: &str = ": it is beyond 9999-12-30T22:00:00Z, the last moment that fits";
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return ": so many seconds do not fit; these may be milliseconds";
    }
    let Ok(pieces) = DateTimeParser::new().parse_pieces(text) else { return "" };
    match (pieces.time(), pieces.offset()) {
        (None, _) => ": it has no time of day",
        (_, None) => ": it has no offset from UTC, such as Z or +08:00",
        _ => BEYOND,
    }
}

impl UnixMillis {
    /// The moment `ms` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn new(ms: i64) -> Self {
        Self(ms)
    }

    /// The moment `seconds` after 1970-01-01T00:00:00Z, held at the ends of what fits.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MS_PER_SECOND))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MS_PER_SECOND)
    }

    /// `ms` later, held at the ends of what fits.
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`; negative if `earlier` is the later one.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 in UTC without a fraction, which is dropped: `2026-11-23T09:41:21Z`.
    pub(crate) fn to_whole_seconds(self) -> String {
        match Timestamp::from_second(self.seconds()) {
            Ok(moment) => moment.to_string(),
            Err(_) => self.to_string(),
        }
    }
}

/// RFC 3339 in UTC with three digits of milliseconds: `2026-11-23T09:41:21.123Z`.
/// A moment beyond the year 9999 is written as its number of milliseconds.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Reads RFC 3339 with any offset, or whole Unix seconds.
impl FromStr for UnixMillis {
    type Err = TimeFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || TimeFormatError::new(text);
        if let Ok(seconds) = text.parse::<i64>() {
            let moment = Timestamp::from_second(seconds).map_err(|_| wrong())?;
            return Ok(Self(moment.as_millisecond()));
        }
        let moment = text.parse::<Timestamp>().map_err(|_| wrong())?;
        Ok(Self(moment.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_has_three_digits_of_milliseconds() {
        assert_eq!(UnixMillis::new(1_795_426_881_123).to_string(), "2026-11-23T09:41:21.123Z");
        assert_eq!(UnixMillis::new(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(UnixMillis::new(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(UnixMillis::new(i64::MAX).to_string(), "9223372036854775807 ms");
    }

    #[test]
    fn text_is_rfc3339_or_seconds() {
        let parse = |text: &str| text.parse::<UnixMillis>().map(UnixMillis::get).ok();
        assert_eq!(parse("1800000000"), Some(1_800_000_000_000));
        assert_eq!(parse("2026-11-23T17:41:21.123+08:00"), Some(1_795_426_881_123));
        for wrong in ["", "tomorrow", "2026-11-23", "2026-11-23T09:41:21", "99999999999999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_moment_is_told_why() {
        for (text, why) in [
            ("9999-12-31T23:59:59Z", "beyond 9999-12-30T22:00:00Z"),
            ("2026-01-01", "no time of day"),
            ("2026-01-01T00:00:00", "no offset from UTC"),
            ("1795426881123", "may be milliseconds"),
            ("2026-02-30T00:00:00Z", "is not a time; allowed: RFC 3339"),
            ("soon", "is not a time; allowed: RFC 3339"),
            ("", "is not a time; allowed: RFC 3339"),
        ] {
            let said = text.parse::<UnixMillis>().unwrap_err().to_string();
            assert!(said.contains(why) && said.contains("allowed: RFC 3339"), "{said}");
        }
        assert!("9999-12-30T21:59:59Z".parse::<UnixMillis>().is_ok());
    }

    #[test]
    fn seconds_round_towards_the_past() {
        assert_eq!(UnixMillis::new(1_999).seconds(), 1);
        assert_eq!(UnixMillis::new(-1).seconds(), -1);
        assert_eq!(UnixMillis::from_seconds(i64::MAX).get(), i64::MAX);
    }
}
