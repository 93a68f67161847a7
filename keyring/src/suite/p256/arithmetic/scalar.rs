//! Numbers modulo n, the order of the group (SEC 2, 2.4.2).

#![expect(
    clippy::indexing_slicing,
    reason = "a tree of fixed size, its nodes numbered as in a heap"
)]

use arrayvec::ArrayVec;

use crate::suite::{
    curve::{
        inverse::{self, Odd},
        limbs::{self, Modulus, U256},
    },
    sizes::GROUP_MAX,
};

/// n.
pub(crate) const ORDER: U256 =
    [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, 0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000];
/// (n - 1) / 2.
const HALF: U256 =
    [0x79dc_e561_7e31_92a8, 0xde73_7d56_d38b_cf42, 0x7fff_ffff_ffff_ffff, 0x7fff_ffff_8000_0000];

/// 2^512 mod n.
const R2: U256 =
    [0x8324_4c95_be79_eea2, 0x4699_799c_49bd_6fa6, 0x2845_b239_2b6b_ec59, 0x66e1_2d94_f3d9_5620];

static MODULUS: Modulus = Modulus::new(ORDER, R2);
static INVERSION: Odd = Odd::new(ORDER);

/// A number in 0..n, as it is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Scalar(U256);

/// A number times 2^256 modulo n (Montgomery form): one factor of a product.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Factor(U256);

impl Scalar {
    /// A number in 1..n, as signatures hold two; anything else is `None`.
    pub(crate) fn from_signature(bytes: &[u8; 32]) -> Option<Self> {
        let number = limbs::from_be_bytes(bytes);
        (number != limbs::ZERO && limbs::is_below(number, ORDER)).then_some(Self(number))
    }

    /// A digest modulo n (FIPS 186-5, 6.4.2 step 2): below 2n, so one subtraction does.
    pub(crate) fn from_digest(digest: &[u8; 32]) -> Self {
        Self(limbs::reduce_once(limbs::from_be_bytes(digest), false, ORDER))
    }

    pub(crate) fn words(self) -> U256 {
        self.0
    }

    /// The product.
    #[inline]
    pub(crate) fn times(self, factor: Factor) -> Self {
        Self(MODULUS.mul(self.0, factor.0))
    }

    /// The same number or its negative, whichever is at most (n - 1) / 2, and whether it is the
    /// negative: below 2^255, so that digits leave no carry (`digits`).
    pub(crate) fn halved(self) -> (U256, bool) {
        if limbs::is_below(HALF, self.0) {
            (limbs::sub(ORDER, self.0).0, true)
        } else {
            (self.0, false)
        }
    }
}

/// 1 / s for up to [`GROUP_MAX`] numbers, for one inversion and three products each (Montgomery
/// 1987, 10.3.1). With a 0 among them every inverse would be 0, so the caller excludes it.
pub(crate) fn inverses(numbers: &[Scalar]) -> ArrayVec<Factor, GROUP_MAX> {
    debug_assert!(numbers.iter().all(|number| number.0 != limbs::ZERO), "ranges come first");
    let count = numbers.len();
    if count == 0 {
        return ArrayVec::new();
    }
    // A tree: node i has the product of nodes 2i and 2i + 1, and the numbers are the leaves. The
    // products of one level are independent of each other.
    //
    // With R = 2^256, `MODULUS.mul` divides by R: a product of k numbers lacks R^(k-1). So the
    // inverse of all has R^(k-1) too much; the product with R^2 gives it one R more. Going down, a
    // node of k leaves gets R^k, and a leaf gets a factor.
    let mut nodes = [limbs::ZERO; 2 * GROUP_MAX];
    for (node, number) in nodes[count..].iter_mut().zip(numbers) {
        *node = number.0;
    }
    for i in (1..count).rev() {
        nodes[i] = MODULUS.mul(nodes[2 * i], nodes[2 * i + 1]);
    }
    nodes[1] = MODULUS.mul(inverse::inverse(nodes[1], &INVERSION), MODULUS.r2);
    for i in 1..count {
        let (left, right) = (nodes[2 * i], nodes[2 * i + 1]);
        nodes[2 * i] = MODULUS.mul(right, nodes[i]);
        nodes[2 * i + 1] = MODULUS.mul(left, nodes[i]);
    }
    nodes[count..2 * count].iter().copied().map(Factor).collect()
}
