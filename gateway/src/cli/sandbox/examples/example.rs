//! One command, and what it shows.

use std::fmt;

use crate::refusal::Refusal;

/// A command to paste.
pub(in crate::cli::sandbox) struct Example {
    pub(in crate::cli::sandbox) name: &'static str,
    pub(in crate::cli::sandbox) about: &'static str,
    pub(in crate::cli::sandbox) expected: Expected,
    pub(in crate::cli::sandbox) command: String,
}

pub(in crate::cli::sandbox) enum Expected {
    /// The gateway forwards, and the backend answers with this status.
    Approved(u16),
    Refused(Refusal),
    /// The same in the shape of hospital systems: status 200, the reason in the header and the body.
    Shaped(Refusal),
    Exit(u8),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approved(status) => write!(f, "{status} approved"),
            Self::Refused(refusal) => {
                write!(f, "{} {}", refusal.status().as_u16(), refusal.reason())
            }
            Self::Shaped(refusal) => write!(f, "200 {}", refusal.reason()),
            Self::Exit(status) => write!(f, "exit {status}"),
        }
    }
}

pub(super) fn approved(name: &'static str, about: &'static str, command: String) -> Example {
    Example { name, about, expected: Expected::Approved(200), command }
}

/// An example that is named after its refusal's reason.
pub(super) fn refused(refusal: Refusal, about: &'static str, command: String) -> Example {
    Example { name: refusal.reason(), about, expected: Expected::Refused(refusal), command }
}

pub(super) fn exits(
    status: u8,
    name: &'static str,
    about: &'static str,
    command: String,
) -> Example {
    Example { name, about, expected: Expected::Exit(status), command }
}

/// A refusal in the shape that a hospital system reads: its status is 200.
pub(super) fn shaped(
    refusal: Refusal,
    name: &'static str,
    about: &'static str,
    command: String,
) -> Example {
    Example { name, about, expected: Expected::Shaped(refusal), command }
}
