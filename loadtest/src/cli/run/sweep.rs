//! The search for the highest rate that keeps a limit. It doubles the rate until one fails, and
//! halves the gap then.

/// The gap is closed when its ends are this near: a tenth of the lower one.
const NEAR: u64 = 10;

/// What is known so far.
#[derive(Clone, Debug)]
pub struct Search {
    start: u64,
    good: Option<u64>,
    bad: Option<u64>,
}

impl Search {
    /// Begins at a rate.
    pub fn new(start: u64) -> Self {
        Self { start: start.max(1), good: None, bad: None }
    }

    /// The rate to try next; `None` when enough is known.
    pub fn next_rate(&self) -> Option<u64> {
        match (self.good, self.bad) {
            (None, None) => Some(self.start),
            (Some(good), None) => good.checked_mul(2),
            (None, Some(bad)) => (bad > 1).then_some(bad / 2),
            (Some(good), Some(bad)) => {
                let gap = bad.saturating_sub(good);
                (gap > good / NEAR && gap > 1).then_some(good + gap / 2)
            }
        }
    }

    /// Notes how a rate did. If it failed below one that passed, the search goes on below it.
    pub fn record(&mut self, rate: u64, is_good: bool) {
        if is_good {
            self.good = Some(self.good.map_or(rate, |known| known.max(rate)));
        } else {
            self.bad = Some(self.bad.map_or(rate, |known| known.min(rate)));
        }
    }

    /// The highest rate that passed.
    pub fn best(&self) -> Option<u64> {
        self.good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches where every rate up to `limit` passes; the steps and the best rate.
    fn search(start: u64, limit: u64) -> (usize, Option<u64>) {
        let mut search = Search::new(start);
        let mut steps = 0;
        while let Some(rate) = search.next_rate() {
            search.record(rate, rate <= limit);
            steps += 1;
        }
        (steps, search.best())
    }

    #[test]
    fn the_limit_is_found_within_a_tenth_in_few_steps() {
        for limit in [1_000, 3_700, 39_000, 100_000] {
            let (steps, best) = search(1_000, limit);
            let best = best.unwrap();
            assert!(best <= limit && best + best / 10 + 1 >= limit, "{best} of {limit}");
            assert!(steps <= 12, "{steps}");
        }
    }

    #[test]
    fn it_goes_down_from_a_start_that_is_too_high() {
        let (_, best) = search(64_000, 900);
        assert!((800..=900).contains(&best.unwrap()));
    }

    #[test]
    fn nothing_passes_if_nothing_can() {
        assert_eq!(search(8, 0), (4, None));
    }
}
