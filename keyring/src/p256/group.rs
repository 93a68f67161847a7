//! A group of signatures, from bytes to the sums that decide them (FIPS 186-5, 6.4.2).

use arrayvec::ArrayVec;

use super::{
    Claim, GROUP_MAX, SIGNATURE_BYTES,
    comb::Table,
    digits::Addends,
    limbs::U256,
    scalar::{Scalar, invert_all},
};

/// The numbers of a claim, in their ranges: r and s in 1..n, e in 0..n.
#[derive(Copy, Clone, Debug)]
pub(super) struct Numbers {
    r: Scalar,
    s: Scalar,
    e: Scalar,
}

impl Numbers {
    /// `None` if r or s is out of range: no group may hold such a claim, for its s could be 0.
    pub(super) fn of(claim: &Claim<'_>) -> Option<Self> {
        let signature: &[u8; SIGNATURE_BYTES] = claim.signature;
        let (r, s) = (signature.first_chunk()?, signature.last_chunk()?);
        Some(Self {
            r: Scalar::from_signature(r)?,
            s: Scalar::from_signature(s)?,
            e: Scalar::from_digest(&claim.digest),
        })
    }
}

/// u1 * G + u2 * Q as the entries that add up to it, and the r that its x must be.
#[derive(Debug)]
pub(super) struct Sum<'a> {
    /// u1 * G.
    pub(super) base: Addends<'a>,
    /// u2 * Q.
    pub(super) key: Addends<'a>,
    /// In 1..n.
    pub(super) r: U256,
}

/// The sums of up to eight claims: u1 = e / s, u2 = r / s, with one inversion for all.
pub(super) fn sums<'a>(
    base: &'a Table,
    waiting: &[(Numbers, &'a Table)],
) -> ArrayVec<Sum<'a>, GROUP_MAX> {
    let mut inverses: ArrayVec<Scalar, GROUP_MAX> =
        waiting.iter().map(|(numbers, _)| numbers.s).collect();
    invert_all(&mut inverses);
    let sum = |((numbers, table), inverse): (&(Numbers, &'a Table), Scalar)| {
        let inverse = inverse.factor();
        let (u1, u1_negative) = numbers.e.times(inverse).halved();
        let (u2, u2_negative) = numbers.r.times(inverse).halved();
        Sum {
            base: Addends::of(u1, u1_negative, base),
            key: Addends::of(u2, u2_negative, table),
            r: numbers.r.words(),
        }
    };
    waiting.iter().zip(inverses).map(sum).collect()
}
