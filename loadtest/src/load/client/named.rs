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
