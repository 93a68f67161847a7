//! The measures of format 1, and why a text is not of it.

use crate::suite::SIGNATURE_BYTES;

/// Digits of the text form: what a QR symbol of version 6, level M holds.
pub const CODE_DIGITS: usize = 255;
/// Bytes of a code: body and signature.
pub const CODE_BYTES: usize = BODY_BYTES + SIGNATURE_BYTES;
/// Bytes of the body: everything that is signed.
pub const BODY_BYTES: usize = 41;
/// The highest number of a family member; 0 is the holder.
pub const RELATION_MAX: u8 = 5;

/// What is signed: this prefix, then the body. 55 bytes, so one SHA-256 block.
pub(crate) const SIGNED_PREFIX: &[u8; 14] = b"yanma code v1\n";

pub(super) const FORMAT_VERSION: u8 = 1;

/// Why a text is no code of this format.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, thiserror::Error)]
pub enum ParseError {
    /// Not a code, and nothing else that is known.
    #[error("the text is not a code: 255 decimal digits of 15 groups, each group below 2^56")]
    Malformed,
    /// A payment app's own code, an identity number or a URL.
    #[error("the text is another kind of code: a payment app's, an identity number or a URL")]
    WrongCodeType,
    /// The national platform's own opaque code.
    #[error("the text is the national platform's own code, which is not served here")]
    NotServed,
    /// A sound code, but not of format 1.
    #[error("the code is of another format version")]
    FormatNotSupported,
}
