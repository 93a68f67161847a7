//! Header values of one request, written into one allocation and cut from it.
//!
//! `std::fmt` would take a quarter of the gateway's own instructions: it asks for width, fill and
//! sign at every number, and puts hexadecimal digits one by one.

use bytes::{BufMut as _, BytesMut};
use http::HeaderValue;
use keyring::{
    code::{CodeIdentity, Region},
    pass::{PassId, RedemptionId},
};

/// All values of a request with a redemption: about 130 bytes.
const CAPACITY: usize = 192;

#[derive(Debug)]
pub(super) struct Text(BytesMut);

impl Text {
    pub(super) fn new() -> Self {
        Self(BytesMut::with_capacity(CAPACITY))
    }

    pub(super) fn word(&mut self, word: &str) -> &mut Self {
        self.0.put_slice(word.as_bytes());
        self
    }

    pub(super) fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.word(itoa::Buffer::new().format(number))
    }

    /// Six digits.
    pub(super) fn region(&mut self, region: Region) -> &mut Self {
        let mut rest = region.get();
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit += u8::try_from(rest % 10).expect("one digit");
            rest /= 10;
        }
        self.0.put_slice(&digits);
        self
    }

    /// As [`RedemptionId`] displays itself.
    pub(super) fn redemption(&mut self, id: &RedemptionId) -> &mut Self {
        match id {
            RedemptionId::Code(code) => self.identity(code),
            RedemptionId::Pass(pass) => self.pass(pass),
            RedemptionId::Opaque(id) => self.word(&id.to_string()),
        }
    }

    /// `<key id>-<issued at>-<serial as 16 hex>`, as [`CodeIdentity`] displays itself.
    pub(super) fn identity(&mut self, identity: &CodeIdentity) -> &mut Self {
        self.number(identity.key_id.get()).word("-").number(identity.issued_at.get()).word("-");
        self.0.put_slice(&hex(identity.serial.get()));
        self
    }

    /// `p<key id>-<minted at>-<tag as 16 hex>`, as [`PassId`] displays itself.
    pub(super) fn pass(&mut self, id: &PassId) -> &mut Self {
        self.word("p").number(id.key_id.get()).word("-").number(id.minted_at.get()).word("-");
        self.0.put_slice(&hex(id.tag));
        self
    }

    /// Cuts off what was written since the last cut.
    pub(super) fn value(&mut self) -> HeaderValue {
        let value = HeaderValue::from_maybe_shared(self.0.split().freeze());
        value.expect("digits, letters and punctuation are visible ASCII")
    }
}

/// Sixteen lower-case hexadecimal digits.
fn hex(number: u64) -> [u8; 16] {
    let mut rest = number;
    let mut digits = [0; 16];
    for digit in digits.iter_mut().rev() {
        let four = u8::try_from(rest & 15).expect("four bits");
        *digit = if four < 10 { b'0' + four } else { b'a' + (four - 10) };
        rest >>= 4;
    }
    digits
}

#[cfg(test)]
mod tests {
    use keyring::code::{IssuedAt, KeyId, Serial};
    use keyring::key::PassKeyId;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn writes_what_display_writes(
            key_id in 1..=u32::MAX,
            issued_at: u32,
            serial: u64,
            number: u64,
            region in 0..=999_999_u32,
        ) {
            let identity = CodeIdentity {
                key_id: KeyId::new(key_id).unwrap(),
                issued_at: IssuedAt::new(issued_at),
                serial: Serial::new(serial),
            };
            let region = Region::new(region).unwrap();
            let mut text = Text::new();
            prop_assert_eq!(text.identity(&identity).value(), identity.to_string());
            let pass = PassId {
                key_id: PassKeyId::new(u8::try_from(key_id % 15 + 1).unwrap()).unwrap(),
                minted_at: IssuedAt::new(issued_at),
                tag: serial,
            };
            for id in [RedemptionId::Code(identity), RedemptionId::Pass(pass)] {
                prop_assert_eq!(text.redemption(&id).value(), id.to_string());
            }
            prop_assert_eq!(text.number(number).value(), number.to_string());
            prop_assert_eq!(text.region(region).value(), region.to_string());
            prop_assert_eq!(text.word("a").word("/b").value(), "a/b");
        }
    }
}
