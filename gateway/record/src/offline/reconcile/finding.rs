//! What reconciling finds.

use std::fmt;

/// One finding. Its text is for a person.
#[derive(Debug, Clone, Eq, PartialEq)]
pub enum Finding {
    /// A redemption that was forwarded, or spent, more than once.
    Double(String),
    /// A chain that is not whole, or a line that is not as it was written.
    Broken(String),
    /// An unknown outcome: the backend must be asked.
    Unknown(String),
    /// What an auditor should know and is no fault.
    Note(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, text) = match self {
            Self::Double(text) => ("DOUBLE", text),
            Self::Broken(text) => ("BROKEN", text),
            Self::Unknown(text) => ("UNKNOWN", text),
            Self::Note(text) => ("NOTE", text),
        };
        write!(f, "{word:<8} {text}")
    }
}
