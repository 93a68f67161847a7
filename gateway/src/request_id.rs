//! The name of one request: in the answer, in the backend's request and in the decision record.
//!
//! 80 bits as 16 characters of Crockford's base 32 in lower case: short enough to be read over a
//! telephone, without the letters that are mistaken for digits.

use std::cell::Cell;
use std::fmt;

/// Characters of a request id.
pub const REQUEST_ID_CHARS: usize = 16;

/// Crockford's base 32: no i, l, o or u.
const ALPHABET: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

/// The name of one request: 16 characters, Crockford base 32, lower case.
///
/// It is no secret and proves nothing: who knows an id may do nothing with it.
#[derive(Copy, Clone, Eq, PartialEq, Hash)]
pub struct RequestId([u8; REQUEST_ID_CHARS]);

impl RequestId {
    /// Reads an id that was written by [`RequestId::as_str`]; `None` for any other text, upper
    /// case included.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let chars: [u8; REQUEST_ID_CHARS] = text.try_into().ok()?;
        chars.iter().all(|char| ALPHABET.contains(char)).then_some(Self(chars))
    }

    /// The 16 characters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }

    /// The 16 characters as bytes, for a header value.
    pub fn as_bytes(&self) -> &[u8; REQUEST_ID_CHARS] {
        &self.0
    }

    /// The characters as digits to the base of 32, the highest first.
    pub fn to_bits(&self) -> u128 {
        let digit = |char: &u8| ALPHABET.iter().position(|letter| letter == char).unwrap_or(0);
        let digits = self.0.iter().map(|char| u128::try_from(digit(char)).unwrap_or(0));
        digits.fold(0, |bits, five| bits << 5 | five)
    }

    /// The lowest 80 of `bits`, the highest five first.
    fn from_bits(bits: u128) -> Self {
        let mut rest = bits;
        let mut chars = [0; REQUEST_ID_CHARS];
        for char in chars.iter_mut().rev() {
            let five = usize::try_from(rest & 31).expect("five bits");
            *char = *ALPHABET.get(five).expect("five bits count to 32");
            rest >>= 5;
        }
        Self(chars)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// One worker's source of request ids: xoroshiro128++ (Blackman and Vigna, 2019).
///
/// Fast, without allocation, and **not** for secrets: who sees a few ids can compute the next.
/// Workers seed from the operating system, so two of them repeat an id as rarely as 80 random
/// bits do.
#[derive(Debug)]
pub struct RequestIds {
    state: Cell<[u64; 2]>,
}

impl RequestIds {
    /// A source with a seed from the operating system.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn from_os() -> Result<Self, getrandom::Error> {
        Ok(Self::new([getrandom::u64()?, getrandom::u64()?]))
    }

    /// A source that repeats itself for the same seed, for tests. The seed of zeros, which
    /// xoroshiro never leaves, is replaced.
    pub fn new(seed: [u64; 2]) -> Self {
        let seed = if seed == [0, 0] { [0x9e37_79b9_7f4a_7c15, 1] } else { seed };
        Self { state: Cell::new(seed) }
    }

    /// The next id.
    pub fn next(&self) -> RequestId {
        let high = u128::from(self.step());
        RequestId::from_bits(high << 64 | u128::from(self.step()))
    }

    /// The id of a span in the trace of a client: 8 bytes that are not all zero, which W3C Trace Context
    /// forbids. From the same source, because it is no secret either.
    pub fn next_span(&self) -> [u8; 8] {
        match self.step() {
            0 => 1_u64.to_be_bytes(),
            id => id.to_be_bytes(),
        }
    }

    fn step(&self) -> u64 {
        let [s0, s1] = self.state.get();
        let out = s0.wrapping_add(s1).rotate_left(17).wrapping_add(s0);
        let mixed = s0 ^ s1;
        self.state.set([s0.rotate_left(49) ^ mixed ^ (mixed << 21), mixed.rotate_left(28)]);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_generator_is_xoroshiro128_plus_plus() {
        // By the reference implementation (xoroshiro128plusplus.c) from the state {1, 2}.
        let ids = RequestIds::new([1, 2]);
        let first: Vec<u64> = (0..3).map(|_| ids.step()).collect();
        assert_eq!(first, [393_217, 669_327_710_093_319, 1_732_421_326_133_921_491]);
    }

    #[test]
    fn bits_are_written_highest_first_in_crockfords_alphabet() {
        assert_eq!(RequestId::from_bits(0).as_str(), "0000000000000000");
        assert_eq!(RequestId::from_bits(u128::MAX).as_str(), "zzzzzzzzzzzzzzzz");
        assert_eq!(RequestId::from_bits(u128::MAX).to_bits(), u128::MAX >> 48);
        assert_eq!(RequestId::from_bits(0x0123_4567_89ab_cdef_0123).as_str(), "04hmasw9nf6yy093");
    }

    #[test]
    fn ids_differ_also_between_sources() {
        let sources = [RequestIds::from_os().unwrap(), RequestIds::from_os().unwrap()];
        let ids = sources.iter().flat_map(|source| (0..10_000).map(|_| source.next()));
        assert_eq!(ids.collect::<HashSet<_>>().len(), 20_000);
    }

    #[test]
    fn spans_differ_and_are_never_zero() {
        let ids = RequestIds::new([1, 2]);
        let spans: HashSet<_> = (0..10_000).map(|_| ids.next_span()).collect();
        assert!(spans.len() == 10_000 && !spans.contains(&[0; 8]));
        let zero_is_next = [1, u64::MAX - 1];
        assert_eq!(RequestIds::new(zero_is_next).step(), 0);
        assert_ne!(RequestIds::new(zero_is_next).next_span(), [0; 8]);
    }

    #[test]
    fn a_seed_of_zeros_does_not_stand_still() {
        let ids = RequestIds::new([0, 0]);
        assert_ne!(ids.next(), ids.next());
    }

    #[test]
    fn what_is_not_an_id_is_told_apart() {
        for text in
            ["", "0123456789abcde", "0123456789abcdefg", "0123456789ABCDEF", "0123456789abcdei"]
        {
            assert_eq!(RequestId::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_id_is_valid_and_reads_back(seed: [u64; 2]) {
            let id = RequestIds::new(seed).next();
            prop_assert_eq!(RequestId::parse(id.as_str().as_bytes()), Some(id));
            prop_assert_eq!(RequestId::from_bits(id.to_bits()), id);
        }
    }
}
