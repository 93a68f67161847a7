//! Numbers for people: three significant digits and a unit.

/// The text for a missing value.
pub(super) const NONE: &str = "–";

/// A count as a floating-point number; exact up to 2^53.
pub(crate) fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A length, likewise.
pub(super) fn length(count: usize) -> f64 {
    u64::try_from(count).map_or(f64::MAX, float)
}

/// 1234567 as "1,234,567".
pub(super) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A number with three significant digits: "4.21", "42.1", "421", "4,210".
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    match value.abs() {
        small if small < 9.995 => format!("{value:.2}"),
        middle if middle < 99.95 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// A number without zeros at its end, for ticks: "0.5", "20", "1,000".
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", grouped(whole)),
        None => grouped(text),
    }
}

/// Microseconds in the unit that fits: "24.3 µs", "1.84 ms", "2.31 s".
pub(super) fn time(us: f64) -> String {
    match us {
        _ if !us.is_finite() => NONE.to_owned(),
        _ if us < 999.5 => format!("{} µs", number(us)),
        _ if us < 999_500.0 => format!("{} ms", number(us / 1e3)),
        _ => format!("{} s", number(us / 1e6)),
    }
}

/// Microseconds in milliseconds, whatever their size, so that a column of them is easy to compare.
pub(super) fn millis(us: f64) -> String {
    if !us.is_finite() {
        return NONE.to_owned();
    }
    let text = format!("{:.3}", us / 1e3);
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest} ms", grouped(whole)),
        None => format!("{text} ms"),
    }
}

/// Microseconds as a tick: "500 µs", "2 ms", "1 s".
pub(super) fn time_tick(us: f64) -> String {
    match us {
        _ if us < 1e3 => format!("{} µs", short(us)),
        _ if us < 1e6 => format!("{} ms", short(us / 1e3)),
        _ => format!("{} s", short(us / 1e6)),
    }
}

/// Bytes in binary units: "7.81 KiB".
pub(super) fn bytes(value: f64) -> String {
    const KIB: f64 = 1024.0;
    match value {
        _ if !value.is_finite() => NONE.to_owned(),
        _ if value.abs() < KIB => format!("{value:.0} B"),
        _ if value.abs() < KIB * KIB => format!("{} KiB", number(value / KIB)),
        _ if value.abs() < KIB * KIB * KIB => format!("{} MiB", number(value / KIB / KIB)),
        _ => format!("{} GiB", number(value / KIB / KIB / KIB)),
    }
}

/// A change in bytes, with its sign; "0 B" if there is none.
pub(super) fn growth(from: u64, to: u64) -> String {
    let change = float(to) - float(from);
    if change > 0.0 { format!("+{}", bytes(change)) } else { bytes(change) }
}

/// A part of a whole in percent. 0 of 0 has no value.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { NONE.to_owned() } else { percent(float(part) / float(whole)) }
}

/// A share between 0 and 1 in percent.
pub(super) fn percent(share: f64) -> String {
    match share {
        _ if !share.is_finite() => NONE.to_owned(),
        _ if share > 0.0 && share < 0.000_05 => "<0.01 %".to_owned(),
        _ => format!("{} %", number(share * 100.0)),
    }
}

/// Seconds: "60.0 s".
pub(super) fn seconds(value: f64) -> String {
    if value.is_finite() { format!("{value:.1} s") } else { NONE.to_owned() }
}

/// How many in a second.
pub(super) fn rate(per_s: f64) -> String {
    format!("{}/s", number(per_s))
}

/// Puts commas between the thousands of a whole number.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        let texts = [0.0, 4.214, 9.996, 42.14, 99.96, 421.4, 4214.0, 1_234_567.0].map(number);
        assert_eq!(texts, ["0.00", "4.21", "10.0", "42.1", "100", "421", "4,214", "1,234,567"]);
        assert_eq!(number(f64::NAN), NONE);
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(short(0.5), "0.5");
        assert_eq!(short(1000.0), "1,000");
    }

    #[test]
    fn times_take_the_unit_that_fits() {
        let texts = [0.0, 24.31, 412.4, 999.6, 1840.0, 999_600.0, 2_310_000.0].map(time);
        assert_eq!(
            texts,
            ["0.00 µs", "24.3 µs", "412 µs", "1.00 ms", "1.84 ms", "1.00 s", "2.31 s"]
        );
        assert_eq!(millis(1_234_567.8), "1,234.568 ms");
        assert_eq!([200.0, 1000.0, 5e5, 2e6].map(time_tick), ["200 µs", "1 ms", "500 ms", "2 s"]);
    }

    #[test]
    fn bytes_and_shares_have_units() {
        assert_eq!(
            [0.0, 1023.0, 8000.0, 5e7].map(bytes),
            ["0 B", "1023 B", "7.81 KiB", "47.7 MiB"]
        );
        assert_eq!(growth(2048, 1024), "-1.00 KiB");
        assert_eq!(growth(0, 1024), "+1.00 KiB");
        assert_eq!(growth(7, 7), "0 B");
        assert_eq!(share(1, 0), NONE);
        assert_eq!(share(1, 3), "33.3 %");
        assert_eq!([share(0, 9), share(1, 99_999)], ["0.00 %", "<0.01 %"]);
        assert_eq!(rate(2_000.4), "2,000/s");
    }

    #[test]
    fn counts_beyond_32_bits_are_exact() {
        assert_eq!(float((1 << 53) - 1), 9_007_199_254_740_991.0);
    }
}
