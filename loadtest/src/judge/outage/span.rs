//! Stretches of time on the monotonic clock.

/// Stretches in order. The last one may still go on.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans(Vec<Span>);

#[derive(Copy, Clone, Debug)]
struct Span {
    from_ns: u64,
    /// [`u64::MAX`] while it goes on.
    to_ns: u64,
}

impl Spans {
    /// Begins a stretch, unless one goes on already.
    pub(super) fn begin(&mut self, now_ns: u64) {
        if self.0.last().is_none_or(|last| last.to_ns < now_ns) {
            self.0.push(Span { from_ns: now_ns, to_ns: u64::MAX });
        } else if let Some(last) = self.0.last_mut() {
            last.to_ns = u64::MAX;
        }
    }

    /// Ends the stretch that goes on at this moment, which may lie in the future.
    pub(super) fn end(&mut self, to_ns: u64) {
        if let Some(last) = self.0.last_mut().filter(|last| last.to_ns == u64::MAX) {
            last.to_ns = to_ns;
        }
    }

    /// Whether any stretch overlaps the time between two moments.
    pub(super) fn touch(&self, from_ns: u64, to_ns: u64) -> bool {
        self.0.iter().any(|span| span.from_ns <= to_ns && from_ns <= span.to_ns)
    }

    /// Whether one stretch contains both moments.
    pub(super) fn cover(&self, from_ns: u64, to_ns: u64) -> bool {
        self.0.iter().any(|span| span.from_ns <= from_ns && to_ns <= span.to_ns)
    }

    /// The longest overlap of one stretch with the time between two moments.
    pub(super) fn longest_ns(&self, from_ns: u64, to_ns: u64) -> u64 {
        let within = |span: &Span| span.to_ns.min(to_ns).saturating_sub(span.from_ns.max(from_ns));
        self.0.iter().map(within).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_touch_at_their_ends_and_cover_only_what_is_inside() {
        let mut spans = Spans::default();
        spans.begin(10);
        assert!(spans.touch(50, 60) && spans.cover(10, u64::MAX) && !spans.cover(9, 20));
        spans.end(20);
        assert!(spans.touch(20, 30) && spans.touch(0, 10) && !spans.touch(21, 30));
        assert!(!spans.touch(0, 9) && spans.cover(10, 20) && !spans.cover(10, 21));
        assert_eq!([spans.longest_ns(0, 15), spans.longest_ns(21, 30)], [5, 0]);
    }

    #[test]
    fn what_begins_again_before_its_end_is_one_span() {
        let mut spans = Spans::default();
        spans.begin(10);
        spans.end(30);
        spans.begin(20);
        spans.end(40);
        assert!(spans.cover(10, 40));
        spans.begin(50);
        assert!(!spans.touch(41, 49) && spans.touch(50, 51));
    }
}
