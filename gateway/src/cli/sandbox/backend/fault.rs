//! What goes wrong on purpose: for one request by its header `Sandbox-Fault`, for all settlements by
//! the [`Switch`](super::Switch).

use http::HeaderMap;

/// What goes wrong on purpose.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Do nothing, and answer whole, but with an error of the backend's own.
    Error,
    /// Lose the answer.
    Lost {
        /// How it is lost.
        loss: Loss,
        /// Whether what was asked for is done before. If not, nothing is done.
        is_booked: bool,
    },
}

/// How an answer is lost.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Never answer.
    Stall,
    /// Reset the connection.
    Reset,
    /// Send half of the answer, then close.
    Half,
}

/// `Sandbox-Fault` has a value that is not listed.
pub(super) struct UnknownFault;

impl Fault {
    const NAMES: [(Self, &'static str); 7] = [
        (Self::Error, "error"),
        (Self::Lost { loss: Loss::Stall, is_booked: false }, "stall"),
        (Self::Lost { loss: Loss::Reset, is_booked: false }, "reset"),
        (Self::Lost { loss: Loss::Half, is_booked: false }, "half"),
        (Self::Lost { loss: Loss::Stall, is_booked: true }, "stall-booked"),
        (Self::Lost { loss: Loss::Reset, is_booked: true }, "reset-booked"),
        (Self::Lost { loss: Loss::Half, is_booked: true }, "half-booked"),
    ];

    /// The value of `Sandbox-Fault`.
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.into_iter().find(|(fault, _)| *fault == self);
        named.map_or("error", |(_, name)| name)
    }

    /// `None`: there is no such fault.
    pub fn named(name: &str) -> Option<Self> {
        let named = Self::NAMES.into_iter().find(|(_, listed)| *listed == name);
        named.map(|(fault, _)| fault)
    }

    /// What the request asks for, if it asks.
    pub(super) fn wanted(headers: &HeaderMap) -> Result<Option<Self>, UnknownFault> {
        let Some(value) = headers.get("sandbox-fault") else { return Ok(None) };
        let fault = value.to_str().ok().and_then(Self::named);
        fault.map(Some).ok_or(UnknownFault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_one_name() {
        for (fault, name) in Fault::NAMES {
            assert_eq!((fault.name(), Fault::named(name)), (name, Some(fault)));
        }
        for unknown in ["", "booked", "error-booked", "Stall", "stall ", "works", "down"] {
            assert_eq!(Fault::named(unknown), None, "{unknown}");
        }
    }
}
