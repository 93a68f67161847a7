//! A public key, and the same with its table.

use std::{fmt, sync::Arc};

use ::p256::ecdsa;

use super::signing::{self, SigningKey};
use crate::suite::{algorithm::Suite, sizes::PUBLIC_KEY_BYTES};

use crate::suite::curve::table::TableSlot;

/// A point on the curve, not infinity: a key that signatures can be verified with.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct PublicKey(ecdsa::VerifyingKey);

impl PublicKey {
    /// Reads a point in SEC 1 form; `None` unless it is on the curve and not infinity.
    pub fn from_sec1(bytes: &[u8]) -> Option<Self> {
        ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(Self)
    }

    /// The uncompressed point: 4, x, y.
    pub fn to_sec1(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let point = self.0.to_sec1_point(false);
        point.as_bytes().try_into().expect("an uncompressed point of P-256 has 65 bytes")
    }

    /// The suite that the key is of.
    pub fn suite(&self) -> Suite {
        Suite::Es256
    }

    /// The digest of a message that this key signs. The message is given in two parts.
    #[inline]
    pub fn digest(&self, message: [&[u8]; 2]) -> [u8; 32] {
        signing::digest(message)
    }

    pub(crate) fn as_inner(&self) -> &ecdsa::VerifyingKey {
        &self.0
    }
}

impl From<ecdsa::VerifyingKey> for PublicKey {
    fn from(key: ecdsa::VerifyingKey) -> Self {
        Self(key)
    }
}

impl From<&SigningKey> for PublicKey {
    fn from(key: &SigningKey) -> Self {
        Self(*key.verifying_key())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, point @ ..] = self.to_sec1();
        let x = point.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        write!(f, "PublicKey(x = {x}..)")
    }
}

/// A public key and, once it is built, its table. Keys of several key sets share a table.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    public_key: PublicKey,
    table: Arc<TableSlot>,
}

impl VerifyingKey {
    /// The point itself.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Whether the fast engines can verify with this key.
    pub fn has_table(&self) -> bool {
        self.table.layout().is_some()
    }

    /// Bytes of the table, 0 if there is none.
    pub fn table_bytes(&self) -> u64 {
        self.table.bytes()
    }

    /// Drops the table if its memory has changed. Returns whether it did.
    pub fn drop_table_if_unsound(&self) -> bool {
        self.table.drop_if_unsound()
    }

    pub(super) fn table(&self) -> &TableSlot {
        &self.table
    }
}

impl From<PublicKey> for VerifyingKey {
    fn from(public_key: PublicKey) -> Self {
        Self { public_key, table: Arc::default() }
    }
}
