//! Signatures made to measure: with chosen u1, u2 and private key, so that everything that an
//! engine adds up has a known logarithm. Arithmetic by the `p256` crate.

use ::p256::{
    AffinePoint, FieldBytes, ProjectivePoint, Scalar,
    elliptic_curve::{
        Group as _, PrimeField as _, ops::Reduce as _, point::AffineCoordinates as _,
        sec1::ToSec1Point as _,
    },
};

use crate::suite::{
    curve::layout::Layout,
    p256::{
        claim::Claim,
        engines::reference,
        key::{PublicKey, VerifyingKey},
        tables::build,
    },
    sizes::SIGNATURE_BYTES,
};

/// A claim, and whether it is true.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) key: VerifyingKey,
    pub(super) digest: [u8; 32],
    pub(super) signature: [u8; SIGNATURE_BYTES],
    pub(super) valid: bool,
}

impl Case {
    pub(super) fn claim(&self) -> Claim<'_> {
        Claim { key: &self.key, digest: self.digest, signature: &self.signature }
    }
}

/// A key whose private part is known.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) key: VerifyingKey,
    pub(super) d: Scalar,
    pub(super) rows: u32,
}

impl Key {
    /// Its table has that many rows. `d` is not 0.
    pub(super) fn new(d: Scalar, rows: u32) -> Self {
        Self { key: key(d, rows).unwrap(), d, rows }
    }
}

/// A key with a table of that many rows. `None` for 0, which is no key.
pub(super) fn key(private: Scalar, rows: u32) -> Option<VerifyingKey> {
    key_at(ProjectivePoint::GENERATOR * private, rows)
}

pub(super) fn key_at(point: ProjectivePoint, rows: u32) -> Option<VerifyingKey> {
    if bool::from(point.is_identity()) {
        return None;
    }
    let public_key = PublicKey::from_sec1(point.to_affine().to_sec1_point(false).as_bytes())?;
    let key = VerifyingKey::from(public_key);
    key.table().put(Some(build::key_table(&public_key, Layout::of_rows(rows)).unwrap()));
    Some(key)
}

/// The signature for which a verifier computes u1 and u2 and compares with `r`: s = r / u2 and
/// e = u1 * s. Whether it is valid is for the reference to say.
pub(super) fn with_r(key: &VerifyingKey, u1: Scalar, u2: Scalar, r: Scalar) -> Case {
    let s = r * u2.invert().unwrap();
    let (r, s, e) = (bytes(r), bytes(s), bytes(u1 * s));
    let signature = [r, s].concat().try_into().unwrap();
    let mut case = Case { key: key.clone(), digest: e, signature, valid: false };
    case.valid = reference::judge(&case.claim());
    case
}

/// The valid signature with these u1 and u2 under the private key `d`; `None` if they lead to
/// infinity, where there is none.
pub(super) fn valid(key: &VerifyingKey, d: Scalar, u1: Scalar, u2: Scalar) -> Option<Case> {
    let r = x_mod_n(ProjectivePoint::GENERATOR * (u1 + u2 * d))?;
    let case = with_r(key, u1, u2, r);
    assert!(case.valid, "made to be valid: {case:?}");
    Some(case)
}

/// The same u1 and u2 with an r that has nothing to do with them.
pub(super) fn forged(key: &VerifyingKey, u1: Scalar, u2: Scalar, random: &mut Random) -> Case {
    let case = with_r(key, u1, u2, random.scalar());
    assert!(!case.valid, "made to be forged: {case:?}");
    case
}

pub(super) fn x_mod_n(point: ProjectivePoint) -> Option<Scalar> {
    let affine: AffinePoint = point.to_affine();
    (!bool::from(point.is_identity())).then(|| Scalar::reduce(&affine.x()))
}

pub(super) fn bytes(scalar: Scalar) -> [u8; 32] {
    scalar.to_bytes().into()
}

/// Bits of each row's digit.
pub(super) fn widths(rows: u32) -> Vec<u32> {
    Layout::of_rows(rows).widths().collect()
}

/// 2^exponent mod n.
pub(super) fn power_of_2(exponent: u32) -> Scalar {
    (0..exponent).fold(Scalar::ONE, |power, _| power.double())
}

pub(super) fn scalar(hex: &str) -> Scalar {
    Scalar::from_repr(crate::sample::hex::<32>(hex).into()).unwrap()
}

/// The signed digits of a scalar as the engines add them, each times its place: those of the
/// scalar, or the negated ones of its negative if that is smaller. Written with carries, unlike
/// `digits`, and for one row after the other.
pub(super) fn addends(scalar: Scalar, rows: u32) -> Vec<Scalar> {
    let half = -Scalar::from(2_u64).invert().unwrap();
    // (n - 1) / 2 = -1/2 mod n: what is above it is negated.
    let negative = bytes(scalar) > bytes(half);
    let mut rest = bytes(if negative { -scalar } else { scalar });
    let (mut addends, mut offset, mut carry) = (Vec::new(), 0, 0);
    for width in widths(rows) {
        let mut value = carry;
        for bit in 0..width {
            value += (i64::from(rest[31]) & 1) << bit;
            shift_right(&mut rest);
        }
        let half = 1_i64 << (width - 1);
        carry = i64::from(value > half);
        let digit = value - (carry << width);
        let size = Scalar::from(digit.unsigned_abs()) * power_of_2(offset);
        addends.push(if negative != (digit < 0) { -size } else { size });
        offset += width;
    }
    assert_eq!((carry, rest), (0, [0; 32]));
    assert_eq!(addends.iter().sum::<Scalar>(), scalar);
    addends
}

fn shift_right(number: &mut [u8; 32]) {
    let mut above = 0;
    for byte in number {
        (*byte, above) = ((*byte >> 1) | above, *byte << 7);
    }
}

/// The same numbers each time (splitmix64; Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(super) fn bytes(&mut self) -> [u8; 32] {
        let words: [[u8; 8]; 4] = std::array::from_fn(|_| self.next().to_be_bytes());
        words.concat().try_into().unwrap()
    }

    pub(super) fn scalar(&mut self) -> Scalar {
        Scalar::reduce(&FieldBytes::from(self.bytes()))
    }
}
