//! Inversion modulo an odd number by division steps (Bernstein and Yang 2019, "Fast
//! constant-time gcd computation and modular inversion"), in the variable-time form of Wuille's
//! notes on safegcd: 62 steps at a time are decided by the low words alone, then applied.
//!
//! Every number that is inverted here is public, so its time need not be constant.

#![expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "limbs of fixed number, whose signs and low bits are reinterpreted on purpose"
)]

use super::limbs::{ONE, U256, inverse_of_word};

/// Steps that one batch decides, and bits of a limb.
const STEPS: u32 = 62;
const MASK: u64 = (1 << STEPS) - 1;
/// Signed limbs of 62 bits, the last one with the sign: room for (-2m, 2m).
type Signed = [i64; 5];

/// An odd modulus above 2^255, as the inversion needs it.
#[derive(Debug)]
pub(crate) struct Odd {
    m: Signed,
    /// m^-1 mod 2^62.
    inverse: u64,
}

impl Odd {
    pub(crate) const fn new(m: U256) -> Self {
        Self { m: to_signed(m), inverse: inverse_of_word(m[0]) & MASK }
    }
}

const fn to_signed(a: U256) -> Signed {
    [
        (a[0] & MASK) as i64,
        (((a[0] >> 62) | (a[1] << 2)) & MASK) as i64,
        (((a[1] >> 60) | (a[2] << 4)) & MASK) as i64,
        (((a[2] >> 58) | (a[3] << 6)) & MASK) as i64,
        (a[3] >> 56) as i64,
    ]
}

/// Of a number in 0..2^256.
const fn from_signed(a: Signed) -> U256 {
    let [a0, a1, a2, a3, a4] = [a[0] as u64, a[1] as u64, a[2] as u64, a[3] as u64, a[4] as u64];
    [a0 | (a1 << 62), (a1 >> 2) | (a2 << 60), (a2 >> 4) | (a3 << 58), (a3 >> 6) | (a4 << 56)]
}

/// What a batch of steps does to a pair: multiply by this matrix, divide by 2^62. The sizes of
/// the numbers of a row add up to 2^62 at most.
#[derive(Debug)]
struct Transition {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// 1 / a mod m for 0 < a < m, where m is prime; 0 for 0.
pub(crate) fn inverse(a: U256, modulus: &Odd) -> U256 {
    // (f, g) goes from (m, a) to (+-1, 0), and d * a = f, e * a = g modulo m all the way.
    let (mut d, mut e) = ([0; 5], to_signed(ONE));
    let (mut f, mut g) = (modulus.m, to_signed(a));
    let mut eta = -1;
    let mut len = 5;
    loop {
        let t = division_steps(&mut eta, f[0], g[0]);
        update_de(&mut d, &mut e, &t, modulus);
        update_fg(&mut f[..len], &mut g[..len], &t);
        if g[..len].iter().all(|limb| *limb == 0) {
            return from_signed(normalized(d, f[len - 1] < 0, modulus));
        }
        shorten(&mut f, &mut g, &mut len);
    }
}

/// Decides 62 division steps by the lowest limbs. `eta` is minus Bernstein and Yang's delta.
fn division_steps(eta: &mut i64, f: i64, g: i64) -> Transition {
    let (mut u, mut v, mut q, mut r) = (1_u64, 0_u64, 0_u64, 1_u64);
    let (mut f, mut g) = (f as u64, g as u64);
    let mut left = STEPS;
    loop {
        // All steps that find g even, at once.
        let zeros = (g | (u64::MAX << left)).trailing_zeros();
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        *eta -= i64::from(zeros);
        left -= zeros;
        if left == 0 {
            return Transition { u: u as i64, v: v as i64, q: q as i64, r: r as i64 };
        }
        // f and g are odd: add that multiple of f to g which clears the most low bits, but no
        // more than steps remain, nor than until eta turns negative.
        let swap = *eta < 0;
        if swap {
            *eta = -*eta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, u.wrapping_neg());
            (v, r) = (r, v.wrapping_neg());
        }
        let limit = u32::try_from(*eta + 1).unwrap_or(u32::MAX).min(left);
        let mask = u64::MAX >> (64 - limit);
        let w = if swap {
            // -g / f mod 2^6, since f (2 - f^2) is 1 / f mod 2^6 for odd f.
            let inverse = f.wrapping_mul(f.wrapping_mul(f).wrapping_sub(2));
            inverse.wrapping_mul(g) & mask & 63
        } else {
            // The same modulo 2^4: cheaper, and here more bits are seldom needed.
            let inverse = f.wrapping_add((f.wrapping_add(1) & 4) << 1);
            inverse.wrapping_neg().wrapping_mul(g) & mask & 15
        };
        g = g.wrapping_add(f.wrapping_mul(w));
        q = q.wrapping_add(u.wrapping_mul(w));
        r = r.wrapping_add(v.wrapping_mul(w));
    }
}

