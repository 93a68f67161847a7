//! Why a body is refused: a label for a metric, and a sentence for the client's developer.

use std::borrow::Cow;

/// The kind of a fault. A closed list: each is a label of a metric.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum Why {
    /// The bytes are not of the charset, or the declared charset is unknown.
    Charset,
    /// `Content-Type` or `Content-Encoding` is not one that is read.
    Type,
    /// The text is not JSON, or a text on a pointer's way is not.
    Syntax,
    /// Two names are alike, or one is alike to the wanted name and not equal to it.
    Duplicate,
    /// A pointer leads through what is no object.
    Pointer,
    /// A value is of the wrong type, or not one of those allowed.
    Value,
    /// The infno is missing or not well-formed, or the query names it too.
    Infno,
}

impl Why {
    /// All kinds, for a metric that shows each from the start.
    pub const ALL: [Self; 7] = [
        Self::Charset,
        Self::Type,
        Self::Syntax,
        Self::Duplicate,
        Self::Pointer,
        Self::Value,
        Self::Infno,
    ];

    /// The label's value.
    pub fn label(self) -> &'static str {
        match self {
            Self::Charset => "charset",
            Self::Type => "type",
            Self::Syntax => "syntax",
            Self::Duplicate => "duplicate",
            Self::Pointer => "pointer",
            Self::Value => "value",
            Self::Infno => "infno",
        }
    }
}

/// The body is refused: `request_malformed`.
///
/// The sentence says what is allowed and names the pointer. It never holds a name or value that
/// the client sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{detail}")]
pub struct Malformed {
    why: Why,
    detail: Cow<'static, str>,
}

impl Malformed {
    pub(crate) fn new(why: Why, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { why, detail: detail.into() }
    }

    /// The kind of the fault.
    pub fn why(&self) -> Why {
        self.why
    }

    /// The sentence for the client's developer.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}
