//! Numbers modulo n, the order of the group (SEC 2, 2.4.2).

use super::{
    GROUP_MAX,
    inverse::{self, Odd},
    limbs::{self, Modulus, U256},
};

/// n.
pub(super) const ORDER: U256 =
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
pub(super) struct Scalar(U256);

/// A number times 2^256 modulo n (Montgomery form): one factor of a product.
#[derive(Copy, Clone, Debug)]
pub(super) struct Factor(U256);

impl Scalar {
    pub(super) const ONE: Self = Self(limbs::ONE);

    /// A number in 1..n, as signatures hold two; anything else is `None`.
    pub(super) fn from_signature(bytes: &[u8; 32]) -> Option<Self> {
        let number = limbs::from_be_bytes(bytes);
        (number != limbs::ZERO && limbs::is_below(number, ORDER)).then_some(Self(number))
    }

    /// A digest modulo n (FIPS 186-5, 6.4.2 step 2): below 2n, so one subtraction does.
    pub(super) fn from_digest(digest: &[u8; 32]) -> Self {
        Self(limbs::reduce_once(limbs::from_be_bytes(digest), false, ORDER))
    }

    pub(super) fn words(self) -> U256 {
        self.0
    }

    /// Ready to be multiplied with.
    pub(super) fn factor(self) -> Factor {
        Factor(MODULUS.mul(self.0, MODULUS.r2))
    }

    #[inline]
    pub(super) fn times(self, factor: Factor) -> Self {
        Self(MODULUS.mul(self.0, factor.0))
    }

    /// 1 / self mod n, and 0 for 0.
    pub(super) fn inverse(self) -> Self {
        Self(inverse::inverse(self.0, &INVERSION))
    }

    /// The same number or its negative, whichever is at most (n - 1) / 2, and whether it is the
    /// negative: below 2^255, so that digits leave no carry (`digits`).
    pub(super) fn halved(self) -> (U256, bool) {
        if limbs::is_below(HALF, self.0) {
            (limbs::sub(ORDER, self.0).0, true)
        } else {
            (self.0, false)
        }
    }
}

/// The inverses of up to [`GROUP_MAX`] numbers for one inversion and a few products (Montgomery
/// 1987, 10.3.1). A 0 among them would take everybody's inverse with it, so none may be there.
pub(super) fn invert_all(scalars: &mut [Scalar]) {
    debug_assert!(scalars.iter().all(|scalar| scalar.0 != limbs::ZERO), "ranges come first");
    if let [one] = scalars {
        *one = one.inverse();
        return;
    }
    let mut before = [Scalar::ONE; GROUP_MAX];
    let mut product = Scalar::ONE;
    for (before, scalar) in before.iter_mut().zip(scalars.iter()) {
        *before = product;
        product = product.times(scalar.factor());
    }
    let mut inverse = product.inverse();
    for (before, scalar) in before.iter().zip(scalars.iter_mut()).rev() {
        let factor = inverse.factor();
        inverse = inverse.times(scalar.factor());
        *scalar = before.times(factor);
    }
}
