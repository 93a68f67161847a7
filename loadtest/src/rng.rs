//! Random numbers for choices, fast and repeatable. No secret is made of them.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Seeded by the kernel.
    ///
    /// # Panics
    /// If the kernel gives no random numbers.
    pub fn random() -> Self {
        Self(getrandom::u64().expect("the kernel gives random numbers"))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0. The bias is below `end` / 2^64.
    pub fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.next_u64()) * u128::from(end);
        u64::try_from(product >> 64).expect("below 2^64")
    }

    /// A random place in a list of this length; 0 if it is empty.
    pub fn place(&mut self, length: usize) -> usize {
        let end = u64::try_from(length).expect("fits in memory");
        usize::try_from(self.below(end)).expect("below a length")
    }

    /// A fraction in (0, 1].
    pub fn fraction(&mut self) -> f64 {
        let high = u32::try_from(self.next_u64() >> 32).expect("32 bits are left");
        (f64::from(high) + 1.0) / 4_294_967_296.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_end_and_reach_it() {
        let mut rng = Rng::new(1);
        let mut seen = [0_u32; 5];
        for _ in 0..1_000 {
            seen[rng.place(5)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn fractions_are_never_0() {
        let mut rng = Rng::new(2);
        assert!((0..10_000).map(|_| rng.fraction()).all(|part| part > 0.0 && part <= 1.0));
    }
}
