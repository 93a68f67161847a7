//! The value of an entry, and its 52 bits in memory.

use std::fmt;

use keyring::{code::IssuedAt, time::UnixMillis};

use super::{Day, Facet, FormatError, channels, number};
use crate::limits::KEPT_DAYS;

const FACET_BITS: u32 = 12;
/// `-`: without a last day.
const ENDLESS: u64 = (1 << 32) - 1;

/// Codes of epochs up to this one are of a device that was unbound.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct Floor {
    /// Below 65535: the next activation needs a higher one.
    pub epoch: u16,
    /// When it was unbound, for the daily clean-up.
    pub at: IssuedAt,
}

/// What an entry says.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Value {
    /// The last day; `None`: without end.
    Until(Option<Day>),
    /// Issued then or before is refused.
    Since(IssuedAt),
    /// The lowest epoch is above.
    Floor(Floor),
}

/// A facet and a value that fit each other.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct Entry {
    facet: Facet,
    value: Value,
}

impl Entry {
    /// `None` if the value is not of the facet's kind.
    pub fn new(facet: Facet, value: Value) -> Option<Self> {
        let fits = match (facet, value) {
            (Facet::Hold(..) | Facet::Removed(_), Value::Until(_))
            | (Facet::Since(_), Value::Since(_)) => true,
            (Facet::Floor(_), Value::Floor(floor)) => floor.epoch < u16::MAX,
            _ => false,
        };
        fits.then_some(Self { facet, value })
    }

    /// Reads the texts of the store.
    ///
    /// # Errors
    /// A text is none of the allowed forms.
    pub fn parse(facet: &str, value: &str) -> Result<Self, FormatError> {
        let facet: Facet = facet.parse()?;
        let read = match facet {
            Facet::Hold(..) | Facet::Removed(_) => parse_until(value)?,
            Facet::Since(_) => parse_since(value)?,
            Facet::Floor(_) => parse_floor(value)?,
        };
        Self::new(facet, read).ok_or(FLOOR_ERROR)
    }

    /// Of what it is.
    pub fn facet(self) -> Facet {
        self.facet
    }

    /// What it says.
    pub fn value(self) -> Value {
        self.value
    }

    /// May the daily clean-up delete it? Days are Beijing's.
    pub fn is_over(self, now: UnixMillis, display_days: u32) -> bool {
        let today = i64::from(Day::of(now).get());
        let day_of = |second: IssuedAt| i64::from(Day::of(second.millis()).get());
        match self.value {
            Value::Until(None) => false,
            Value::Until(Some(last)) => today > i64::from(last.get()) + KEPT_DAYS,
            Value::Since(at) | Value::Floor(Floor { at, .. }) => {
                today > day_of(at) + i64::from(display_days) + KEPT_DAYS
            }
        }
    }

    /// 12 bits of facet, 52 of value.
    pub(crate) fn word(self) -> u64 {
        if let Facet::Floor(channel) = self.facet {
            channels::remember(channel);
        }
        let value = match self.value {
            Value::Until(last) => last.map_or(ENDLESS, |day| u64::from(day.get())),
            Value::Since(at) => u64::from(at.get()),
            Value::Floor(floor) => u64::from(floor.epoch) << 32 | u64::from(floor.at.get()),
        };
        value << FACET_BITS | u64::from(self.facet.number())
    }

    /// The entry that has this word; `None`: none was ever in memory.
    pub(crate) fn of_word(word: u64) -> Option<Self> {
        let facet = Facet::of_number(facet_of(word))?;
        let bits = word >> FACET_BITS;
        let low = || u32::try_from(bits & ENDLESS).ok();
        let value = match facet {
            Facet::Hold(..) | Facet::Removed(_) if bits == ENDLESS => Value::Until(None),
            Facet::Hold(..) | Facet::Removed(_) => Value::Until(Some(Day::new(low()?)?)),
            Facet::Since(_) => Value::Since(IssuedAt::new(low()?)),
            Facet::Floor(_) => {
                let epoch = u16::try_from(epoch_of(word)).ok()?;
                Value::Floor(Floor { epoch, at: IssuedAt::new(low()?) })
            }
        };
        Self::new(facet, value)
    }
}

