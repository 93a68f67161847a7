//! The bytes of a pass: a head of three bytes in clear, the tag, and the masked plain part.

use crate::{
    code::{Auth, IssuedAt, KeyId, RELATION_MAX, Region, Subject},
    key::{PassKey, PassKeyId},
    key_set::ending,
    suite::pass_cipher::{BLOCK_BYTES, TAG_BYTES},
};

pub(super) const PASS_BYTES: usize = HEAD_BYTES + TAG_BYTES + PLAIN_BYTES;
pub(super) const HEAD_BYTES: usize = 3;
pub(super) const PLAIN_BYTES: usize = 14;
/// What the mask is made of: head and tag, then zeros.
const NONCE_BYTES: usize = HEAD_BYTES + TAG_BYTES;
/// The highest count. The count that follows it is 0.
pub const COUNT_MAX: u8 = 127;

const FORMAT: u8 = 1;
/// The tag is over this, then fixed fields, the plain part and the institution.
const TAGGED_PREFIX: &[u8; 14] = b"yanma pass v1\n";
const TAGGED_BYTES: usize = TAGGED_PREFIX.len() + 1 + 4 + 4 + PLAIN_BYTES;
/// Fixed fields and an institution of up to 18 bytes are one block of SHA-256 with its padding.
const _: () = assert!(TAGGED_BYTES == 37);

/// The bits of the last word, from the highest: region, relation, authentication, count.
const REGION_SHIFT: u32 = 12;
const RELATION_SHIFT: u32 = 9;
const AUTH_SHIFT: u32 = 7;

/// What a pass says in clear: who made it, and the end of the second in which that was.
#[derive(Copy, Clone)]
pub(super) struct Head {
    pub(super) key_id: PassKeyId,
    pub(super) minted_at_low: u16,
}

impl Head {
    pub(super) fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let [high, low] = self.minted_at_low.to_be_bytes();
        [FORMAT << 4 | self.key_id.get(), high, low]
    }

    /// `None` if the format is another one, or for key id 0.
    pub(super) fn from_bytes([first, high, low]: [u8; HEAD_BYTES]) -> Option<Self> {
        let key_id = PassKeyId::new(first & 0x0f).filter(|_| first >> 4 == FORMAT)?;
        Some(Self { key_id, minted_at_low: u16::from_be_bytes([high, low]) })
    }
}

/// The plain part's fields but for the issuer key's.
#[derive(Copy, Clone, Eq, PartialEq)]
pub(super) struct Plain {
    pub(super) subject: Subject,
    pub(super) region: Region,
    pub(super) relation: u8,
    pub(super) auth: Auth,
    pub(super) count: u8,
}

impl Plain {
    pub(super) fn to_bytes(self, issuer: KeyId) -> [u8; PLAIN_BYTES] {
        let word = self.region.get() << REGION_SHIFT
            | u32::from(self.relation) << RELATION_SHIFT
            | u32::from(self.auth.byte()) << AUTH_SHIFT
            | u32::from(self.count & COUNT_MAX);
        let [s7, s6, s5, s4, s3, s2, s1, s0] = self.subject.get().to_be_bytes();
        let [i1, i0] = ending(issuer).to_be_bytes();
        let [w3, w2, w1, w0] = word.to_be_bytes();
        [s7, s6, s5, s4, s3, s2, s1, s0, i1, i0, w3, w2, w1, w0]
    }

    /// `None` if a field holds what no code says.
    pub(super) fn from_bytes(bytes: [u8; PLAIN_BYTES]) -> Option<Self> {
        let [subject @ .., _, _, w3, w2, w1, w0] = bytes;
        let word = u32::from_be_bytes([w3, w2, w1, w0]);
        let low = |bits: u32, mask: u8| u8::try_from(bits & u32::from(mask)).ok();
        Some(Self {
            subject: Subject::new(u64::from_be_bytes(subject))?,
            region: Region::new(word >> REGION_SHIFT)?,
            relation: low(word >> RELATION_SHIFT, 7).filter(|member| *member <= RELATION_MAX)?,
            auth: Auth::from_byte(low(word >> AUTH_SHIFT, 3)?)?,
            count: low(word, COUNT_MAX)?,
        })
    }
}

/// How the issuer key's id ends.
pub(super) fn issuer_ending(plain: &[u8; PLAIN_BYTES]) -> u16 {
    let [_, _, _, _, _, _, _, _, high, low, ..] = *plain;
    u16::from_be_bytes([high, low])
}

/// What the tag is over, but for the institution, which follows.
pub(super) fn tagged(
    key_id: PassKeyId,
    minted_at: IssuedAt,
    issuer: KeyId,
    plain: &[u8; PLAIN_BYTES],
) -> [u8; TAGGED_BYTES] {
    let mut bytes = [0; TAGGED_BYTES];
    let mut rest = bytes.as_mut_slice();
    for part in [
        TAGGED_PREFIX.as_slice(),
        &[key_id.get()],
        &minted_at.get().to_be_bytes(),
        &issuer.get().to_be_bytes(),
        plain,
    ] {
        let (to, behind) = rest.split_at_mut(part.len());
        to.copy_from_slice(part);
        rest = behind;
    }
    bytes
}

/// Masks the plain part, or takes the mask off: they are the same. The tag is the mask's nonce, as
/// in SIV (RFC 5297), so two passes with one mask say the same.
pub(super) fn masked(
    key: &PassKey,
    head: [u8; HEAD_BYTES],
    tag: [u8; TAG_BYTES],
    mut plain: [u8; PLAIN_BYTES],
) -> [u8; PLAIN_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let nonce: &mut [u8; NONCE_BYTES] =
        block.first_chunk_mut().expect("head and tag are shorter than a block");
    nonce.iter_mut().zip(head.into_iter().chain(tag)).for_each(|(to, byte)| *to = byte);
    plain.iter_mut().zip(key.cipher().mask(block)).for_each(|(byte, mask)| *byte ^= mask);
    plain
}
