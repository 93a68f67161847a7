//! What a cashier asks a till for.

use serde::Deserialize;

use super::words::Objection;
use crate::cli::sandbox::backend::Fault;

/// What a till does.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(in crate::cli::sandbox::pages) enum Verb {
    /// 1162: the code becomes a pass. A new bill begins.
    Decode,
    /// 1101: who is it?
    Identify,
    /// 2206: what is there to pay?
    Presettle,
    /// 2207: money moves.
    Settle,
    /// What does the book say?
    Query,
    /// 2601, 冲正.
    Reverse,
    /// The same bytes again.
    Retry,
}

/// The body of a request. What a verb does not need is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// What the scanner read, for `decode`.
    pub(super) code: Option<String>,
    /// In place of it: the number of the phone whose code is taken, or `newest`.
    pub(super) phone: Option<PhoneName>,
    /// Yuan, for `decode` and `presettle`.
    pub(super) amount: Option<String>,
    /// The header `Sandbox-Fault` of this request.
    pub(super) fault: Option<String>,
}

/// A phone as a program or a person names it: 1, "1" or "newest".
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum PhoneName {
    Number(u8),
    Text(String),
}

impl PhoneName {
    /// `None`: the one with the newest code.
    pub(super) fn number(&self) -> Option<u8> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl Verb {
    const ALL: [Self; 7] = [
        Self::Decode,
        Self::Identify,
        Self::Presettle,
        Self::Settle,
        Self::Query,
        Self::Reverse,
        Self::Retry,
    ];

    /// The last part of the endpoint's path.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Identify => "identify",
            Self::Presettle => "presettle",
            Self::Settle => "settle",
            Self::Query => "query",
            Self::Reverse => "reverse",
            Self::Retry => "retry",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// The till and the verb of `/sandbox/till/N/VERB`.
    pub(in crate::cli::sandbox::pages) fn at(path: &str) -> Option<(u8, Self)> {
        let (number, verb) = path.strip_prefix("/sandbox/till/")?.split_once('/')?;
        let number = match number {
            "1" => 1,
            "2" => 2,
            _ => return None,
        };
        Some((number, Self::named(verb)?))
    }

    /// Whether a call without an answer may have spent a code or a pass.
    pub(super) const fn spends(self) -> bool {
        matches!(self, Self::Decode | Self::Settle)
    }
}

impl Order {
    /// # Errors
    /// There is no such fault.
    pub(super) fn fault(&self) -> Result<Option<Fault>, Objection> {
        let Some(name) = self.fault.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        Fault::named(name).map(Some).ok_or(Objection::Fault)
    }

    /// Yuan with two digits behind the point.
    ///
    /// # Errors
    /// It is no amount of money, or none.
    pub(super) fn amount(&self) -> Result<Option<String>, Objection> {
        let Some(text) = self.amount.as_deref() else { return Ok(None) };
        let (yuan, fen) = text.split_once('.').unwrap_or((text, "00"));
        let is_number = |digits: &str, most: usize| {
            (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_more = text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        if is_number(yuan, 6) && is_number(fen, 2) && is_more {
            return Ok(Some(format!("{yuan}.{fen:0<2}")));
        }
        Err(Objection::Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_till_and_a_verb() {
        assert_eq!(Verb::at("/sandbox/till/1/decode"), Some((1, Verb::Decode)));
        assert_eq!(Verb::at("/sandbox/till/2/retry"), Some((2, Verb::Retry)));
        for other in ["/sandbox/till/3/decode", "/sandbox/till/1/", "/sandbox/till/1/pay", "/till"]
        {
            assert_eq!(Verb::at(other), None, "{other}");
        }
    }

    #[test]
    fn an_amount_has_two_digits_behind_the_point() {
        let amount = |text: &str| Order { amount: Some(text.into()), ..Order::default() }.amount();
        for (text, expected) in [("100", "100.00"), ("7.5", "7.50"), ("0.05", "0.05")] {
            assert_eq!(amount(text), Ok(Some(expected.to_owned())));
        }
        for text in ["", "0", "0.00", "-1", "1.234", "1234567", "1.", ".5", "1e2", "１"] {
            assert_eq!(amount(text), Err(Objection::Amount), "{text}");
        }
        assert_eq!(Order::default().amount(), Ok(None));
    }
}
