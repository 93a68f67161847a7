//! Numbers of 256 bits as four 64-bit words, the least first, and the Montgomery arithmetic that
//! field and scalars share (Montgomery 1985).

#![expect(
    clippy::indexing_slicing,
    reason = "fixed-size arrays with indexes below their length; a bounds check that failed would panic"
)]

/// A number below 2^256.
pub(crate) type U256 = [u64; 4];

pub(crate) const ZERO: U256 = [0; 4];
pub(crate) const ONE: U256 = [1, 0, 0, 0];

/// Reads 32 bytes, big-endian.
pub(crate) fn from_be_bytes(bytes: &[u8; 32]) -> U256 {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |i: usize| u64::from_be_bytes(words[i]);
    [word(3), word(2), word(1), word(0)]
}

/// a + b and the carry.
#[inline]
pub(crate) fn add(a: U256, b: U256) -> (U256, bool) {
    let (r0, c) = a[0].carrying_add(b[0], false);
    let (r1, c) = a[1].carrying_add(b[1], c);
    let (r2, c) = a[2].carrying_add(b[2], c);
    let (r3, c) = a[3].carrying_add(b[3], c);
    ([r0, r1, r2, r3], c)
}

/// a - b modulo 2^256 and the borrow.
#[inline]
pub(crate) fn sub(a: U256, b: U256) -> (U256, bool) {
    let (r0, c) = a[0].borrowing_sub(b[0], false);
    let (r1, c) = a[1].borrowing_sub(b[1], c);
    let (r2, c) = a[2].borrowing_sub(b[2], c);
    let (r3, c) = a[3].borrowing_sub(b[3], c);
    ([r0, r1, r2, r3], c)
}

pub(crate) fn is_below(a: U256, b: U256) -> bool {
    sub(a, b).1
}

/// `a` where `mask` is all ones, 0 where it is 0.
#[inline]
fn masked(a: U256, mask: u64) -> U256 {
    [a[0] & mask, a[1] & mask, a[2] & mask, a[3] & mask]
}

#[inline]
fn mask_of(bit: bool) -> u64 {
    0_u64.wrapping_sub(u64::from(bit))
}

/// (a + b) mod m for a, b < m.
#[inline]
pub(crate) fn add_mod(a: U256, b: U256, m: U256) -> U256 {
    let (sum, carry) = add(a, b);
    reduce_once(sum, carry, m)
}

/// (a - b) mod m for a, b < m.
#[inline]
pub(crate) fn sub_mod(a: U256, b: U256, m: U256) -> U256 {
    let (difference, borrow) = sub(a, b);
    add(difference, masked(m, mask_of(borrow))).0
}

/// `a` + `carry` * 2^256, which is below 2m, modulo m.
#[inline]
pub(crate) fn reduce_once(a: U256, carry: bool, m: U256) -> U256 {
    let (reduced, borrow) = sub(a, m);
    // `a` is kept only if it was below m: there was no carry, and the subtraction borrowed.
    let keep = mask_of(borrow & !carry);
    [
        (a[0] & keep) | (reduced[0] & !keep),
        (a[1] & keep) | (reduced[1] & !keep),
        (a[2] & keep) | (reduced[2] & !keep),
        (a[3] & keep) | (reduced[3] & !keep),
    ]
}

/// `acc` + `a` * `b`: the low four words, and the fifth.
#[inline]
fn mul_row(acc: U256, a: U256, b: u64) -> (U256, u64) {
    let (r0, c) = a[0].carrying_mul_add(b, acc[0], 0);
    let (r1, c) = a[1].carrying_mul_add(b, acc[1], c);
    let (r2, c) = a[2].carrying_mul_add(b, acc[2], c);
    let (r3, c) = a[3].carrying_mul_add(b, acc[3], c);
    ([r0, r1, r2, r3], c)
}

