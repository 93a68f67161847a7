//! The code, format 1: its bytes and its text form. FORMAT.md in this crate is the standard.
//!
//! A code is 105 bytes, a 41-byte body and a 64-byte ECDSA signature, written as 255 decimal
//! digits. [`UnverifiedCode::parse`] reads the text that a scanner sent and checks its form.
//! [`KeySet::verify`](crate::key_set::KeySet::verify) checks whether the code is genuine.

mod fields;
mod format;
mod opaque;
mod text;

use std::fmt;

pub use crate::suite::SIGNATURE_BYTES;
pub use fields::{
    Auth, CodeIdentity, IssuedAt, KeyId, Kind, Kinds, Region, Serial, Subject, UnknownWord,
};
pub(crate) use format::SIGNED_PREFIX;
pub use format::{BODY_BYTES, CODE_BYTES, CODE_DIGITS, ParseError, RELATION_MAX};
pub use opaque::{OpaqueCode, OpaqueId, Province};
pub use text::TEXT_BYTES_MAX;

use format::FORMAT_VERSION;

/// A code that is well formed and nothing more. It may be forged.
///
/// Only its key id can be read, which chooses the key that judges it. The rest becomes readable
/// when [`KeySet::verify`](crate::key_set::KeySet::verify) turns it into a `VerifiedCode`.
#[derive(Clone, Eq, PartialEq)]
pub struct UnverifiedCode {
    bytes: [u8; CODE_BYTES],
    claims: Claims,
}

/// The clear fields of an unverified code, **for showing to a person, never for deciding**:
/// a forger can write anything here.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Claims {
    /// Display or payment.
    pub kind: Kind,
    /// The issuer key that the code names; `None` is id 0, which no key has.
    pub key_id: Option<KeyId>,
    /// When the code says it was made.
    pub issued_at: IssuedAt,
    /// What tells this code from the others of its second.
    pub serial: Serial,
    /// 参保地, the place of insurance.
    pub region: Region,
    /// How the holder proved presence.
    pub auth: Auth,
}

impl UnverifiedCode {
    /// Reads what a scanner sent; allocates nothing and looks at [`TEXT_BYTES_MAX`] bytes at most.
    ///
    /// # Errors
    /// [`ParseError`] says what the text is instead. A malformed text must not be logged:
    /// it may be an identity number.
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        Self::from_bytes(text::decode(text)?)
    }

    /// Checks the fields of 105 bytes.
    pub(crate) fn from_bytes(bytes: [u8; CODE_BYTES]) -> Result<Self, ParseError> {
        let claims = Claims::read(&bytes)?;
        Ok(Self { bytes, claims })
    }

    /// The key that the code names. `None` is key id 0, which no keyring knows.
    pub fn key_id(&self) -> Option<KeyId> {
        self.claims.key_id
    }

    /// The clear fields, **for showing to a person, never for deciding**.
    pub fn claims(&self) -> Claims {
        self.claims
    }

    /// The text form: 255 ASCII digits, the one text of these bytes.
    pub fn to_digits(&self) -> [u8; CODE_DIGITS] {
        text::encode(&self.bytes)
    }

    /// The same code with the other signature that ECDSA allows, (r, n - s).
    ///
    /// Both verify, so single use must be keyed on the code's identity, never on its signature or
    /// text. Tests use this twin to prove that. `None` if the signature is out of range.
    pub fn with_other_s(&self) -> Option<Self> {
        let signature = crate::suite::other_signature(self.signature())?;
        let mut bytes = self.bytes;
        bytes.last_chunk_mut::<SIGNATURE_BYTES>()?.copy_from_slice(&signature);
        Some(Self { bytes, claims: self.claims })
    }

    /// The signed body.
    pub(crate) fn body(&self) -> &[u8; BODY_BYTES] {
        self.bytes.first_chunk().expect("a body is shorter than a code")
    }

    /// r and s.
    pub(crate) fn signature(&self) -> &[u8; SIGNATURE_BYTES] {
        self.bytes.last_chunk().expect("a signature is shorter than a code")
    }
}

impl Claims {
    /// Offsets 0 to 20 of the body, in the order of the format's table.
    fn read(bytes: &[u8; CODE_BYTES]) -> Result<Self, ParseError> {
        let mut rest = bytes.as_slice();
        let [version_kind] = take(&mut rest);
        let key_id = u32::from_be_bytes(take(&mut rest));
        let issued_at = u32::from_be_bytes(take(&mut rest));
        let serial = u64::from_be_bytes(take(&mut rest));
        let [r2, r1, r0] = take(&mut rest);
        let [auth] = take(&mut rest);

        if version_kind >> 4 != FORMAT_VERSION {
            return Err(ParseError::FormatNotSupported);
        }
        Ok(Self {
            kind: Kind::from_nibble(version_kind & 0x0f).ok_or(ParseError::Malformed)?,
            key_id: KeyId::new(key_id),
            issued_at: IssuedAt::new(issued_at),
            serial: Serial::new(serial),
            region: Region::new(u32::from_be_bytes([0, r2, r1, r0]))
                .ok_or(ParseError::Malformed)?,
            auth: Auth::from_byte(auth).ok_or(ParseError::Malformed)?,
        })
    }

    /// The body with these fields; seal and tag are still zero.
    pub(crate) fn to_body(self) -> [u8; BODY_BYTES] {
        let [_, region @ ..] = self.region.get().to_be_bytes();
        let fields = [FORMAT_VERSION << 4 | self.kind.nibble()]
            .into_iter()
            .chain(self.key_id.map_or(0, KeyId::get).to_be_bytes())
            .chain(self.issued_at.get().to_be_bytes())
            .chain(self.serial.get().to_be_bytes())
            .chain(region)
            .chain([self.auth.byte()]);
        let mut body = [0; BODY_BYTES];
        body.iter_mut().zip(fields).for_each(|(slot, byte)| *slot = byte);
        body
    }
}

/// The key id alone: a reader of the log could use a whole code.
impl fmt::Debug for UnverifiedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedCode").field("key_id", &self.key_id()).finish_non_exhaustive()
    }
}

/// The next N bytes. A code holds more than all the fields that are taken from it.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (head, tail) = rest.split_first_chunk().expect("a code holds all its fields");
    *rest = tail;
    *head
}

#[cfg(test)]
mod tests;
