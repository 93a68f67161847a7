//! `GET /accounts/export`: all that is held, a line for each entry, from memory. It is answered also
//! while what is held is stale.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use accounts::{Blocks, Table};
use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt as _;
use std::sync::Arc;

use super::{
    answer::{self, Body},
    line,
};

/// An answer that streams all entries of the table.
pub(super) fn all(table: Arc<Table>) -> Response<Body> {
    answer::of(Lines(Blocks::new(table)).boxed_unsync(), "application/x-ndjson")
}

struct Lines(Blocks);

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    /// A block is made when the client has taken the one before.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let block = self.0.next().map(|entries| {
            let mut out = Vec::new();
            for (subject, entry) in entries {
                line::write(subject, entry, &mut out);
            }
            Ok(Frame::data(Bytes::from(out)))
        });
        Poll::Ready(block)
    }
}
