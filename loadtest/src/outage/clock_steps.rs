//! By how much a node's clock may be off after its wall clock was stepped.
//!
//! A copy of the law that a gateway follows: a step forward of more than ten seconds is not
//! believed; time never runs back, so after a step back it stands until the wall clock has come so
//! far again.

use crate::clock::{NS_PER_MS, NS_PER_S};

/// A larger step forward is not believed.
const BELIEVED_MS: i64 = 10_000;
/// A gateway looks at its clock each second.
const SEEN_NS: u64 = 2 * NS_PER_S;

#[derive(Clone, Debug, Default)]
pub(super) struct ClockSteps {
    /// Each holds until the next.
    stretches: Vec<Stretch>,
    ahead_ms: i64,
}

#[derive(Copy, Clone, Debug)]
struct Stretch {
    from_ns: u64,
    range_ms: [i64; 2],
}

impl ClockSteps {
    /// The wall clock is about to be this much ahead of ours.
    pub(super) fn step(&mut self, now_ns: u64, ahead_ms: i64) {
        let before_ms = self.ahead_ms;
        if ahead_ms - before_ms > BELIEVED_MS {
            return;
        }
        let back_ns = u64::try_from(before_ms - ahead_ms).unwrap_or(0) * NS_PER_MS;
        let both = [before_ms.min(ahead_ms), before_ms.max(ahead_ms)];
        self.stretches.push(Stretch { from_ns: now_ns, range_ms: both });
        let settled_ns = now_ns + back_ns + SEEN_NS;
        self.stretches.push(Stretch { from_ns: settled_ns, range_ms: [ahead_ms; 2] });
        self.ahead_ms = ahead_ms;
    }

    /// Between which bounds it was between two moments.
    pub(super) fn range_ms(&self, from_ns: u64, to_ns: u64) -> [i64; 2] {
        let mut range = self.at(from_ns);
        for one in self.stretches.iter().filter(|one| (from_ns..=to_ns).contains(&one.from_ns)) {
            range = wider(range, one.range_ms);
        }
        range
    }

    fn at(&self, now_ns: u64) -> [i64; 2] {
        let begun = |one: &(usize, &Stretch)| one.1.from_ns <= now_ns;
        let last = self.stretches.iter().enumerate().rfind(begun);
        let Some((place, now)) = last else { return [0; 2] };
        // A step that came before the one before had settled.
        let open = self.stretches.iter().take(place).filter(|one| one.from_ns > now_ns);
        open.fold(now.range_ms, |range, one| wider(range, one.range_ms))
    }
}

fn wider([low, high]: [i64; 2], [other_low, other_high]: [i64; 2]) -> [i64; 2] {
    [low.min(other_low), high.max(other_high)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = NS_PER_S;

    #[test]
    fn a_small_step_forward_is_followed_and_a_large_one_is_not_believed() {
        let mut steps = ClockSteps::default();
        assert_eq!(steps.range_ms(0, 5 * S), [0, 0]);
        steps.step(10 * S, 2_000);
        assert_eq!(steps.range_ms(9 * S, 11 * S), [0, 2_000]);
        assert_eq!(steps.range_ms(12 * S, 13 * S), [2_000, 2_000]);
        steps.step(20 * S, 3_600_000);
        assert_eq!(steps.range_ms(19 * S, 30 * S), [2_000, 2_000]);
    }

    #[test]
    fn after_a_step_back_time_may_stand_as_long() {
        let mut steps = ClockSteps::default();
        steps.step(10 * S, -2_000);
        assert_eq!(steps.range_ms(13 * S, 13 * S), [-2_000, 0]);
        assert_eq!(steps.range_ms(14 * S, 14 * S), [-2_000, -2_000]);
        steps.step(20 * S, 0);
        assert_eq!(steps.range_ms(21 * S, 21 * S), [-2_000, 0]);
        assert_eq!(steps.range_ms(23 * S, 23 * S), [0, 0]);
    }
}
