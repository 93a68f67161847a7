//! Making passes.

use super::{
    format::{COUNT_MAX, HEAD_BYTES, Head, PASS_BYTES, Plain, masked, tagged},
    id::PassId,
    institution::Institution,
    text::PassText,
};
use crate::{code::IssuedAt, key_set::KeySet, suite::pass_cipher::TAG_BYTES, verify::VerifiedCode};

/// A pass that was just made.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct MintedPass {
    /// What single use is keyed on.
    pub id: PassId,
    /// What the client gets.
    pub text: PassText,
}

/// No key of the keyring makes passes.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no [[pass_secret]] of the keyring is active; needed: one (yanma keys pass-activate)")]
pub struct NoActivePassKey;

impl KeySet {
    /// Makes the pass of a code that was spent in the second `minted_at`, bound to an institution.
    /// Passes of one person, second and institution need different counts; of `count` the lowest
    /// seven bits count, so that a counter may run on.
    ///
    /// # Errors
    /// [`NoActivePassKey`].
    pub fn mint_pass(
        &self,
        code: &VerifiedCode,
        institution: &Institution,
        minted_at: IssuedAt,
        count: u8,
    ) -> Result<MintedPass, NoActivePassKey> {
        let key = self.active_pass_key().ok_or(NoActivePassKey)?;
        let plain = Plain {
            subject: code.subject(),
            region: code.region(),
            relation: code.relation(),
            auth: code.auth(),
            count: count & COUNT_MAX,
        };
        let plain = plain.to_bytes(code.key_id());
        let [_, _, high, low] = minted_at.get().to_be_bytes();
        let minted_at_low = u16::from_be_bytes([high, low]);
        let head = Head { key_id: key.id(), minted_at_low }.to_bytes();
        let tagged = tagged(key.id(), minted_at, code.key_id(), &plain);
        let tag = key.cipher().tag(&tagged, institution.as_str().as_bytes());
        let masked = masked(key, head, tag, plain);
        let id = PassId { key_id: key.id(), minted_at, tag: u64::from_be_bytes(tag) };
        Ok(MintedPass { id, text: PassText::encode(&joined(head, tag, masked)) })
    }
}

fn joined(
    head: [u8; HEAD_BYTES],
    tag: [u8; TAG_BYTES],
    masked: [u8; PASS_BYTES - HEAD_BYTES - TAG_BYTES],
) -> [u8; PASS_BYTES] {
    let mut bytes = [0; PASS_BYTES];
    let parts = head.into_iter().chain(tag).chain(masked);
    bytes.iter_mut().zip(parts).for_each(|(to, byte)| *to = byte);
    bytes
}
