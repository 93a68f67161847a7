//! A pass that was read and nothing more.

use std::fmt;

use super::{
    format::{HEAD_BYTES, Head, PASS_BYTES, PLAIN_BYTES, masked},
    text,
};
use crate::{
    code::IssuedAt,
    key::{PassKey, PassKeyId},
    suite::pass_cipher::TAG_BYTES,
    time::UnixMillis,
    verify::SKEW_MS_MAX,
};

/// 40 letters of the alphabet. They may be forged.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct UnverifiedPass {
    head: [u8; HEAD_BYTES],
    tag: [u8; TAG_BYTES],
    masked: [u8; PLAIN_BYTES],
}

/// A text that is no pass. It is not repeated here: it may be a person's identity number.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the text is not a pass: 40 of the letters 0123456789abcdefghjkmnpqrstvwxyz")]
pub struct PassForm;

impl UnverifiedPass {
    /// Reads 40 letters of the alphabet in either case, and nothing around them; allocates nothing.
    ///
    /// # Errors
    /// [`PassForm`] for any other text.
    pub fn parse(text: &[u8]) -> Result<Self, PassForm> {
        text::decode(text).map(Self::from_bytes).ok_or(PassForm)
    }

    fn from_bytes(bytes: [u8; PASS_BYTES]) -> Self {
        let (head, rest) = bytes.split_first_chunk().expect("a pass holds its head");
        let (tag, rest) = rest.split_first_chunk().expect("a pass holds its tag");
        let masked = rest.first_chunk().expect("a pass holds its masked part");
        Self { head: *head, tag: *tag, masked: *masked }
    }

    /// The key that the pass names; `None` if it is of another format or names key 0. **For
    /// choosing a key and for showing to a person**: a forger can write anything here.
    pub fn key_id(&self) -> Option<PassKeyId> {
        self.clear().map(|head| head.key_id)
    }

    /// The second in which the pass says it was made: the latest that is not more than 10 s after
    /// `now` and ends in its 16 bits. `None` if it is of another format, or if that lies before
    /// 1970 or after 2106. A claim, like [`key_id`](Self::key_id), until the tag proves it.
    pub fn minted_at(&self, now: UnixMillis) -> Option<IssuedAt> {
        let low = i64::from(self.clear()?.minted_at_low);
        let latest = now.plus_ms(SKEW_MS_MAX).seconds();
        let since = latest.wrapping_sub(low) & 0xffff;
        u32::try_from(latest.checked_sub(since)?).ok().map(IssuedAt::new)
    }

    pub(super) fn tag(&self) -> &[u8; TAG_BYTES] {
        &self.tag
    }

    /// The plain part, if `key` made this pass; else any bytes.
    pub(super) fn unmasked(&self, key: &PassKey) -> [u8; PLAIN_BYTES] {
        masked(key, self.head, self.tag, self.masked)
    }

    fn clear(&self) -> Option<Head> {
        Head::from_bytes(self.head)
    }
}

/// Nothing: a reader of a log could use a whole pass.
impl fmt::Debug for UnverifiedPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnverifiedPass(..)")
    }
}
