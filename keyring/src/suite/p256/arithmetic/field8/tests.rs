//! Each operation in every lane against a big-integer library, with limbs at their bounds.

use std::arch::x86_64::{
    _mm_cvtsi128_si64, _mm512_castsi512_si128, _mm512_set_epi64 as from_lanes,
};

use ::p256::elliptic_curve::bigint::{NonZero, U1024 as Big};

use super::*;
use crate::suite::p256::{
    arithmetic::field::PRIME,
    engines::ifma::{Ifma, Test},
};

pub(crate) type Limbs = [u64; 5];

/// Runs a test that is compiled for the engine's features, where the CPU has them.
pub(crate) fn on_this_cpu(test: Test) {
    match Ifma::detect() {
        Some(ifma) => ifma.call(test),
        None => println!("not run: this CPU lacks AVX-512 IFMA"),
    }
}

/// splitmix64 (Steele, Lea and Flood 2014).
pub(crate) struct LaneRandom(pub(crate) u64);

impl LaneRandom {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn limb(&mut self) -> u64 {
        let largest = LIMB as u64;
        match self.next() % 8 {
            0 => 0,
            1 => 1,
            2 => largest,
            3 => largest - 1,
            4 => 1 << 51,
            _ => self.next() & largest,
        }
    }

    /// Eight numbers below 2^260, or multiples of p up to 15, or their neighbours.
    pub(crate) fn numbers(&mut self) -> [Limbs; 8] {
        std::array::from_fn(|_| match self.next() % 6 {
            0 => {
                let multiple = multiple_of_p((self.next() % 16) as i64);
                let mut limbs = multiple.map(|limb| limb as u64);
                limbs[0] ^= self.next() % 2;
                limbs
            }
            _ => std::array::from_fn(|_| self.limb()),
        })
    }

    /// Eight numbers below k p, k at most 15.
    pub(crate) fn below(&mut self, k: u64) -> [Limbs; 8] {
        self.numbers().map(|limbs| {
            let bound = NonZero::new(p().wrapping_mul(&Big::from(k))).unwrap();
            to_limbs(value(limbs).rem_vartime(&bound))
        })
    }
}

pub(crate) fn p() -> Big {
    PRIME.iter().rev().fold(Big::ZERO, |sum, word| sum.shl_vartime(64) | Big::from(*word))
}

pub(crate) fn value(limbs: Limbs) -> Big {
    limbs
        .iter()
        .rev()
        .fold(Big::ZERO, |sum, limb| sum.shl_vartime(52).wrapping_add(&Big::from(*limb)))
}

pub(crate) fn to_limbs(number: Big) -> Limbs {
    std::array::from_fn(|i| {
        number.shr_vartime(52 * u32::try_from(i).unwrap()).to_words()[0] & LIMB as u64
    })
}

/// x modulo p.
fn mod_p(x: Big) -> Big {
    x.rem_vartime(&NonZero::new(p()).unwrap())
}

fn multiply(a: Limbs, b: Limbs) -> Big {
    value(a).wrapping_mul(&value(b))
}

