//! Places of values along an axis, and the values that get a tick.

use std::iter;

use crate::report::figures;

/// What an axis measures.
#[derive(Copy, Clone, Debug)]
pub struct Axis {
    /// What, in a word or two.
    pub label: &'static str,
    /// How values spread along it.
    pub scale: Scale,
    /// What values are told in.
    pub unit: Unit,
}

/// How values spread along an axis.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Scale {
    /// Evenly, from 0.
    Linear,
    /// Each factor of ten takes the same room.
    Log,
    /// Percentiles from 0 to 100. Each further nine takes the same room, as in plots of
    /// `HdrHistogram`.
    Percentile,
}

/// What values are told in.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Values are microseconds.
    Time,
    /// Values are seconds since the start.
    Seconds,
    /// Values are events in a second.
    PerSecond,
    /// Values are percent.
    Percent,
}

impl Unit {
    /// A value at a tick.
    pub(super) fn tick(self, value: f64) -> String {
        match self {
            Self::Time => figures::time_tick(value),
            Self::Seconds => format!("{} s", figures::short(value)),
            Self::PerSecond => format!("{}/s", figures::short(value)),
            Self::Percent => {
                let digits = format!("{value:.6}");
                format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }

    /// A value by itself.
    pub(super) fn value(self, value: f64) -> String {
        match self {
            Self::Time => figures::time(value),
            Self::PerSecond => format!("{}/s", figures::number(value)),
            Self::Seconds | Self::Percent => self.tick(value),
        }
    }
}

/// The least value on a logarithmic axis. The clock measures no less than a microsecond, and 0 has
/// no logarithm.
const LOG_LEAST: f64 = 1.0;

/// 99.9999 %. Beyond it there are only single requests.
const NINES_MOST: f64 = 6.0;

/// The stretch of values that an axis shows.
#[derive(Copy, Clone, Debug)]
pub(super) struct Range {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Range {
    /// From the least value to the greatest, a linear one from 0; `None` if there is no value.
    pub(super) fn snug(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        // 100 lies infinitely far to the right.
        let values = values.filter(|value| scale != Scale::Percentile || *value < 100.0);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return None;
        }
        let range = match scale {
            Scale::Linear => Self { scale, low: low.min(0.0), high: high.max(0.0) },
            Scale::Log => Self { scale, low: low.max(LOG_LEAST), high: high.max(LOG_LEAST) },
            Scale::Percentile => Self { scale, low: 0.0, high: high.clamp(99.0, 99.9999) },
        };
        Some(range.not_empty())
    }

    /// The same with its ends moved outwards to round values.
    pub(super) fn rounded(scale: Scale, values: impl Iterator<Item = f64>) -> Option<Self> {
        let Self { low, high, .. } = Self::snug(scale, values)?;
        let range = match scale {
            Scale::Linear => {
                let step = step(high - low, 5.0);
                Self { scale, low: (low / step).floor() * step, high: (high / step).ceil() * step }
            }
            Scale::Log => {
                let up = round_values(high, &[1.0, 2.0, 5.0]).find(|value| *value >= high);
                let down = round_values(low, &[1.0, 2.0, 5.0]).take_while(|value| *value <= low);
                let down = down.last().unwrap_or(low).max(LOG_LEAST);
                Self { scale, low: down, high: up.unwrap_or(high).max(down * 10.0) }
            }
            Scale::Percentile => return Some(Self { scale, low, high }),
        };
        Some(range)
    }

    /// The place of a value, 0 to 1; `None` outside.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let [at, low, high] = [value, self.low, self.high].map(|value| self.bent(value));
        let place = (at - low) / (high - low);
        (-1e-9..=1.0 + 1e-9).contains(&place).then_some(place.clamp(0.0, 1.0))
    }

    /// Round values inside, for about so many ticks.
    pub(super) fn ticks(&self, about: f64) -> Vec<f64> {
        let values: Vec<f64> = match self.scale {
            Scale::Linear => {
                let step = step(self.high - self.low, about);
                let first = (self.low / step).ceil();
                let steps = iter::successors(Some(first), |at| Some(at + 1.0));
                steps.map(|at| at * step).take_while(|at| *at <= self.high + step * 1e-6).collect()
            }
            Scale::Log => {
                let wide = self.bent(self.high) - self.bent(self.low) > about / 2.5;
                let digits: &[f64] = if wide { &[1.0] } else { &[1.0, 2.0, 5.0] };
                let values = round_values(self.low, digits);
                values.take_while(|at| *at <= self.high * 1.000_001).collect()
            }
            Scale::Percentile => vec![0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999],
        };
        values.into_iter().filter(|value| self.place(*value).is_some()).collect()
    }

    /// The coordinate in which the axis is even.
    fn bent(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(LOG_LEAST).log10(),
            Scale::Percentile => {
                let left = (100.0 - value) / 100.0;
                if left > 0.0 { (1.0 / left).log10() } else { NINES_MOST * 2.0 }
            }
        }
    }

    /// Widens a range of a single value.
    fn not_empty(self) -> Self {
        if self.low < self.high {
            return self;
        }
        match self.scale {
            Scale::Linear => Self { high: self.low + 1.0, ..self },
            Scale::Log | Scale::Percentile => Self { high: self.low * 10.0, ..self },
        }
    }
}

/// The round step, 1, 2 or 5 times a power of ten, that cuts a stretch into at most so many.
fn step(stretch: f64, most: f64) -> f64 {
    let rough = (stretch / most).max(f64::MIN_POSITIVE);
    let steps = round_values(rough, &[1.0, 2.0, 5.0]);
    steps.take(8).find(|step| *step >= rough * 0.999_999).unwrap_or(rough)
}

/// These digits times powers of ten, rising, from the power at or below a value on.
fn round_values(from: f64, digits: &[f64]) -> impl Iterator<Item = f64> {
    let first = from.log10().floor();
    let powers = iter::successors(Some(first), |power| Some(power + 1.0)).take(40);
    powers.flat_map(move |power| digits.iter().map(move |digit| digit * 10_f64.powf(power)))
}
