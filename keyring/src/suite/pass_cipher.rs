//! Tag and mask of a pass, and the derivation of their keys. A pass has one algorithm: its format
//! names it.

use std::hint::black_box;

use aes::{Aes128, Block, cipher::BlockCipherEncrypt as _};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

pub(crate) const SECRET_BYTES: usize = 32;
/// Of HMAC-SHA-256, as many bytes are sent.
pub(crate) const TAG_BYTES: usize = 8;
pub(crate) const BLOCK_BYTES: usize = 16;
const MASK_KEY_BYTES: usize = 16;
const MAC_KEY_BYTES: usize = 32;
const INFO: &[u8] = b"yanma pass v1";
const FINGERPRINT_INFO: &[u8] = b"yanma pass fingerprint v1";
/// Bytes of a [`fingerprint`].
pub(crate) const FINGERPRINT_BYTES: usize = 16;

/// The two keys of one pass secret with their schedules made: HMAC-SHA-256 (RFC 2104) and AES-128
/// (FIPS 197). It wipes itself when it is dropped.
pub(crate) struct PassCipher {
    mask: Aes128,
    mac: Hmac<Sha256>,
}

impl PassCipher {
    /// Derives both keys (RFC 5869): no salt, the format's text and the pass key's id in the info.
    pub(crate) fn derive(secret: &[u8; SECRET_BYTES], key_id: u8) -> Self {
        let mut keys = Zeroizing::new([0; MASK_KEY_BYTES + MAC_KEY_BYTES]);
        expand(secret, &[INFO, &[key_id]], keys.as_mut_slice());
        let (mask, mac) = keys.split_at(MASK_KEY_BYTES);
        Self {
            mask: Aes128::new_from_slice(mask).expect("16 bytes are a key of AES-128"),
            mac: Hmac::new_from_slice(mac).expect("HMAC takes a key of any length"),
        }
    }

    /// The first bytes of the HMAC of `fixed` and `rest`, one behind the other.
    pub(crate) fn tag(&self, fixed: &[u8], rest: &[u8]) -> [u8; TAG_BYTES] {
        let whole: [u8; 32] = self.authenticate(fixed, rest).finalize().into_bytes().into();
        *whole.first_chunk().expect("a tag is shorter than an HMAC")
    }

    /// Whether `tag` is theirs. The time that it takes does not tell how much of the tag is right.
    pub(crate) fn is_tag(&self, tag: &[u8; TAG_BYTES], fixed: &[u8], rest: &[u8]) -> bool {
        self.authenticate(fixed, rest).verify_truncated_left(tag).is_ok()
    }

    /// AES of one block.
    pub(crate) fn mask(&self, block: [u8; BLOCK_BYTES]) -> [u8; BLOCK_BYTES] {
        let mut block = Block::from(block);
        self.mask.encrypt_block(&mut block);
        block.into()
    }

    fn authenticate(&self, fixed: &[u8], rest: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(fixed).chain_update(rest)
    }
}

/// The cipher wipes itself. The library wipes an HMAC only together with every other SHA-256 of
/// the program, those of each request included, so its state is overwritten here.
impl Drop for PassCipher {
    fn drop(&mut self) {
        self.mac = Hmac::new_from_slice(&[]).expect("HMAC takes a key of any length");
        // It is read once more, so that the compiler cannot leave the write out.
        black_box(&self.mac);
    }
}

/// What tells one secret from another and may be known: nothing of the keys follows from it.
pub(crate) fn fingerprint(secret: &[u8; SECRET_BYTES], key_id: u8) -> [u8; FINGERPRINT_BYTES] {
    let mut fingerprint = [0; FINGERPRINT_BYTES];
    expand(secret, &[FINGERPRINT_INFO, &[key_id]], &mut fingerprint);
    fingerprint
}

fn expand(secret: &[u8; SECRET_BYTES], info: &[&[u8]], out: &mut [u8]) {
    Hkdf::<Sha256>::new(None, secret)
        .expand_multi_info(info, out)
        .expect("HKDF-SHA-256 gives up to 8,160 bytes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::hex;

    fn secret() -> [u8; SECRET_BYTES] {
        std::array::from_fn(|i| u8::try_from(0x20 + i).unwrap())
    }

    /// Tag and mask of the format's vector, and of what it derives its keys from.
    #[test]
    fn vector_is_tagged_and_masked() {
        let cipher = PassCipher::derive(&secret(), 1);
        let mut fixed = b"yanma pass v1\n\x01".to_vec();
        fixed.extend(hex::<8>("6b49d20c00001b59"));
        fixed.extend(hex::<14>("000000000000002a1b595a5b4085"));
        let tag = hex("9401acfced36a6bc");
        assert_eq!(cipher.tag(&fixed, b"H37010000001"), tag);
        assert!(cipher.is_tag(&tag, &fixed, b"H37010000001"));
        assert!(!cipher.is_tag(&tag, &fixed, b"H37010000002"));
        let mask = cipher.mask(hex("11d20c9401acfced36a6bc0000000000"));
        let plain = hex::<14>("63f4f8c3f321c647e84c252ef1f8");
        let expected = hex::<14>("000000000000002a1b595a5b4085");
        assert_eq!(std::array::from_fn(|i| plain[i] ^ mask[i]), expected);
    }

    #[test]
    fn every_bit_of_the_tag_is_compared() {
        let cipher = PassCipher::derive(&secret(), 1);
        let tag = cipher.tag(b"a", b"b");
        for bit in 0..TAG_BYTES * 8 {
            let mut wrong = tag;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!cipher.is_tag(&wrong, b"a", b"b"), "bit {bit}");
        }
        assert!(cipher.is_tag(&tag, b"ab", b""), "the parts are one message");
    }

    #[test]
    fn keys_and_fingerprints_are_of_one_secret_and_one_id() {
        let mut other = secret();
        other[31] ^= 1;
        for (one, id) in [(other, 1), (secret(), 2)] {
            let cipher = PassCipher::derive(&one, id);
            let vector = PassCipher::derive(&secret(), 1);
            assert_ne!(cipher.tag(b"a", b"b"), vector.tag(b"a", b"b"));
            assert_ne!(cipher.mask([0; 16]), vector.mask([0; 16]));
            assert_ne!(fingerprint(&one, id), fingerprint(&secret(), 1));
        }
    }
}
