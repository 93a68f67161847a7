//! Values as Prometheus takes them.

/// A histogram as it is shown.
#[derive(PartialEq, Debug)]
pub(super) struct HistogramValues {
    /// Upper bound in seconds or pieces, and how many values are not above it.
    pub(super) buckets: Vec<(f64, u64)>,
    pub(super) count: u64,
    pub(super) sum: f64,
}

/// A sample's value: Prometheus knows only 64-bit floats.
#[expect(clippy::as_conversions, reason = "rounding above 2^53 is meant; From does not offer it")]
pub(crate) fn number(n: u64) -> f64 {
    n as f64
}

pub(crate) fn count(n: usize) -> f64 {
    number(u64::try_from(n).expect("usize has at most 64 bits"))
}

pub(crate) fn signed(n: i64) -> f64 {
    if n < 0 { -number(n.unsigned_abs()) } else { number(n.unsigned_abs()) }
}

pub(crate) fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Milliseconds as seconds.
pub(crate) fn seconds(ms: i64) -> f64 {
    signed(ms) / 1_000.0
}
