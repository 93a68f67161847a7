//! The field eight times over, one element in each 64-bit lane of five AVX-512 registers.
//!
//! Limbs have 52 bits, because AVX-512 IFMA multiplies 52-bit numbers and adds the low or the
//! high half of the product to a 64-bit lane (Gueron and Krasnov 2016). Numbers are in Montgomery
//! form with R = 2^260. They are reduced lazily: below a few p, never exactly. Each operation says
//! how far, in multiples of p; debug builds assert it.

#![expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::needless_range_loop,
    reason = "five limbs and their products, indexed as in the formulas; constants are cast"
)]

use std::arch::x86_64::{
    __m512i as V, __mmask8 as Mask, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64,
    _mm512_permutexvar_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64,
    _mm512_srai_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
};

use crate::suite::curve::limbs::U256;

const LIMB_BITS: u32 = 52;
const LIMB: i64 = (1 << LIMB_BITS) - 1;

/// Eight numbers, limbs below 2^52: what a product takes. Below 16 p, or five limbs overflow.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Fe8([V; 5]);

/// Eight numbers whose limbs may have any 64-bit signed value: a sum on its way to [`Fe8`].
#[derive(Copy, Clone, Debug)]
pub(crate) struct Raw([V; 5]);

/// Eight products, or sums of two, before they are reduced.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Wide([V; 10]);

/// p.
const P: [i64; 5] = [LIMB, 0x0fff_ffff_ffff, 0, 0x10_0000_0000, 0xffff_ffff_0000];

/// k * p in limbs of 52 bits.
const fn multiple_of_p(k: i64) -> [i64; 5] {
    let mut limbs = [0; 5];
    let (mut i, mut carry) = (0, 0);
    while i < 5 {
        let limb = P[i] as i128 * k as i128 + carry;
        limbs[i] = (limb & LIMB as i128) as i64;
        carry = limb >> LIMB_BITS;
        i += 1;
    }
    assert!(carry == 0, "a multiple below 2^260");
    limbs
}

/// 2^260 mod p = 16 * (2^256 mod p).
const ONE: [i64; 5] = {
    let p16 = multiple_of_p(16);
    let mut limbs = [0; 5];
    let (mut i, mut borrow) = (0, 0_i64);
    while i < 5 {
        let limb = borrow - p16[i];
        limbs[i] = limb & LIMB;
        borrow = limb >> LIMB_BITS;
        i += 1;
    }
    limbs
};

