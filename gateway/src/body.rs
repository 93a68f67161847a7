//! Bodies on their way: held whole, or passed on as they come within a bound of bytes and time.

use std::{
    cell::Cell,
    convert::Infallible,
    future::Future as _,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{headers, limits, refusal::Refusal, sweep::Deadline};

/// A body that is in memory to its last byte.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    data: Option<Bytes>,
    trailers: Option<Box<HeaderMap>>,
}

impl Whole {
    pub(crate) fn new(data: Bytes) -> Self {
        Self { data: (!data.is_empty()).then_some(data), trailers: None }
    }

    pub(crate) fn with(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self { trailers: trailers.map(Box::new), ..Self::new(data) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.data.as_deref().unwrap_or_default()
    }

    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_deref()
    }

    pub(crate) fn len(&self) -> usize {
        self.data.as_ref().map_or(0, Bytes::len)
    }

    pub(crate) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    pub(crate) fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        match self.data.take() {
            Some(data) => Some(Frame::data(data)),
            None => self.trailers.take().map(|trailers| Frame::trailers(*trailers)),
        }
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_frame().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // With trailers the length is left open, so that the body goes out in chunks.
        if self.has_trailers() {
            return SizeHint::new();
        }
        SizeHint::with_exact(u64::try_from(self.len()).unwrap_or(u64::MAX))
    }
}

/// Why a body could not be read to its end.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum Unread {
    TooLarge,
    TooSlow,
    /// The peer broke off, or its framing was wrong.
    Broken,
}

impl Unread {
    /// What the client is told when its own upload failed.
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Unread::TooLarge => Refusal::RequestTooLarge,
            Unread::TooSlow => Refusal::RequestTimeout,
            Unread::Broken => Refusal::RequestMalformed,
        }
    }

    /// The same for the client's developer.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Unread::TooLarge => "the body is longer than the gateway's limits.body_bytes_max",
            Unread::TooSlow => "the body did not end within the gateway's timeouts.body_ms",
            Unread::Broken => {
                "the body broke off before its end, or its chunks are not well formed"
            }
        }
    }
}

/// A body that was not read to its end, and what was read of it.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) why: Unread,
    pub(crate) read: Bytes,
}

/// Reads a body to its end, into at most `bytes_max` bytes. The usual body comes in one piece
/// and is not copied.
///
/// Not cancel safe: what was read is lost.
pub(crate) async fn read_whole(
    body: &mut Incoming,
    bytes_max: usize,
    deadline: &mut Deadline,
) -> Result<Whole, Cut> {
    let mut pieces = Pieces::default();
    if declared_len(body) > bytes_max {
        return Err(pieces.cut(Unread::TooLarge));
    }
    let mut trailers = None;
    loop {
        match next_frame(body, deadline).await {
            Err(why) => return Err(pieces.cut(why)),
            Ok(None) => return Ok(Whole { trailers, ..Whole::new(pieces.join()) }),
            Ok(Some(frame)) => match frame.into_data() {
                Ok(data) => pieces.append(data),
                Err(frame) => trailers = passing_trailers(frame),
            },
        }
        if pieces.len() > bytes_max {
            return Err(pieces.cut(Unread::TooLarge));
        }
    }
}

/// A body being put together; one that comes in a single piece is never copied.
#[derive(Debug, Default)]
struct Pieces {
    first: Bytes,
    rest: BytesMut,
}

impl Pieces {
    fn len(&self) -> usize {
        if self.rest.is_empty() { self.first.len() } else { self.rest.len() }
    }

    fn append(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest.reserve((self.first.len() + data.len()) * 2);
            self.rest.extend_from_slice(&self.first);
        }
        self.rest.extend_from_slice(&data);
    }

    fn join(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }

    fn cut(self, why: Unread) -> Cut {
        Cut { why, read: self.join() }
    }
}

