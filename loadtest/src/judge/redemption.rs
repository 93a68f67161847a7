//! The value of `Yanma-Redemption`, and of `Yanma-Pass-Id`.

use std::fmt;

/// What is spent, once.
#[derive(Copy, Clone, Debug, Eq, Hash, PartialEq)]
pub enum Spendable {
    /// A code.
    Code,
    /// A pass.
    Pass,
}

/// Which code or pass was spent.
#[derive(Copy, Clone, Debug, Eq, Hash, PartialEq)]
pub struct Redemption {
    /// Whether it is a code or a pass.
    pub what: Spendable,
    /// The id of the issuer's key, or of the pass key.
    pub key_id: u32,
    /// The second of issue, Unix time. A pass is issued when its code is spent.
    pub issued_at_s: u32,
    /// The serial of a code, or the tag of a pass.
    pub serial: u64,
}

impl Redemption {
    /// Reads `<key id>-<issued at>-<serial as 16 hex>`. A pass has a `p` before it.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let (what, text) = match text.strip_prefix('p') {
            Some(rest) => (Spendable::Pass, rest),
            None => (Spendable::Code, text),
        };
        let mut parts = text.split('-');
        let key_id = parts.next()?.parse().ok()?;
        let issued_at_s = parts.next()?.parse().ok()?;
        let serial = parts.next().filter(|serial| serial.len() == 16)?;
        let serial = u64::from_str_radix(serial, 16).ok()?;
        parts.next().is_none().then_some(Self { what, key_id, issued_at_s, serial })
    }
}

impl fmt::Display for Redemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, key_id, issued_at_s, serial } = self;
        let mark = if *what == Spendable::Pass { "p" } else { "" };
        write!(f, "{mark}{key_id}-{issued_at_s}-{serial:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_told_from_a_code() {
        let code = Redemption::parse(b"1-1800000012-9401acfced36a6bc").unwrap();
        let pass = Redemption::parse(b"p1-1800000012-9401acfced36a6bc").unwrap();
        assert_eq!((code.what, pass.what), (Spendable::Code, Spendable::Pass));
        assert_eq!(Redemption { what: Spendable::Pass, ..code }, pass);
        assert_eq!(pass.to_string(), "p1-1800000012-9401acfced36a6bc");
        assert_eq!(code.to_string(), "1-1800000012-9401acfced36a6bc");
        assert_eq!(Redemption::parse(b"pp1-1800000012-9401acfced36a6bc"), None);
    }
}
