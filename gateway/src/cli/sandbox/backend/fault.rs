//! What goes wrong on purpose, as the request header `Sandbox-Fault` says.

use http::HeaderMap;

/// What goes wrong on purpose.
pub(super) enum Fault {
    /// Do nothing, and answer whole, but with an error of the backend's own.
    Error,
    /// Do what was asked for, and lose the answer.
    Lost(Loss),
}

/// How an answer is lost.
pub(super) enum Loss {
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
    /// What the request asks for, if it asks.
    pub(super) fn wanted(headers: &HeaderMap) -> Result<Option<Self>, UnknownFault> {
        match headers.get("sandbox-fault").map(|value| value.as_bytes()) {
            None => Ok(None),
            Some(b"stall") => Ok(Some(Self::Lost(Loss::Stall))),
            Some(b"reset") => Ok(Some(Self::Lost(Loss::Reset))),
            Some(b"half") => Ok(Some(Self::Lost(Loss::Half))),
            Some(b"error") => Ok(Some(Self::Error)),
            Some(_) => Err(UnknownFault),
        }
    }
}