const FLOOR_ERROR: FormatError =
    FormatError::new("the floor", "an epoch from 0 to 65534, a space, a second since 1970");

fn parse_until(text: &str) -> Result<Value, FormatError> {
    if text == "-" { Ok(Value::Until(None)) } else { text.parse().map(Some).map(Value::Until) }
}

fn parse_since(text: &str) -> Result<Value, FormatError> {
    let error = FormatError::new("since", "a second since 1970, below 2^32");
    number(text).map(|at| Value::Since(IssuedAt::new(at))).ok_or(error)
}

fn parse_floor(text: &str) -> Result<Value, FormatError> {
    let (epoch, at) = text.split_once(' ').ok_or(FLOOR_ERROR)?;
    let epoch = number(epoch).ok_or(FLOOR_ERROR)?;
    let at = number(at).map(IssuedAt::new).ok_or(FLOOR_ERROR)?;
    Ok(Value::Floor(Floor { epoch, at }))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Until(None) => f.write_str("-"),
            Self::Until(Some(day)) => day.fmt(f),
            Self::Since(at) => at.fmt(f),
            Self::Floor(floor) => write!(f, "{} {}", floor.epoch, floor.at),
        }
    }
}

/// The facet of a word of memory, as its number.
pub(crate) fn facet_of(word: u64) -> u16 {
    let [low, high, ..] = word.to_le_bytes();
    u16::from_le_bytes([low, high & 0x0f])
}

/// The first day that a hold or a removal of this word does not cover.
pub(crate) fn end_of(word: u64) -> u64 {
    (word >> FACET_BITS) + 1
}

/// The second of a `since` word.
pub(crate) fn second_of(word: u64) -> u64 {
    word >> FACET_BITS
}

/// The second in which a floor rose, of its word.
pub(crate) fn raised_at(word: u64) -> u64 {
    word >> FACET_BITS & u64::from(u32::MAX)
}

/// The epoch of a floor's word.
pub(crate) fn epoch_of(word: u64) -> u64 {
    word >> (FACET_BITS + 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_written_alike() {
        for (facet, value) in [
            ("holder.0", "2026-12-12"),
            ("hotline.5", "-"),
            ("pending.1", "-"),
            ("removed.5", "-"),
            ("since.1", "1800000000"),
            ("floor.wechat", "65534 4294967295"),
        ] {
            let entry = Entry::parse(facet, value).expect(facet);
            assert_eq!(
                (entry.facet().to_string(), entry.value().to_string()),
                (facet.into(), value.into())
            );
            assert_eq!(facet_of(entry.word()), entry.facet().number());
            assert!(Entry::of_word(entry.word()) == Some(entry), "{facet} {value}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (facet, value) in [
            ("holder.6", "-"),
            ("holder.00", "-"),
            ("removed.0", "-"),
            ("since.6", "1"),
            ("since.1", "-"),
            ("since.1", "+1"),
            ("since.1", "4294967296"),
            ("floor.WeChat", "1 1"),
            ("floor.wechat", "65535 1"),
            ("floor.wechat", "1"),
            ("floor.wechat", "01 1"),
            ("other.1", "-"),
            ("holder.0", ""),
        ] {
            assert!(Entry::parse(facet, value).is_err(), "{facet} {value}");
        }
    }

    #[test]
    fn the_daily_clean_up_keeps_what_may_still_refuse() {
        let at = |text: &str| -> UnixMillis { text.parse().unwrap() };
        let hold = Entry::parse("holder.0", "2026-12-12").unwrap();
        assert!(!hold.is_over(at("2026-12-14T23:59:59+08:00"), 180));
        assert!(hold.is_over(at("2026-12-15T00:00:00+08:00"), 180));
        assert!(!Entry::parse("holder.0", "-").unwrap().is_over(at("9000-01-01T00:00:00Z"), 180));
        let second = at("2026-01-01T12:00:00+08:00").seconds();
        for entry in [("since.1", second.to_string()), ("floor.wechat", format!("3 {second}"))] {
            let entry = Entry::parse(entry.0, &entry.1).unwrap();
            assert!(!entry.is_over(at("2026-07-02T23:59:59+08:00"), 180));
            assert!(entry.is_over(at("2026-07-03T00:00:00+08:00"), 180));
        }
    }
}
