//! Moments as the national platform writes them: Beijing time, digits alone.

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use keyring::time::UnixMillis;

/// China has had one offset, without summer time, since 1991.
const BEIJING: Offset = Offset::constant(8);

/// `yyyyMMddHHmmss`.
pub(super) fn second(at: UnixMillis) -> String {
    let civil = civil(at);
    let (year, month, day) = (civil.year(), civil.month(), civil.day());
    let (hour, minute, second) = (civil.hour(), civil.minute(), civil.second());
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// `yyyyMMddHHmmssSSS`.
pub(super) fn millisecond(at: UnixMillis) -> String {
    format!("{}{:03}", second(at), civil(at).millisecond())
}

/// A moment that no calendar has is the first one: a clock that shows it is not believed anyway.
fn civil(at: UnixMillis) -> DateTime {
    BEIJING.to_datetime(Timestamp::from_millisecond(at.get()).unwrap_or(Timestamp::UNIX_EPOCH))
}