/// Compiles functions for the features that `Engine::is_available` looks for.
macro_rules! lanes {
    ($(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident $(<$($life:lifetime)? $(const $k:ident: $kind:ty)?>)? ($($args:tt)*) $(-> $ret:ty)?
        $body:block
    )*) => {$(
        $(#[$meta])*
        #[inline]
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma,avx512vbmi2")]
        $vis fn $name $(<$($life)? $(const $k: $kind)?>)? ($($args)*) $(-> $ret)? $body
    )*};
}
pub(crate) use lanes;

lanes! {
    fn splat(limbs: [i64; 5]) -> [V; 5] {
        limbs.map(|limb| _mm512_set1_epi64(limb))
    }

    fn low(acc: V, a: V, b: V) -> V {
        _mm512_madd52lo_epu64(acc, a, b)
    }

    fn high(acc: V, a: V, b: V) -> V {
        _mm512_madd52hi_epu64(acc, a, b)
    }
}

impl Fe8 {
    lanes! {
        pub(crate) fn one() -> Self {
            Self(splat(ONE))
        }

        /// The number 1 itself, which takes a product out of Montgomery form.
        pub(crate) fn plain_one() -> Self {
            Self(splat([1, 0, 0, 0, 0]))
        }

        /// Sixteen times the numbers of 256 bits whose words these are: a table's entry with
        /// R = 2^256 comes out with R = 2^260, for free. Below 16 p if the numbers are below p.
        pub(crate) fn from_words_times_16(words: [V; 4]) -> Self {
            use std::arch::x86_64::_mm512_shldi_epi64 as join;
            let mask = _mm512_set1_epi64(LIMB);
            let [w0, w1, w2, w3] = words;
            Self([
                _mm512_and_si512(_mm512_slli_epi64::<4>(w0), mask),
                _mm512_and_si512(join::<16>(w1, w0), mask),
                _mm512_and_si512(join::<28>(w2, w1), mask),
                _mm512_and_si512(join::<40>(w3, w2), mask),
                _mm512_srli_epi64::<12>(w3),
            ])
        }

        /// From limbs that are below 2^52.
        pub(crate) fn from_limbs(limbs: [V; 5]) -> Self {
            Self(limbs)
        }

        /// a * b: below (a b / 16 + 1) p. (R > 16 p, and the reduction adds less than p.)
        pub(crate) fn times(&self, other: &Self) -> Raw {
            Wide::product(self, other).reduced()
        }

        pub(crate) fn raw(&self) -> Raw {
            Raw(self.0)
        }

        /// Which lanes hold exactly k * p for a k up to `most`. Limbs below 2^52 make the
        /// representation of a number unique, so equal limbs are equal numbers.
        pub(crate) fn is_multiple_of_p(&self, most: i64) -> Mask {
            let mut found = 0;
            for k in 0..=most {
                let multiple = splat(multiple_of_p(k));
                let mut equal = 0xff;
                for i in 0..5 {
                    equal &= _mm512_cmpeq_epi64_mask(self.0[i], multiple[i]);
                }
                found |= equal;
            }
            found
        }

        /// `other` in the lanes of `mask`, this elsewhere.
        pub(crate) fn blend(&self, mask: Mask, other: &Self) -> Self {
            let mut limbs = self.0;
            for i in 0..5 {
                limbs[i] = _mm512_mask_blend_epi64(mask, self.0[i], other.0[i]);
            }
            Self(limbs)
        }

        /// Lane i from lane `from[i]`.
        pub(crate) fn permuted(&self, from: V) -> Self {
            Self(self.0.map(|limb| _mm512_permutexvar_epi64(from, limb)))
        }

        fn debug_check(&self) {
            if cfg!(debug_assertions) {
                let mask = _mm512_set1_epi64(!LIMB);
                for limb in self.0 {
                    let above = _mm512_and_si512(limb, mask);
                    let clear = _mm512_cmpeq_epi64_mask(above, _mm512_setzero_si512());
                    assert!(clear == 0xff, "limbs are below 2^52");
                }
            }
        }
    }
}

impl Wide {
    lanes! {
        fn zero() -> Self {
            Self([_mm512_setzero_si512(); 10])
        }

        pub(crate) fn product(a: &Fe8, b: &Fe8) -> Self {
            let mut t = Self::zero();
            for i in 0..5 {
                t.add_row(i, a, b);
            }
            t
        }

        pub(crate) fn plus_product(mut self, a: &Fe8, b: &Fe8) -> Self {
            for i in 0..5 {
                self.add_row(i, a, b);
            }
            self
        }

        /// Divides by R and, in the gaps that this leaves, multiplies: one is a chain of small
        /// steps, the other is wide.
        pub(crate) fn reduced_beside_product(mut self, a: &Fe8, b: &Fe8) -> (Raw, Self) {
            let mut next = Self::zero();
            for i in 0..5 {
                self.clear_limb(i);
                next.add_row(i, a, b);
            }
            (self.upper_half(), next)
        }

        /// The same beside a * b + c * d.
        pub(crate) fn reduced_beside_products(
            mut self,
            [a, b]: [&Fe8; 2],
            [c, d]: [&Fe8; 2],
        ) -> (Raw, Self) {
            let mut next = Self::zero();
            for i in 0..5 {
                self.clear_limb(i);
                next.add_row(i, a, b);
                next.add_row(i, c, d);
            }
            (self.upper_half(), next)
        }

        /// The same beside a * a, with ten products less.
        pub(crate) fn reduced_beside_square(mut self, a: &Fe8) -> (Raw, Self) {
            let mut next = Self::zero();
            for i in 0..4 {
                self.clear_limb(i);
                next.add_cross_row(i, a);
            }
            self.clear_limb(4);
            next.add_squares(a);
            (self.upper_half(), next)
        }

        /// Adds a[i] * b: five low and five high halves. A product puts at most 9 halves in a
        /// limb, each below 2^52; two products make a limb below 18 * 2^52.
        fn add_row(&mut self, i: usize, a: &Fe8, b: &Fe8) {
            let t = &mut self.0;
            for j in 0..5 {
                t[i + j] = low(t[i + j], a.0[i], b.0[j]);
                t[i + j + 1] = high(t[i + j + 1], a.0[i], b.0[j]);
            }
        }

        /// Adds the products of a[i] with the limbs above it: each stands for two.
        fn add_cross_row(&mut self, i: usize, a: &Fe8) {
            let t = &mut self.0;
            for j in i + 1..5 {
                t[i + j] = low(t[i + j], a.0[i], a.0[j]);
                t[i + j + 1] = high(t[i + j + 1], a.0[i], a.0[j]);
            }
        }

        /// Doubles what is there, below 2^55, and adds the squares of the limbs.
        fn add_squares(&mut self, a: &Fe8) {
            let t = &mut self.0;
            for i in 0..5 {
                t[2 * i] = low(_mm512_add_epi64(t[2 * i], t[2 * i]), a.0[i], a.0[i]);
                let twice = _mm512_add_epi64(t[2 * i + 1], t[2 * i + 1]);
                t[2 * i + 1] = high(twice, a.0[i], a.0[i]);
            }
        }

        /// Divides by R = 2^260 modulo p (Montgomery 1985), a limb at a time.
        pub(crate) fn reduced(mut self) -> Raw {
            for i in 0..5 {
                self.clear_limb(i);
            }
            self.upper_half()
        }

        /// Adds the multiple of p that makes limb i 0, and carries what was above 2^52 in it.
        ///
        /// p = -1 mod 2^52, so the multiple for a limb m is m * p. The limb's own
        /// m * (2^52 - 1) and the next one's m * (2^44 - 1) make m * 2^96 together:
        /// m + m * p = m * 2^96 + m * 2^36 * 2^156 + m * p4 * 2^208, with p4 the highest limb.
        /// A limb takes at most six halves more, and a carry below 2^6: all in all 24 * 2^52.
        fn clear_limb(&mut self, i: usize) {
            let t = &mut self.0;
            let m = _mm512_and_si512(t[i], _mm512_set1_epi64(LIMB));
            let carry = _mm512_srli_epi64::<LIMB_BITS>(t[i]);
            let p4 = _mm512_set1_epi64(P[4]);
            // The carry is added last: nothing on the chain from limb to limb waits for it.
            t[i + 1] = low(t[i + 1], t[i], _mm512_set1_epi64(1 << 44));
            t[i + 1] = _mm512_add_epi64(t[i + 1], carry);
            t[i + 2] = _mm512_add_epi64(t[i + 2], _mm512_srli_epi64::<8>(m));
            t[i + 3] = low(t[i + 3], t[i], _mm512_set1_epi64(1 << 36));
            let above = _mm512_add_epi64(t[i + 4], _mm512_srli_epi64::<16>(m));
            t[i + 4] = low(above, t[i], p4);
            t[i + 5] = high(t[i + 5], t[i], p4);
        }

        fn upper_half(self) -> Raw {
            let [.., t5, t6, t7, t8, t9] = self.0;
            Raw([t5, t6, t7, t8, t9])
        }
    }
}

impl Raw {
    lanes! {
        /// `self` + k * p - `other`; not negative if `other` is at most k p.
        pub(crate) fn minus<const K: i64>(&self, other: &Self) -> Self {
            let multiple = splat(multiple_of_p(K));
            let mut limbs = self.0;
            for i in 0..5 {
                let sum = _mm512_add_epi64(self.0[i], multiple[i]);
                limbs[i] = _mm512_sub_epi64(sum, other.0[i]);
            }
            Self(limbs)
        }

        /// k * p - `self` in the lanes of `mask`, unchanged elsewhere; not negative if this is at
        /// most k p.
        pub(crate) fn negated_where<const K: i64>(&self, mask: Mask) -> Self {
            let multiple = splat(multiple_of_p(K));
            let mut limbs = self.0;
            for i in 0..5 {
                limbs[i] = _mm512_mask_sub_epi64(self.0[i], mask, multiple[i], self.0[i]);
            }
            Self(limbs)
        }

        pub(crate) fn minus_twice(&self, other: &Self) -> Self {
            let mut limbs = self.0;
            for i in 0..5 {
                let once = _mm512_sub_epi64(self.0[i], other.0[i]);
                limbs[i] = _mm512_sub_epi64(once, other.0[i]);
            }
            Self(limbs)
        }

        /// Carries from limb to limb, signed: for a number in 0..2^260.
        pub(crate) fn carried(&self) -> Fe8 {
            let mut limbs = self.0;
            let mask = _mm512_set1_epi64(LIMB);
            for i in 0..4 {
                let carry = _mm512_srai_epi64::<LIMB_BITS>(limbs[i]);
                limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], carry);
                limbs[i] = _mm512_and_si512(limbs[i], mask);
            }
            let carried = Fe8(limbs);
            carried.debug_check();
            carried
        }

        /// As `carried`, and what is above 2^256 is brought down: 2^256 = 2^224 - 2^192 - 2^96 + 1
        /// modulo p. Of a number in 0..16 p the result is below 2^256 + 2^229, so below 1.001 p.
        pub(crate) fn folded(&self) -> Fe8 {
            let [l0, l1, l2, l3, l4] = self.0;
            // Carries are still to come, so this is off by one at most, either way.
            let top = _mm512_srai_epi64::<48>(l4);
            let l4 = _mm512_sub_epi64(l4, _mm512_slli_epi64::<48>(top));
            Self([
                _mm512_add_epi64(l0, top),
                _mm512_sub_epi64(l1, _mm512_slli_epi64::<44>(top)),
                l2,
                _mm512_sub_epi64(l3, _mm512_slli_epi64::<36>(top)),
                _mm512_add_epi64(l4, _mm512_slli_epi64::<16>(top)),
            ])
            .carried()
        }

        /// `other` in the lanes of `mask`, this elsewhere.
        pub(crate) fn blend(&self, mask: Mask, other: &Self) -> Self {
            let mut limbs = self.0;
            for i in 0..5 {
                limbs[i] = _mm512_mask_blend_epi64(mask, self.0[i], other.0[i]);
            }
            Self(limbs)
        }
    }
}

/// The limbs of a number below 2^256.
pub(crate) const fn limbs_of(words: U256) -> [i64; 5] {
    let [w0, w1, w2, w3] = words;
    let mask = LIMB as u64;
    [
        (w0 & mask) as i64,
        (((w0 >> 52) | (w1 << 12)) & mask) as i64,
        (((w1 >> 40) | (w2 << 24)) & mask) as i64,
        (((w2 >> 28) | (w3 << 36)) & mask) as i64,
        (w3 >> 16) as i64,
    ]
}

#[cfg(test)]
pub(crate) mod tests;
