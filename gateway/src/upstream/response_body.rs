//! The body of an answer that is passed on as it comes.

use std::task::{Context, Poll};

use bytes::Bytes;
use clock::Clock;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::{endpoints::InFlight, pool::Lease};
use crate::transport::{
    body::{self, Unread, Whole},
    deadline::Deadline,
};

/// An answer whose body is passed on as it comes.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    /// What had been read of it before it was known to be too large to hold.
    begin: Whole,
    body: Incoming,
    lease: Option<Lease>,
    stall_ms: u64,
    deadline: Deadline,
    _in_flight: InFlight,
}

impl ResponseBody {
    pub(crate) fn new(
        begin: Whole,
        body: Incoming,
        lease: Lease,
        stall_ms: u64,
        in_flight: InFlight,
    ) -> Self {
        let deadline = lease.deadline(stall_ms);
        let lease = Some(lease);
        Self { begin, body, lease, stall_ms, deadline, _in_flight: in_flight }
    }

    pub(crate) fn stall_ms(&self) -> u64 {
        self.stall_ms
    }

    /// Has all of it been passed on?
    pub(crate) fn is_over(&self) -> bool {
        self.begin.is_end_stream() && self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        body::longer(self.body.size_hint(), self.begin.len())
    }

    /// The next piece. A backend that sends nothing for `stall_ms` has broken off.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
    ) -> Poll<Result<Option<Frame<Bytes>>, Unread>> {
        if let Some(frame) = self.begin.next_frame() {
            if self.begin.is_end_stream() {
                // What it held of the memory for bodies is free again.
                self.begin = Whole::default();
            }
            return Poll::Ready(Ok(Some(frame)));
        }
        let frame = std::task::ready!(body::poll_answer(&mut self.body, &mut self.deadline, cx))?;
        if frame.is_none() || self.is_over() {
            if let Some(lease) = self.lease.take() {
                lease.give_back(clock.instant());
            }
        } else if let Some(lease) = &self.lease {
            self.deadline = lease.deadline(self.stall_ms);
        }
        Poll::Ready(Ok(frame))
    }
}