/// Reads and forgets a little of a body whose request is refused, so that the client hears the
/// refusal instead of a reset. Bounded in bytes and time; says whether the end was reached.
pub(crate) async fn discard(body: &mut Incoming, deadline: &mut Deadline) -> bool {
    let mut left = limits::BODY_DRAIN_BYTES_MAX;
    while left > 0 {
        match next_frame(body, deadline).await {
            Ok(Some(frame)) => {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
    body.is_end_stream()
}

fn passing_trailers(frame: Frame<Bytes>) -> Option<Box<HeaderMap>> {
    let mut trailers = frame.into_trailers().ok()?;
    headers::clean_trailers(&mut trailers);
    (!trailers.is_empty()).then(|| Box::new(trailers))
}

async fn next_frame(
    body: &mut Incoming,
    deadline: &mut Deadline,
) -> Result<Option<Frame<Bytes>>, Unread> {
    if body.is_end_stream() {
        return Ok(None);
    }
    std::future::poll_fn(|cx| poll_frame(body, deadline, cx)).await
}

fn poll_frame(
    body: &mut Incoming,
    deadline: &mut Deadline,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Frame<Bytes>>, Unread>> {
    match Pin::new(body).poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(frame.transpose().map_err(|_| Unread::Broken)),
        Poll::Pending => Pin::new(deadline).poll(cx).map(|()| Err(Unread::TooSlow)),
    }
}

fn declared_len(body: &Incoming) -> usize {
    body.size_hint().exact().map_or(0, |len| usize::try_from(len).unwrap_or(usize::MAX))
}

/// Where an [`Upload`] leaves word of its end: it was read whole, or why it was not. The error that
/// reaches hyper's client says only that it was not.
pub(crate) type UploadEnd = Rc<Cell<Option<Result<(), Unread>>>>;

/// A client's upload that is passed on as it comes, within a bound of bytes and time.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Incoming,
    left: usize,
    deadline: Deadline,
    end: UploadEnd,
}

impl Upload {
    /// # Errors
    ///
    /// [`Unread::TooLarge`] when the length that the head declares is over the bound.
    pub(crate) fn new(
        body: Incoming,
        bytes_max: usize,
        deadline: Deadline,
    ) -> Result<(Self, UploadEnd), Unread> {
        if declared_len(&body) > bytes_max {
            return Err(Unread::TooLarge);
        }
        let end = UploadEnd::default();
        let upload = Self { body, left: bytes_max, deadline, end: Rc::clone(&end) };
        Ok((upload, end))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Unread>> {
        let frame = ready!(poll_frame(&mut self.body, &mut self.deadline, cx))?;
        let Some(frame) = frame else { return Poll::Ready(Ok(None)) };
        Poll::Ready(match frame.into_data() {
            Ok(data) => match self.left.checked_sub(data.len()) {
                Some(left) => {
                    self.left = left;
                    Ok(Some(Frame::data(data)))
                }
                None => Err(Unread::TooLarge),
            },
            Err(frame) => Ok(passing_trailers(frame).map(|trailers| Frame::trailers(*trailers))),
        })
    }
}

/// What the gateway sends to a backend.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Whole(Whole),
    Upload(Upload),
}

/// A body that broke off.
#[derive(Debug, thiserror::Error)]
#[error("the body was not whole")]
pub(crate) struct NotWhole;

impl Body for Outgoing {
    type Data = Bytes;
    type Error = NotWhole;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NotWhole>>> {
        match self.get_mut() {
            Outgoing::Whole(whole) => Poll::Ready(whole.next_frame().map(Ok)),
            Outgoing::Upload(upload) => match ready!(upload.poll(cx)) {
                Ok(frame) => {
                    // Trailers come last. hyper does not ask again where it knows that nothing comes.
                    if !frame.as_ref().is_some_and(Frame::is_data) || upload.body.is_end_stream() {
                        upload.end.set(Some(Ok(())));
                    }
                    Poll::Ready(frame.map(Ok))
                }
                Err(unread) => {
                    upload.end.set(Some(Err(unread)));
                    Poll::Ready(Some(Err(NotWhole)))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Outgoing::Whole(whole) => whole.is_end_stream(),
            Outgoing::Upload(upload) => upload.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Whole(whole) => whole.size_hint(),
            Outgoing::Upload(upload) => upload.body.size_hint(),
        }
    }
}

/// One frame of a backend's answer, or why there is none; the answer's own time limit applies.
pub(crate) fn poll_answer(
    body: &mut Incoming,
    deadline: &mut Deadline,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Frame<Bytes>>, Unread>> {
    let frame = ready!(poll_frame(body, deadline, cx))?;
    let Some(frame) = frame else { return Poll::Ready(Ok(None)) };
    Poll::Ready(Ok(match frame.into_data() {
        Ok(data) => Some(Frame::data(data)),
        Err(frame) => passing_trailers(frame).map(|trailers| Frame::trailers(*trailers)),
    }))
}