lanes! {
    pub(crate) fn put(numbers: [Limbs; 8]) -> Fe8 {
        let [a, b, c, d, e, f, g, h] = numbers;
        let mut limbs = [_mm512_setzero_si512(); 5];
        for i in 0..5 {
            let lane = |numbers: Limbs| numbers[i] as i64;
            limbs[i] = from_lanes(
                lane(h), lane(g), lane(f), lane(e), lane(d), lane(c), lane(b), lane(a),
            );
        }
        Fe8::from_limbs(limbs)
    }

    pub(crate) fn limbs_in_lanes(number: &Fe8) -> [Limbs; 8] {
        take(number.0)
    }

    fn take(limbs: [V; 5]) -> [Limbs; 8] {
        let mut numbers = [[0; 5]; 8];
        for (lane, number) in numbers.iter_mut().enumerate() {
            for i in 0..5 {
                let first = _mm512_permutexvar_epi64(_mm512_set1_epi64(lane as i64), limbs[i]);
                number[i] = _mm_cvtsi128_si64(_mm512_castsi512_si128(first)) as u64;
            }
        }
        numbers
    }

    /// A product, or a sum of products, divided by R: congruent, and within its bound.
    fn assert_reduced(result: Raw, products: [Big; 8]) {
        for (limbs, product) in take(result.0).into_iter().zip(products) {
            assert!(limbs.iter().all(|limb| *limb < 24 << 52), "{limbs:x?}");
            let shifted = value(limbs).shl_vartime(260);
            assert_eq!(mod_p(shifted), mod_p(product));
            assert!(shifted < product.wrapping_add(&p().shl_vartime(260)), "below ab / R + p");
        }
    }

    fn products() {
        let mut random = LaneRandom(1);
        for _ in 0..4_000 {
            let [a, b, c, d] = std::array::from_fn(|_| random.numbers());
            let [x, y, z, w] = [put(a), put(b), put(c), put(d)];
            let ab: [Big; 8] = std::array::from_fn(|i| multiply(a[i], b[i]));
            let cd: [Big; 8] = std::array::from_fn(|i| multiply(c[i], d[i]));
            let bb: [Big; 8] = std::array::from_fn(|i| multiply(b[i], b[i]));
            let both: [Big; 8] = std::array::from_fn(|i| ab[i].wrapping_add(&cd[i]));
            assert_reduced(x.times(&y), ab);
            assert_reduced(Wide::product(&x, &y).plus_product(&z, &w).reduced(), both);
            let (first, t) = Wide::product(&x, &y).reduced_beside_square(&y);
            assert_reduced(first, ab);
            let (second, t) = t.reduced_beside_products([&x, &y], [&z, &w]);
            assert_reduced(second, bb);
            let (third, t) = t.reduced_beside_product(&z, &w);
            assert_reduced(third, both);
            assert_reduced(t.reduced(), cd);
        }
    }

    fn sums() {
        let mut random = LaneRandom(2);
        for _ in 0..4_000 {
            let (a, b) = (random.below(4), random.below(3));
            let (x, y) = (put(a).raw(), put(b).raw());
            let minus = take(x.minus::<3>(&y).carried().0);
            let three_p = p().wrapping_mul(&Big::from(3_u64));
            let mask = random.next() as u8;
            let negated = take(x.negated_where::<4>(mask).carried().0);
            let twice = take(x.minus::<6>(&y).minus_twice(&Raw([_mm512_setzero_si512(); 5])).carried().0);
            for i in 0..8 {
                let expected = value(a[i]).wrapping_add(&three_p).wrapping_sub(&value(b[i]));
                assert_eq!(value(minus[i]), expected);
                assert_eq!(value(twice[i]), expected.wrapping_add(&three_p));
                let four_p = three_p.wrapping_add(&p());
                let is_negated = (mask >> i) & 1 == 1;
                let kept = if is_negated { four_p.wrapping_sub(&value(a[i])) } else { value(a[i]) };
                assert_eq!(value(negated[i]), kept);
            }
            // rr + 5 p - ppp - 2 q, as the third point's x is made.
            let (r, q) = (random.below(4), random.below(1));
            let sum = put(r).raw().minus::<5>(&put(b).raw()).minus_twice(&put(q).raw());
            for (folded, i) in take(sum.folded().0).into_iter().zip(0..8) {
                let five_p = three_p.wrapping_add(&p()).wrapping_add(&p());
                let taken = value(b[i]).wrapping_add(&value(q[i])).wrapping_add(&value(q[i]));
                let expected = value(r[i]).wrapping_add(&five_p).wrapping_sub(&taken);
                assert_eq!(mod_p(value(folded)), mod_p(expected));
            }
        }
    }

    fn folds() {
        let mut random = LaneRandom(3);
        let bound = Big::ONE.shl_vartime(256).wrapping_add(&Big::ONE.shl_vartime(229));
        for _ in 0..8_000 {
            let numbers = random.numbers();
            for (folded, number) in take(put(numbers).raw().folded().0).into_iter().zip(numbers) {
                assert_eq!(mod_p(value(folded)), mod_p(value(number)));
                assert!(value(folded) < bound);
            }
        }
    }

    fn words() {
        let mut random = LaneRandom(4);
        for _ in 0..2_000 {
            let numbers: [[u64; 4]; 8] = std::array::from_fn(|_| std::array::from_fn(|_| {
                match random.next() % 4 {
                    0 => u64::MAX,
                    1 => 1 << (random.next() % 64),
                    _ => random.next(),
                }
            }));
            let mut words = [_mm512_setzero_si512(); 4];
            for (i, word) in words.iter_mut().enumerate() {
                let lane = |j: usize| numbers[j][i] as i64;
                *word = from_lanes(
                    lane(7), lane(6), lane(5), lane(4), lane(3), lane(2), lane(1), lane(0),
                );
            }
            let taken = take(Fe8::from_words_times_16(words).0);
            for (limbs, words) in taken.into_iter().zip(numbers) {
                let number = value(limbs_of(words).map(|limb| limb as u64));
                assert_eq!(value(limbs), number.shl_vartime(4));
                let expected = words.iter().rev().fold(Big::ZERO, |sum, word| {
                    sum.shl_vartime(64) | Big::from(*word)
                });
                assert_eq!(number, expected);
            }
        }
        let one = take(Fe8::one().0);
        assert_eq!(value(one[7]), mod_p(Big::ONE.shl_vartime(260)));
        assert_eq!(value(take(Fe8::plain_one().0)[0]), Big::ONE);
    }

    fn multiples() {
        // A vanished number may be p or 2 p as well as 0: tested on its limbs, it would be missed.
        let lane_of = |k: i64, off: u64| {
            let mut limbs = multiple_of_p(k).map(|limb| limb as u64);
            limbs[0] ^= off;
            limbs
        };
        let numbers = [
            lane_of(0, 0), lane_of(1, 0), lane_of(2, 0), lane_of(3, 0),
            lane_of(4, 0), lane_of(0, 1), lane_of(1, 1), lane_of(2, 1 << 51),
        ];
        for (most, expected) in [(0, 0b1), (1, 0b11), (2, 0b111), (4, 0b1_1111)] {
            assert_eq!(put(numbers).is_multiple_of_p(most), expected);
        }
        let (a, b) = (put(numbers), put([[7; 5]; 8]));
        let blended = take(a.blend(0b1010_0101, &b).0);
        let raw = take(a.raw().blend(0b1010_0101, &b.raw()).0);
        let shift = from_lanes(0, 7, 6, 5, 4, 3, 2, 1);
        let moved = take(a.permuted(shift).0);
        for lane in 0..8 {
            let expected = if (0b1010_0101 >> lane) & 1 == 1 { [7; 5] } else { numbers[lane] };
            assert_eq!((blended[lane], raw[lane]), (expected, expected));
            assert_eq!(moved[lane], numbers[(lane + 1) % 8]);
        }
    }
}

#[test]
fn products_of_numbers_below_2_to_the_260() {
    on_this_cpu(products);
}

#[test]
fn sums_and_differences_are_exact() {
    on_this_cpu(sums);
}

#[test]
fn what_is_above_2_to_the_256_is_folded() {
    on_this_cpu(folds);
}

#[test]
fn words_become_limbs() {
    on_this_cpu(words);
}

#[test]
fn multiples_of_p_are_seen_in_each_lane() {
    on_this_cpu(multiples);
}