/// a * b: low words, high words.
#[inline]
pub(crate) fn mul_wide(a: U256, b: U256) -> (U256, U256) {
    let (t, t4) = mul_row(ZERO, a, b[0]);
    let (u, t5) = mul_row([t[1], t[2], t[3], t4], a, b[1]);
    let (v, t6) = mul_row([u[1], u[2], u[3], t5], a, b[2]);
    let (w, t7) = mul_row([v[1], v[2], v[3], t6], a, b[3]);
    ([t[0], u[0], v[0], w[0]], [w[1], w[2], w[3], t7])
}

/// a * a: low words, high words. The six products of different words are made once and doubled.
#[inline]
pub(crate) fn square_wide(a: U256) -> (U256, U256) {
    let [a0, a1, a2, a3] = a;
    let (r1, c) = a0.carrying_mul_add(a1, 0, 0);
    let (r2, c) = a0.carrying_mul_add(a2, c, 0);
    let (r3, r4) = a0.carrying_mul_add(a3, c, 0);
    let (r3, c) = a1.carrying_mul_add(a2, r3, 0);
    let (r4, r5) = a1.carrying_mul_add(a3, r4, c);
    let (r5, r6) = a2.carrying_mul_add(a3, r5, 0);

    let (r1, r2, r3, r4, r5, r6, r7) = (
        r1 << 1,
        (r2 << 1) | (r1 >> 63),
        (r3 << 1) | (r2 >> 63),
        (r4 << 1) | (r3 >> 63),
        (r5 << 1) | (r4 >> 63),
        (r6 << 1) | (r5 >> 63),
        r6 >> 63,
    );

    let (r0, s1) = a0.carrying_mul_add(a0, 0, 0);
    let (s2, s3) = a1.carrying_mul_add(a1, 0, 0);
    let (s4, s5) = a2.carrying_mul_add(a2, 0, 0);
    let (s6, s7) = a3.carrying_mul_add(a3, 0, 0);
    let (low, carry) = add([r0, r1, r2, r3], [0, s1, s2, s3]);
    let (r4, c) = r4.carrying_add(s4, carry);
    let (r5, c) = r5.carrying_add(s5, c);
    let (r6, c) = r6.carrying_add(s6, c);
    let (r7, _) = r7.carrying_add(s7, c);
    (low, [r4, r5, r6, r7])
}

/// 1 / a mod 2^64, for an odd a: Newton's iteration doubles the bits that are right.
pub(crate) const fn inverse_of_word(a: u64) -> u64 {
    assert!(a & 1 == 1, "only odd numbers have an inverse");
    let mut inverse = 1_u64;
    let mut bits = 1;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(a.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

/// What multiplying modulo an odd m needs to know of m.
#[derive(Debug)]
pub(crate) struct Modulus {
    /// m itself, above 2^255.
    pub(crate) m: U256,
    /// -m^-1 mod 2^64.
    negated_inverse: u64,
    /// 2^512 mod m: takes a number into Montgomery form.
    pub(crate) r2: U256,
}

impl Modulus {
    /// `r2` is 2^512 mod m.
    pub(crate) const fn new(m: U256, r2: U256) -> Self {
        assert!(m[3] >> 63 == 1, "of full length");
        Self { m, negated_inverse: inverse_of_word(m[0]).wrapping_neg(), r2 }
    }

    /// a * b / 2^256 mod m, for a < 2^256 and b < m; the result is below m.
    #[inline]
    pub(crate) fn mul(&self, a: U256, b: U256) -> U256 {
        let (low, high) = mul_wide(a, b);
        let (mut t, mut high) = (low, high);
        let mut carry = false;
        let mut i = 0;
        // Each round makes the lowest word a multiple of 2^64 and shifts it out.
        while i < 4 {
            let (row, top) = mul_row(t, self.m, t[0].wrapping_mul(self.negated_inverse));
            let (next, c) = top.carrying_add(high[0], carry);
            t = [row[1], row[2], row[3], next];
            high = [high[1], high[2], high[3], 0];
            carry = c;
            i += 1;
        }
        reduce_once(t, carry, self.m)
    }
}