#[inline]
const fn mul(a: i64, b: i64) -> i128 {
    a as i128 * b as i128
}

/// The low 62 bits; what is above them stays in `carry`.
#[inline]
const fn take_limb(carry: &mut i128) -> i64 {
    let limb = (*carry as u64 & MASK) as i64;
    *carry >>= STEPS;
    limb
}

/// (d, e) after the steps, modulo m: both stay in (-2m, m).
///
/// Not inlined: a compiler that sees where the limbs come from knows that most are not negative,
/// and makes three instructions of a product of numbers with and without a sign.
#[inline(never)]
fn update_de(d: &mut Signed, e: &mut Signed, t: &Transition, modulus: &Odd) {
    let Transition { u, v, q, r } = *t;
    let (d_sign, e_sign) = (d[4] >> 63, e[4] >> 63);
    // A negative one adds its multiple of m once more. Then comes what makes the sum divisible.
    let (mut md, mut me) = ((u & d_sign) + (v & e_sign), (q & d_sign) + (r & e_sign));
    let mut cd = mul(u, d[0]) + mul(v, e[0]);
    let mut ce = mul(q, d[0]) + mul(r, e[0]);
    let exact = |c: i128, m: i64| {
        (modulus.inverse.wrapping_mul(c as u64).wrapping_add(m as u64) & MASK) as i64
    };
    md -= exact(cd, md);
    me -= exact(ce, me);
    cd = (cd + mul(modulus.m[0], md)) >> STEPS;
    ce = (ce + mul(modulus.m[0], me)) >> STEPS;
    for i in 1..5 {
        cd += mul(u, d[i]) + mul(v, e[i]) + mul(modulus.m[i], md);
        ce += mul(q, d[i]) + mul(r, e[i]) + mul(modulus.m[i], me);
        d[i - 1] = take_limb(&mut cd);
        e[i - 1] = take_limb(&mut ce);
    }
    d[4] = cd as i64;
    e[4] = ce as i64;
}

/// (f, g) after the steps: exact, the low limb vanishes. Not inlined, as `update_de`.
#[inline(never)]
fn update_fg(f: &mut [i64], g: &mut [i64], t: &Transition) {
    let Transition { u, v, q, r } = *t;
    let mut cf = (mul(u, f[0]) + mul(v, g[0])) >> STEPS;
    let mut cg = (mul(q, f[0]) + mul(r, g[0])) >> STEPS;
    for i in 1..f.len() {
        cf += mul(u, f[i]) + mul(v, g[i]);
        cg += mul(q, f[i]) + mul(r, g[i]);
        f[i - 1] = take_limb(&mut cf);
        g[i - 1] = take_limb(&mut cg);
    }
    f[f.len() - 1] = cf as i64;
    g[g.len() - 1] = cg as i64;
}

/// Drops the highest limb if it holds only the sign in both numbers.
fn shorten(f: &mut Signed, g: &mut Signed, len: &mut usize) {
    let (fs, gs) = (f[*len - 1], g[*len - 1]);
    let is_sign = |limb: i64| limb == limb >> 63;
    if *len > 1 && is_sign(fs) && is_sign(gs) {
        f[*len - 2] |= fs << STEPS;
        g[*len - 2] |= gs << STEPS;
        *len -= 1;
    }
}

/// `d`, or its negative, brought from (-2m, m) into 0..m.
fn normalized(mut d: Signed, negative: bool, modulus: &Odd) -> Signed {
    add_if(d[4] < 0, &mut d, modulus);
    if negative {
        d = d.map(|limb| -limb);
    }
    carry(&mut d);
    add_if(d[4] < 0, &mut d, modulus);
    carry(&mut d);
    d
}

fn add_if(condition: bool, d: &mut Signed, modulus: &Odd) {
    if condition {
        for (limb, m) in d.iter_mut().zip(modulus.m) {
            *limb += m;
        }
    }
}

fn carry(d: &mut Signed) {
    for i in 0..4 {
        d[i + 1] += d[i] >> STEPS;
        d[i] &= MASK as i64;
    }
}
