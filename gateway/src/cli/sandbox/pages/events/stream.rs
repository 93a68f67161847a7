//! The body of an answer that does not end: the events of one page.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::{
    feed::Feed,
    streams::{Crowded, Ticket},
};

/// A stream of events. It ends if its reader is too slow; a browser then opens it anew and resumes.
///
/// Each frame is one or two whole events. Dropping it gives its place back.
#[derive(Debug)]
pub(in crate::cli::sandbox::pages) struct EventStream {
    feed: Rc<Feed>,
    ticket: Ticket,
}

impl EventStream {
    pub(super) fn open(feed: &Rc<Feed>, after: Option<&str>) -> Result<Self, Crowded> {
        Ok(Self { ticket: feed.open(after)?, feed: Rc::clone(feed) })
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.feed.poll(self.ticket, context).map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.feed.close(self.ticket);
    }
}
