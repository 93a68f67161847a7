//! By how much a node's clock may be ahead after its wall clock was stepped.
//!
//! A copy of the gateway's rule. A gateway follows a step forward of up to ten seconds and ignores
//! a larger one. Its time never runs back, so a step back changes nothing.

/// A larger step is not believed.
const BELIEVED_MS: i64 = 10_000;

#[derive(Clone, Debug, Default)]
pub(super) struct ClockSteps {
    /// Pairs of a moment and by how much the clock is ahead from then on. Both rise.
    stretches: Vec<(u64, i64)>,
}

impl ClockSteps {
    /// Notes that the wall clock is about to be this much ahead of ours, or behind if negative.
    /// Returns whether the step is larger than a gateway may believe.
    pub(super) fn step(&mut self, now_ns: u64, ahead_ms: i64) -> bool {
        let difference_ms = ahead_ms - self.ahead_ms(now_ns);
        let is_believed = difference_ms.abs() <= BELIEVED_MS;
        if is_believed && difference_ms > 0 {
            self.stretches.push((now_ns, ahead_ms));
        }
        !is_believed
    }

    /// How far ahead the gateway's time may be at a moment.
    pub(super) fn ahead_ms(&self, now_ns: u64) -> i64 {
        let begun = self.stretches.iter().rfind(|(from_ns, _)| *from_ns <= now_ns);
        begun.map_or(0, |(_, ahead_ms)| *ahead_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_step_forward_is_followed_and_none_back() {
        let mut steps = ClockSteps::default();
        assert!(!steps.step(10, 2_000));
        assert_eq!([steps.ahead_ms(9), steps.ahead_ms(10)], [0, 2_000]);
        assert!(!steps.step(20, 0) && !steps.step(30, -2_000));
        assert_eq!(steps.ahead_ms(40), 2_000);
        assert!(!steps.step(50, 12_000));
        assert_eq!(steps.ahead_ms(50), 12_000);
    }

    #[test]
    fn a_large_step_is_not_believed() {
        let mut steps = ClockSteps::default();
        assert!(steps.step(10, 3_600_000) && steps.step(20, -3_600_000) && steps.step(30, 10_001));
        assert_eq!(steps.ahead_ms(40), 0);
    }
}
