//! Days of Beijing.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use keyring::time::UnixMillis;

use super::FormatError;

const DAY_MS: i64 = 86_400_000;
/// China has had one offset, without summer time, since 1991.
const BEIJING_MS: i64 = 8 * 3_600_000;
const ALLOWED: &str = "YYYY-MM-DD, a day of the calendar from 1970-01-01 to 9999-12-31";
/// 9999-12-31.
const LAST: u32 = 2_932_896;

/// A day in Beijing: days since 1970-01-01.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
pub struct Day(u32);

impl Day {
    /// `None` after 9999-12-31.
    pub const fn new(days: u32) -> Option<Self> {
        if days <= LAST { Some(Self(days)) } else { None }
    }

    /// The day in which `at` lies in Beijing; held at the ends of what fits.
    pub fn of(at: UnixMillis) -> Self {
        let days = at.get().saturating_add(BEIJING_MS).div_euclid(DAY_MS);
        Self(u32::try_from(days.clamp(0, i64::from(LAST))).unwrap_or(LAST))
    }

    /// Days since 1970-01-01.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// `days` later, held at the last day.
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days).min(LAST))
    }

    fn date(self) -> Date {
        let epoch = Date::constant(1970, 1, 1);
        epoch.saturating_add(jiff::Span::new().days(i64::from(self.0)))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl FromStr for Day {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text.as_bytes()).ok_or_else(|| FormatError::new("the day", ALLOWED))
    }
}

/// Ten bytes. A load reads millions, so jiff's parser, which knows more forms, is not asked.
fn read(text: &[u8]) -> Option<Day> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let year = number(&[y0, y1, y2, y3])?;
    let [month, day] = [number(&[m0, m1])?, number(&[d0, d1])?];
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let days = date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
    u32::try_from(days).ok().and_then(Day::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_beijing() {
        let midnight: UnixMillis = "2026-12-12T00:00:00+08:00".parse().unwrap();
        assert_eq!(Day::of(midnight).to_string(), "2026-12-12");
        assert_eq!(Day::of(midnight.plus_ms(-1)).to_string(), "2026-12-11");
    }

    #[test]
    fn only_one_form_is_read() {
        for text in [
            "2026-02-30",
            "20261212",
            "2026-12-12T00:00",
            "1969-12-31",
            "+002026-12-12",
            "",
            "2026-1-012",
            "2026-12-1:",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert_eq!("9999-12-31".parse::<Day>().unwrap().get(), LAST);
        assert_eq!(Day::of(UnixMillis::new(i64::MAX)).get(), LAST);
        for days in [0, 1, 59, 20_000, 20_799, 2_000_000, LAST] {
            let day = Day::new(days).unwrap();
            assert_eq!(day.to_string().parse::<Day>().unwrap(), day);
        }
        assert_eq!("2028-02-29".parse::<Day>().unwrap().to_string(), "2028-02-29");
    }
}
