//! A group of signatures, from bytes to the sums that decide them (FIPS 186-5, 6.4.2).

use arrayvec::ArrayVec;

use crate::suite::{
    curve::{limbs::U256, table::Table, terms::Term},
    p256::{
        arithmetic::scalar::{self, Scalar},
        claim::Claim,
    },
    sizes::{GROUP_MAX, SIGNATURE_BYTES},
};

/// The numbers of a claim, in their ranges: r and s in 1..n, e in 0..n.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Numbers {
    r: Scalar,
    s: Scalar,
    e: Scalar,
}

impl Numbers {
    /// `None` if r or s is out of range: no group may hold such a claim, for its s could be 0.
    pub(crate) fn of(claim: &Claim<'_>) -> Option<Self> {
        let signature: &[u8; SIGNATURE_BYTES] = claim.signature;
        let (r, s) = (signature.first_chunk()?, signature.last_chunk()?);
        Some(Self {
            r: Scalar::from_signature(r)?,
            s: Scalar::from_signature(s)?,
            e: Scalar::from_digest(&claim.digest),
        })
    }
}

/// u1 * G + u2 * Q, and the r that its x must be.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Sum<'a> {
    /// u1 * G.
    pub(crate) base: Term<'a>,
    /// u2 * Q; u2 is not 0.
    pub(crate) key: Term<'a>,
    /// In 1..n.
    pub(crate) r: U256,
}

/// The sums of up to eight claims: u1 = e / s, u2 = r / s, with one inversion for all.
pub(crate) fn sums<'a>(
    base: &'a Table,
    waiting: &[(Numbers, &'a Table)],
) -> ArrayVec<Sum<'a>, GROUP_MAX> {
    let numbers = waiting.iter().map(|(numbers, _)| numbers.s);
    let inverses = scalar::inverses(&numbers.collect::<ArrayVec<_, GROUP_MAX>>());
    let mut sums = ArrayVec::new();
    for ((numbers, table), inverse) in waiting.iter().zip(inverses) {
        sums.push(Sum {
            base: term(numbers.e.times(inverse), base),
            key: term(numbers.r.times(inverse), table),
            r: numbers.r.words(),
        });
    }
    sums
}

fn term(scalar: Scalar, table: &Table) -> Term<'_> {
    let (scalar, negative) = scalar.halved();
    Term { scalar, negative, table }
}
