//! Signatures so fast that the tool is not the limit of what it measures.
//!
//! Nearly all of an ECDSA signature's cost is k * G, and k does not depend on what is signed. So a
//! pool of k is prepared once, and a signature is two products modulo n (FIPS 186-5, 6.4.1). A k
//! that is used twice gives the private key away. So only keys that were made for load may be used
//! here, and a gateway in production does not accept those.

use std::cell::Cell;
use std::sync::Arc;

use keyring::key::IssuerKey;
use keyring::mint::{Minter, Signer};
use keyring::suite::{PublicKey, SIGNATURE_BYTES, SigningKey};
use p256::elliptic_curve::ff::PrimeField as _;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::{FieldBytes, ProjectivePoint, Scalar};

use crate::site::plan::ENVIRONMENT;

/// Nonces that all keys share.
const NONCES: usize = 1024;

/// Nonces, and for each the half of a signature that they decide.
#[derive(Clone)]
pub struct Nonces(Arc<[Nonce]>);

struct Nonce {
    /// 1 / k modulo n.
    inverse: Scalar,
    /// The x of k * G modulo n.
    r: Scalar,
    r_bytes: FieldBytes,
}

/// Signs with a key that is worth nothing. It cannot be shared among threads.
pub struct ThrowAwaySigner {
    secret: Scalar,
    nonces: Nonces,
    next: Cell<usize>,
}

/// Why this tool does not sign with a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotThrowAway {
    /// It may be worth something.
    #[error(
        "key {id} has the environment {environment:?}: the load tool signs with nonces that give \
         the private key away, so only keys of the environment \"loadtest\" may be used; \
         `yanma-loadtest prepare` makes some"
    )]
    Environment {
        /// The key's id.
        id: u32,
        /// Its environment.
        environment: String,
    },
    /// The private key is another key's.
    #[error("the signing key is not the private half of key {0}")]
    NotTheKey(u32),
}

impl Nonces {
    /// Makes a pool from the kernel's random numbers: about a tenth of a second.
    pub fn new() -> Self {
        Self((0..NONCES).map(|_| Nonce::random()).collect())
    }
}

impl Default for Nonces {
    fn default() -> Self {
        Self::new()
    }
}

impl Nonce {
    fn random() -> Self {
        loop {
            let mut bytes = FieldBytes::default();
            getrandom::fill(bytes.as_mut_slice()).expect("the kernel gives random numbers");
            let Some(k) = Option::<Scalar>::from(Scalar::from_repr(bytes)) else { continue };
            let Some(inverse) = Option::<Scalar>::from(k.invert()) else { continue };
            let x = (ProjectivePoint::GENERATOR * k).to_affine().x();
            let r = <Scalar as Reduce<FieldBytes>>::reduce(&x);
            return Self { inverse, r, r_bytes: r.to_repr() };
        }
    }
}

impl ThrowAwaySigner {
    /// A minter for a key of the keyring, if the key was made for load.
    ///
    /// # Errors
    /// [`NotThrowAway`] if the key has another environment, or is not the signing key's.
    pub fn minter(
        key: &IssuerKey,
        signing_key: &SigningKey,
        nonces: &Nonces,
    ) -> Result<Minter<Self>, NotThrowAway> {
        let id = key.id().get();
        if key.environment() != ENVIRONMENT {
            return Err(NotThrowAway::Environment { id, environment: key.environment().into() });
        }
        if PublicKey::from(signing_key) != *key.public_key() {
            return Err(NotThrowAway::NotTheKey(id));
        }
        let secret = *signing_key.as_nonzero_scalar().as_ref();
        let signer = Self { secret, nonces: nonces.clone(), next: Cell::new(0) };
        Ok(Minter::with_signer(key, signer))
    }
}

impl Signer for ThrowAwaySigner {
    fn sign(&self, digest: &[u8; 32]) -> [u8; SIGNATURE_BYTES] {
        let e = <Scalar as Reduce<FieldBytes>>::reduce(&FieldBytes::from(*digest));
        let at = self.next.get();
        self.next.set(at.wrapping_add(1));
        let nonce = self.nonces.0.get(at % NONCES).expect("below the pool's length");
        let s = nonce.inverse * (e + nonce.r * self.secret);
        let mut signature = [0; SIGNATURE_BYTES];
        let (left, right) = signature.split_at_mut(32);
        left.copy_from_slice(&nonce.r_bytes);
        right.copy_from_slice(&s.to_repr());
        signature
    }
}

#[cfg(test)]
mod tests;
