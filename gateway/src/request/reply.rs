//! The body of an answer to the client, and what is counted when it has gone out or broken off.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::{
    request::context::RequestContext,
    transport::body::{NotWhole, Whole},
    transport::connection_state::Active,
    upstream,
};

/// The body of an answer to the client.
#[derive(Debug)]
pub(crate) struct Reply {
    source: Source,
    /// The request is under way until its answer's last byte was handed over.
    active: Option<Active>,
    write_ms: Option<u64>,
    /// To this client only the end of the connection ends the answer.
    ends_by_close: bool,
}

#[derive(Debug)]
enum Source {
    Whole(Whole),
    Backend(Box<upstream::ResponseBody>, Rc<RequestContext>),
}

impl Reply {
    pub(crate) fn whole(whole: Whole) -> Self {
        Self { source: Source::Whole(whole), active: None, write_ms: None, ends_by_close: false }
    }

    /// An answer that is passed on as it comes: approved once it has come whole. If it breaks
    /// off, or its client leaves, `call` counts the outcome as unknown.
    ///
    /// `ends_by_close`: the client of this answer sees its end by that of the connection alone.
    pub(crate) fn stream(
        answer: upstream::ResponseBody,
        call: Rc<RequestContext>,
        ends_by_close: bool,
    ) -> Self {
        let source = Source::Backend(Box::new(answer), call);
        Self { source, active: None, write_ms: None, ends_by_close }
    }

    /// Ties the answer to its request. `write_ms`: how long a client may leave a piece of it
    /// untaken, where only the stream and not the socket shows that.
    pub(crate) fn during(self, mut active: Active, write_ms: Option<u64>) -> Self {
        if let Some(write_ms) = write_ms {
            active.expect_reader(write_ms);
        }
        let mut reply = Self { active: Some(active), write_ms, ..self };
        // Only HTTP/2 can drop one answer and keep its connection.
        if write_ms.is_some() && reply.is_end_stream() {
            reply.mark_handed_over();
        }
        reply
    }

    fn mark_handed_over(&mut self) {
        if let Some(active) = self.active.as_mut() {
            active.mark_answered();
        }
    }

    fn was_read(&mut self) {
        let patience_ms = match &self.source {
            Source::Whole(_) => 0,
            Source::Backend(answer, _) => answer.stall_ms(),
        };
        if let (Some(active), Some(write_ms)) = (self.active.as_mut(), self.write_ms) {
            active.expect_reader(write_ms.saturating_add(patience_ms));
        }
    }
}

impl Source {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, NotWhole>>> {
        match self {
            Source::Whole(whole) => Poll::Ready(whole.next_frame().map(Ok)),
            Source::Backend(answer, call) => {
                match ready!(answer.poll_frame(cx, call.worker.clock())) {
                    Ok(frame) => {
                        if answer.is_over() {
                            call.approved();
                        }
                        Poll::Ready(frame.map(Ok))
                    }
                    Err(_) => Poll::Ready(Some(Err(NotWhole))),
                }
            }
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = NotWhole;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NotWhole>>> {
        let this = self.get_mut();
        this.was_read();
        let frame = ready!(this.source.poll_frame(cx));
        if let Some(Err(_)) = frame
            && this.ends_by_close
            && let Some(active) = &this.active
        {
            active.breaks_off();
        }
        let is_multiplexed = this.write_ms.is_some();
        if is_multiplexed && (matches!(frame, None | Some(Err(_))) || this.is_end_stream()) {
            this.mark_handed_over();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(whole) => whole.is_end_stream(),
            Source::Backend(answer, _) => answer.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(whole) => whole.size_hint(),
            Source::Backend(answer, _) => answer.size_hint(),
        }
    }
}
