//! Points of the curve y^2 = x^3 - 3x + b, and their addition.
//!
//! Sums are kept as (X, Y, ZZ, ZZZ) with x = X / ZZ, y = Y / ZZZ and ZZ^3 = ZZZ^2. An affine point
//! is then added with 8 products and 2 squares, without a division. The formulas are
//! `madd-2008-s`, `mdbl-2008-s-1` and `dbl-2008-s-1` for XYZZ coordinates of the Explicit-Formulas
//! Database (Bernstein and Lange, hyperelliptic.org/EFD; by Sutherland, 2008).

use super::field::Fe;
use crate::suite::curve::{
    layout::Entry,
    limbs::{self, U256},
};

/// b of the curve, in Montgomery form.
const B: Fe = Fe::from_montgomery([
    0xd89c_df62_29c4_bddf,
    0xacf0_05cd_7884_3090,
    0xe5a2_20ab_f721_2ed6,
    0xdc30_061d_0487_4834,
]);

/// A point that is not infinity.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Affine {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
}

impl Affine {
    /// The generator of the group (SEC 2, 2.4.2).
    pub(crate) fn generator() -> Self {
        Self {
            x: Fe::new([
                0xf4a1_3945_d898_c296,
                0x7703_7d81_2deb_33a0,
                0xf8bc_e6e5_63a4_40f2,
                0x6b17_d1f2_e12c_4247,
            ]),
            y: Fe::new([
                0xcbb6_4068_37bf_51f5,
                0x2bce_3357_6b31_5ece,
                0x8ee7_eb4a_7c0f_9e16,
                0x4fe3_42e2_fe1a_7f9b,
            ]),
        }
    }

    /// Of an uncompressed SEC 1 point that is known to be on the curve.
    pub(crate) fn from_sec1(bytes: &[u8; crate::suite::sizes::PUBLIC_KEY_BYTES]) -> Self {
        let [_form, point @ ..] = bytes;
        let (x, y) = point.split_at(32);
        let number =
            |half: &[u8]| Fe::new(half.first_chunk().map_or(limbs::ZERO, limbs::from_be_bytes));
        Self { x: number(x), y: number(y) }
    }

    /// Reads a table's entry.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "64 bytes are eight words")]
    pub(crate) fn of_entry(entry: &Entry) -> Self {
        let (words, _) = entry.as_chunks::<8>();
        let word = |i: usize| u64::from_le_bytes(words[i]);
        Self {
            x: Fe::from_words([word(0), word(1), word(2), word(3)]),
            y: Fe::from_words([word(4), word(5), word(6), word(7)]),
        }
    }

    /// Writes a table's entry.
    pub(crate) fn to_entry(self) -> Entry {
        let mut entry = [0; crate::suite::curve::layout::ENTRY_BYTES];
        let words = self.x.words().into_iter().chain(self.y.words());
        for (bytes, word) in entry.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        entry
    }

    /// y^2 = x^3 - 3x + b.
    pub(crate) fn is_on_curve(self) -> bool {
        let x = self.x;
        let right = x.squared().minus(Fe::THREE).times(x).plus(B);
        self.y.squared() == right
    }

    #[inline]
    pub(crate) fn negated_if(self, negative: bool) -> Self {
        Self { x: self.x, y: self.y.negated_if(negative) }
    }
}

/// A sum of affine points.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Xyzz {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
    pub(crate) zz: Fe,
    pub(crate) zzz: Fe,
}

impl From<Affine> for Xyzz {
    fn from(point: Affine) -> Self {
        Self { x: point.x, y: point.y, zz: Fe::ONE, zzz: Fe::ONE }
    }
}

impl Xyzz {
    pub(crate) const INFINITY: Self = Self { x: Fe::ONE, y: Fe::ONE, zz: Fe::ZERO, zzz: Fe::ZERO };

    /// Adds an affine point, blindly: if it equals this sum or its negative, or if this sum is
    /// infinity, then ZZ is 0 from here on, whatever is added later.
    #[inline(always)]
    pub(crate) fn plus_blindly(self, point: Affine) -> Self {
        let p = point.x.times(self.zz).minus(self.x);
        let r = point.y.times(self.zzz).minus(self.y);
        self.chord(p, r)
    }

    /// The third point of the line through this point and one whose differences are `p` and `r`.
    #[inline(always)]
    fn chord(self, p: Fe, r: Fe) -> Self {
        let pp = p.squared();
        let ppp = p.times(pp);
        let q = self.x.times(pp);
        let x = r.squared().minus(ppp).minus(q).minus(q);
        let y = r.times(q.minus(x)).minus(self.y.times(ppp));
        Self { x, y, zz: self.zz.times(pp), zzz: self.zzz.times(ppp) }
    }

    /// Adds an affine point, whatever it is.
    pub(crate) fn plus(self, point: Affine) -> Self {
        if self.zz.is_zero() {
            return point.into();
        }
        let p = point.x.times(self.zz).minus(self.x);
        let r = point.y.times(self.zzz).minus(self.y);
        match (p.is_zero(), r.is_zero()) {
            (false, _) => self.chord(p, r),
            (true, true) => self.doubled(),
            (true, false) => Self::INFINITY,
        }
    }

    /// No point has order 2, so y is not 0.
    fn doubled(self) -> Self {
        let u = self.y.plus(self.y);
        let v = u.squared();
        let w = u.times(v);
        let s = self.x.times(v);
        // 3 x^2 + a z^4 with a = -3, as 3 (x - z^2) (x + z^2).
        let product = self.x.minus(self.zz).times(self.x.plus(self.zz));
        let m = product.plus(product).plus(product);
        let x = m.squared().minus(s).minus(s);
        let y = m.times(s.minus(x)).minus(w.times(self.y));
        Self { x, y, zz: v.times(self.zz), zzz: w.times(self.zzz) }
    }

    /// Whether x is the number `r` modulo p, for a finite sum: X = r * ZZ.
    pub(crate) fn has_x(&self, r: U256) -> bool {
        self.x == Fe::new(r).times(self.zz)
    }
}
