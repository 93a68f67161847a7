//! An answer on its way: whole, or cut after its first half.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use serde::Serialize;

/// An answer before it is sent.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) text: Bytes,
}

impl Answer {
    /// JSON in UTF-8 that a person can read.
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self { status, content_type: "application/json", text: pretty(value).into() }
    }
}

/// JSON in lines, with an end of line.
pub(super) fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("maps with text keys");
    text.push('\n');
    text
}

/// The body of an answer: whole, or cut after its first half.
pub(super) struct Reply {
    text: Bytes,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    SendWhole,
    SendHalf,
    /// The half must leave hyper's buffer before the error throws the buffer away.
    FlushHalf,
    Break,
    End,
}

/// The body's error that makes hyper close in the middle of an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut short on request")]
pub(super) struct CutShort;

impl Reply {
    pub(super) fn whole(answer: Answer) -> Response<Self> {
        Self::response(answer, Step::SendWhole)
    }

    pub(super) fn half(answer: Answer) -> Response<Self> {
        Self::response(answer, Step::SendHalf)
    }

    fn response(answer: Answer, step: Step) -> Response<Self> {
        let Answer { status, content_type, text } = answer;
        let mut response = Response::new(Self { text, step });
        *response.status_mut() = status;
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        match self.step {
            Step::SendWhole => {
                self.step = Step::End;
                Poll::Ready(Some(Ok(Frame::data(self.text.clone()))))
            }
            Step::SendHalf => {
                self.step = Step::FlushHalf;
                let half = self.text.slice(..self.text.len() / 2);
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Step::FlushHalf => {
                self.step = Step::Break;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Break => Poll::Ready(Some(Err(CutShort))),
            Step::End => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.step, Step::End)
    }

    fn size_hint(&self) -> SizeHint {
        match self.step {
            Step::End => SizeHint::with_exact(0),
            _ => SizeHint::with_exact(u64::try_from(self.text.len()).expect("fits in memory")),
        }
    }
}
