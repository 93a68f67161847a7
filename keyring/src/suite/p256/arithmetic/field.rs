//! Numbers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, the field of the curve (SEC 2, 2.4.2).

use crate::suite::curve::{
    inverse::{self, Odd},
    limbs::{self, Modulus, U256},
};

/// p.
pub(crate) const PRIME: U256 =
    [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0, 0xffff_ffff_0000_0001];

/// 2^512 mod p.
const R2: U256 =
    [0x0000_0000_0000_0003, 0xffff_fffb_ffff_ffff, 0xffff_ffff_ffff_fffe, 0x0000_0004_ffff_fffd];

static MODULUS: Modulus = Modulus::new(PRIME, R2);
static INVERSION: Odd = Odd::new(PRIME);

/// A number modulo p in Montgomery form with R = 2^256: always below p, so 0 is 0 in one way.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fe(U256);

// Inlined always: an addition of points is one block of independent products, which the CPU then
// works at side by side. Called one by one, they take a tenth longer.
impl Fe {
    pub(crate) const ZERO: Self = Self(limbs::ZERO);
    /// 2^256 mod p.
    pub(crate) const ONE: Self = Self([
        0x0000_0000_0000_0001,
        0xffff_ffff_0000_0000,
        0xffff_ffff_ffff_ffff,
        0x0000_0000_ffff_fffe,
    ]);

    /// 3 * 2^256 mod p.
    pub(crate) const THREE: Self = Self([
        0x0000_0000_0000_0003,
        0xffff_fffd_0000_0000,
        0xffff_ffff_ffff_ffff,
        0x0000_0002_ffff_fffc,
    ]);

    /// A constant that is in Montgomery form already.
    pub(crate) const fn from_montgomery(words: U256) -> Self {
        Self(words)
    }

    /// A number below p.
    pub(crate) fn new(number: U256) -> Self {
        debug_assert!(limbs::is_below(number, PRIME), "a field element is below p");
        Self(number).times(Self(MODULUS.r2))
    }

    /// What `words` gave.
    #[inline]
    pub(crate) fn from_words(words: U256) -> Self {
        debug_assert!(limbs::is_below(words, PRIME), "a field element is below p");
        Self(words)
    }

    /// The words of the Montgomery form.
    pub(crate) fn words(self) -> U256 {
        self.0
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(limbs::add_mod(self.0, other.0, PRIME))
    }

    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(limbs::sub_mod(self.0, other.0, PRIME))
    }

    #[inline(always)]
    pub(crate) fn negated_if(self, negative: bool) -> Self {
        if negative { Self::ZERO.minus(self) } else { self }
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        let (low, high) = limbs::mul_wide(self.0, other.0);
        Self(reduce(low, high))
    }

    #[inline(always)]
    pub(crate) fn squared(self) -> Self {
        let (low, high) = limbs::square_wide(self.0);
        Self(reduce(low, high))
    }

    /// 1 / self, and 0 for 0.
    pub(crate) fn inverse(self) -> Self {
        // self is a * R, so the inverse is (1 / a) / R: two products bring it to (1 / a) * R.
        let inverse = Self(inverse::inverse(self.0, &INVERSION));
        inverse.times(Self(MODULUS.r2)).times(Self(MODULUS.r2))
    }
}

/// (low + high * 2^256) / 2^256 mod p, for a product of two numbers below p.
///
/// p = -1 mod 2^96, so the multiple of p that clears the lowest word t is t * p, and
/// t + t * p = t * 2^96 + t * p3 * 2^192 with p3 the highest word: one product a round.
#[inline(always)]
fn reduce(low: U256, high: U256) -> U256 {
    let [t0, t1, t2, t3] = low;
    let (t1, t2, t3, c0) = round(t0, t1, t2, t3);
    let (t2, t3, c0, c1) = round(t1, t2, t3, c0);
    let (t3, c0, c1, c2) = round(t2, t3, c0, c1);
    let (c0, c1, c2, c3) = round(t3, c0, c1, c2);
    let (sum, carry) = limbs::add(high, [c0, c1, c2, c3]);
    limbs::reduce_once(sum, carry, PRIME)
}

/// The words above `t` after `t` * p was added: `t` itself is gone, and there is a new highest.
#[inline(always)]
fn round(t: u64, t1: u64, t2: u64, t3: u64) -> (u64, u64, u64, u64) {
    let (t1, c) = t1.carrying_add(t << 32, false);
    let (t2, c) = t2.carrying_add(t >> 32, c);
    let (t3, top) = t.carrying_mul_add(PRIME[3], t3, u64::from(c));
    (t1, t2, t3, top)
}
