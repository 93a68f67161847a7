//! When gateways were down: all that excuses a lost answer, and a code that a new life fenced off.
//!
//! A scenario that kills excuses no more than its kills: an answer that is lost while every gateway
//! lives is a fault, also when one was killed a second before.

use std::sync::atomic::{AtomicU64, Ordering};

/// What load threads must know of the last time that gateways were down.
#[derive(Debug, Default)]
pub struct Outages {
    /// When it was over, on the monotonic clock: 0 before the first, [`u64::MAX`] during one.
    over_ns: AtomicU64,
    /// The last second of issue whose codes the new life refuses, Unix time.
    fence_s: AtomicU64,
}

impl Outages {
    /// A gateway is about to be told to end.
    pub fn begin(&self) {
        self.over_ns.store(u64::MAX, Ordering::Release);
    }

    /// All gateways answer again, and refuse codes that were issued up to `fence_s`.
    pub fn end(&self, now_ns: u64, fence_s: u64) {
        self.fence_s.fetch_max(fence_s, Ordering::AcqRel);
        self.over_ns.store(now_ns, Ordering::Release);
    }

    /// Whether the answer to a request of this moment, which was lost just now, may be lost.
    pub fn excuse_loss(&self, sent_ns: u64) -> bool {
        sent_ns <= self.over_ns.load(Ordering::Acquire)
    }

    /// Whether a gateway may say that it cannot know a code of this second of issue.
    pub fn fence_off(&self, issued_at_s: i64) -> bool {
        let is_down = self.over_ns.load(Ordering::Acquire) == u64::MAX;
        let fence_s = i64::try_from(self.fence_s.load(Ordering::Acquire)).unwrap_or(i64::MAX);
        is_down || issued_at_s <= fence_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED_S: i64 = 1_800_000_000;

    #[test]
    fn nothing_is_excused_while_all_gateways_live() {
        let outages = Outages::default();
        assert!(!outages.excuse_loss(1) && !outages.fence_off(ISSUED_S));
    }

    #[test]
    fn what_was_sent_before_the_end_of_an_outage_may_be_lost_and_nothing_later() {
        let outages = Outages::default();
        outages.begin();
        assert!(outages.excuse_loss(5_000));
        outages.end(6_000, 1);
        assert!(outages.excuse_loss(5_000) && !outages.excuse_loss(6_001));
    }

    #[test]
    fn codes_are_fenced_off_up_to_the_second_that_the_new_life_names() {
        let outages = Outages::default();
        outages.begin();
        assert!(outages.fence_off(ISSUED_S + 9));
        outages.end(1, 1_800_000_001);
        assert!(outages.fence_off(ISSUED_S) && outages.fence_off(ISSUED_S + 1));
        assert!(!outages.fence_off(ISSUED_S + 2));
    }
}
