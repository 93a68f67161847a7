//! What is held for a person: one entry for each (subject, facet), and its text form.

mod channels;
mod day;
mod facet;
mod value;

pub(crate) use self::value::{end_of, epoch_of, facet_of, raised_at, second_of};
pub use self::{
    day::Day,
    facet::{Cause, Facet, Member, Relation},
    value::{Entry, Floor, Value},
};

/// A text of the store that is none of the allowed forms. It does not show the text, which may name
/// a person.
#[derive(Copy, Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what} is malformed; allowed: {allowed}")]
pub struct FormatError {
    what: &'static str,
    allowed: &'static str,
}

impl FormatError {
    pub(crate) const fn new(what: &'static str, allowed: &'static str) -> Self {
        Self { what, allowed }
    }
}

/// Reads a number of the only allowed form: no sign, no leading zero.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let has_form = text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| has_form)
}
