//! What an answer names: the code or pass that it spent, and the pass of the visit.

use crate::judge::redemption::Redemption;
use crate::load::codes::text::PassText;

/// What an answer names.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Named {
    /// `Yanma-Redemption`
    pub redemption: Option<Redemption>,
    /// `Yanma-Pass`
    pub pass: Option<PassText>,
    /// `Yanma-Pass-Id`
    pub pass_id: Option<Redemption>,
}

impl Named {
    /// Notes a field of an answer.
    pub fn note(&mut self, name: &str, value: &[u8]) {
        if name.eq_ignore_ascii_case("yanma-redemption") {
            self.redemption = Redemption::parse(value);
        } else if name.eq_ignore_ascii_case("yanma-pass") {
            self.pass = value.try_into().ok();
        } else if name.eq_ignore_ascii_case("yanma-pass-id") {
            self.pass_id = Redemption::parse(value);
        }
    }

    /// The pass that it hands out, with its id.
    pub fn handed_out(&self) -> Option<(PassText, Redemption)> {
        Some((self.pass?, self.pass_id?))
    }
}

impl From<Option<Redemption>> for Named {
    fn from(redemption: Option<Redemption>) -> Self {
        Self { redemption, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_handed_out_with_its_id_or_not_at_all() {
        let mut named = Named::default();
        named.note("Yanma-Pass", b"2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwf");
        named.note("Yanma-Pass-Id", b"p1-1800000012-9401acfced36a6bc");
        assert_eq!(named.handed_out(), None);
        named.note("yanma-pass", b"2790s501nkyetdn6qhhz9y63ycgwchz89gjjxwfr");
        let (text, id) = named.handed_out().unwrap();
        assert!(text.starts_with(b"2790") && id.serial == 0x9401_acfc_ed36_a6bc);
        assert_eq!(named.redemption, None);
    }
}
