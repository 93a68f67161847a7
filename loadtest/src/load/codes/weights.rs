//! Draws by weight.

use crate::rng::Rng;

/// Values that are drawn as often as their weights say.
pub(super) struct Weights<T> {
    /// Each value with the sum of the weights up to its own.
    sums: Vec<(u64, T)>,
    total: u64,
}

impl<T> Weights<T> {
    pub(super) fn new(weighed: impl IntoIterator<Item = (T, u64)>) -> Self {
        let mut total = 0;
        let add = |(thing, weight)| {
            total += weight;
            (total, thing)
        };
        let sums = weighed.into_iter().map(add).collect();
        Self { sums, total }
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> Option<&T> {
        let number = rng.below(self.total);
        let place = self.sums.partition_point(|(sum, _)| *sum <= number);
        self.sums.get(place).map(|(_, thing)| thing)
    }
}
