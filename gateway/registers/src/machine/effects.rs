//! What goes into the machine and comes out of it.

use std::{fmt, io};

use keyring::time::UnixMillis;

use super::operations::Ticket;
use crate::protocol::eligibility::Ineligible;

/// The time of an input, by the node's clocks.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Moment {
    /// The time of day.
    pub(crate) at: UnixMillis,
    /// Nanoseconds since some fixed moment; no step of the clock moves them.
    pub(crate) ns: u64,
}

/// What the driver is to do after an input.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Wake the caller of each of these: its operation has ended.
    pub(crate) ended: Vec<Ticket>,
    /// Look at these connections: there is something to write, or one is to be closed.
    pub(crate) stirred: Vec<usize>,
    /// There was no deadline, and now there is one.
    pub(crate) has_timer: bool,
    /// Count these, and tell the operator.
    pub(crate) notices: Vec<Notice>,
}

/// What is counted or logged.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Notice {
    /// A register refused a command.
    Refused { index: usize },
    /// A register answered a batch of claims.
    Answered { index: usize, ns: u64 },
    /// The handshake is done.
    Up { index: usize },
    /// Why a register does not vote has changed.
    Eligibility { index: usize, before: Option<Ineligible>, now: Option<Ineligible>, is_up: bool },
    /// A memory that was read from somewhere was begun anew by this worker.
    Inherited { index: usize },
    /// Less than a majority of a group could be asked.
    QuorumFailed { group: usize },
}

/// How a connection ended, and when the driver is to try again.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lost {
    /// The handshake had been done.
    pub(crate) was_up: bool,
    /// 0: at once.
    pub(crate) retry_ms: u64,
}

/// The end of a connection, by what the register said on it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Broken {
    /// Its bytes are no answer, or one that is not due.
    Garbled,
    /// It refused what the protocol needs. Its own words; it does not repeat what it was told.
    Refused(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbled => io::Error::from(io::ErrorKind::InvalidData).fmt(f),
            Self::Refused(text) => f.write_str(text),
        }
    }
}
