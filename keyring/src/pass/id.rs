//! The identity of a pass, which single use is keyed on.

use std::{fmt, str::FromStr};

use crate::{
    code::{IssuedAt, UnknownWord},
    key::PassKeyId,
};

/// What single use of a pass is keyed on, and what its record says. Never the text, which is read in
/// either case.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug)]
pub struct PassId {
    /// The key that made the pass.
    pub key_id: PassKeyId,
    /// The second in which its code was spent.
    pub minted_at: IssuedAt,
    /// Its tag. Passes of one second have different ones, because their counts differ.
    pub tag: u64,
}

impl PassId {
    /// Key id, minted at, tag, big-endian in 4, 4 and 8 bytes: the shape of a code's identity.
    pub fn to_bytes(self) -> [u8; 16] {
        let number = u128::from(self.key_id.get()) << 96
            | u128::from(self.minted_at.get()) << 64
            | u128::from(self.tag);
        number.to_be_bytes()
    }
}

/// `p<key id>-<minted at>-<tag as 16 hex>`. The letter tells it from a code's id.
impl fmt::Display for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}-{}-{:016x}", self.key_id, self.minted_at, self.tag)
    }
}

/// Reads exactly what `Display` writes: one text for each id.
impl FromStr for PassId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str = "p<key id>-<minted at>-<tag, 16 hex digits>, such as \
                               p1-1800000012-9401acfced36a6bc";
        read(text).ok_or_else(|| UnknownWord::new("pass id", text, ALLOWED))
    }
}

fn read(text: &str) -> Option<PassId> {
    let (key_id, rest) = text.strip_prefix('p')?.split_once('-')?;
    let (minted_at, tag) = rest.split_once('-')?;
    let is_hex =
        tag.len() == 16 && tag.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    Some(PassId {
        key_id: PassKeyId::new(u8::try_from(number(key_id)?).ok()?)?,
        minted_at: IssuedAt::new(number(minted_at)?),
        tag: u64::from_str_radix(tag, 16).ok().filter(|_| is_hex)?,
    })
}

/// Decimal digits without a sign or leading zeros.
fn number(text: &str) -> Option<u32> {
    let is_plain =
        text.bytes().all(|digit| digit.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "p1-1800000012-9401acfced36a6bc";

    fn id() -> PassId {
        PassId {
            key_id: PassKeyId::new(1).unwrap(),
            minted_at: IssuedAt::new(1_800_000_012),
            tag: 0x9401_acfc_ed36_a6bc,
        }
    }

    #[test]
    fn it_is_written_and_packed_as_the_format_says() {
        assert_eq!(id().to_string(), TEXT);
        assert_eq!(id().to_bytes(), crate::sample::hex("000000016b49d20c9401acfced36a6bc"));
        let small = PassId { tag: 7, minted_at: IssuedAt::new(0), ..id() };
        assert_eq!(small.to_string(), "p1-0-0000000000000007");
        assert_eq!(small.to_string().parse(), Ok(small));
    }

    #[test]
    fn one_text_is_read_for_each_id() {
        assert_eq!(TEXT.parse(), Ok(id()));
        assert_eq!("p15-4294967295-ffffffffffffffff".parse::<PassId>().unwrap().tag, u64::MAX);
        for wrong in [
            "",
            "p",
            "1-1800000012-9401acfced36a6bc",
            "P1-1800000012-9401acfced36a6bc",
            "p0-1800000012-9401acfced36a6bc",
            "p16-1800000012-9401acfced36a6bc",
            "p257-1800000012-9401acfced36a6bc",
            "p01-1800000012-9401acfced36a6bc",
            "p+1-1800000012-9401acfced36a6bc",
            "p1-01800000012-9401acfced36a6bc",
            "p1-+1800000012-9401acfced36a6bc",
            "p1-4294967296-9401acfced36a6bc",
            "p1--9401acfced36a6bc",
            "p1-1800000012-9401ACFCED36A6BC",
            "p1-1800000012-9401acfced36a6b",
            "p1-1800000012-9401acfced36a6bc0",
            "p1-1800000012-+401acfced36a6bc",
            "p1-1800000012",
            "p1-1800000012-9401acfced36a6bc ",
            "p1-1800000012-9401acfced36a6bc-",
        ] {
            assert!(wrong.parse::<PassId>().is_err(), "{wrong:?}");
        }
        let error = "p0".parse::<PassId>().unwrap_err().to_string();
        assert!(error.contains("is not a pass id; allowed: p<key id>-<minted at>-"), "{error}");
    }
}
