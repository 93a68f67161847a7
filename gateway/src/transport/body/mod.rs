//! Bodies on their way: held whole, or passed on as they come within a bound of bytes and time.

use std::{
    cell::Cell,
    convert::Infallible,
    future::Future as _,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::{
    http::fields,
    limits,
    refusal::{Limit, Refusal, Refused},
    transport::body_memory::{BodyMemory, Held, NoRoom},
    transport::deadline::Deadline,
};

/// A body that is in memory to its last byte.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    data: Option<Bytes>,
    trailers: Option<Box<HeaderMap>>,
    /// Its part of the memory for bodies, if it is large.
    _held: Option<Held>,
}

impl Whole {
    pub(crate) fn new(data: Bytes) -> Self {
        Self { data: (!data.is_empty()).then_some(data), ..Self::default() }
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

    /// The next piece. A large body goes out in several, so that what is not sent yet stays here,
    /// where it is counted, and not in a buffer of the HTTP engine.
    pub(crate) fn next_frame(&mut self) -> Option<Frame<Bytes>> {
        match &mut self.data {
            Some(data) if data.len() > limits::BODY_PIECE_BYTES => {
                Some(Frame::data(data.split_to(limits::BODY_PIECE_BYTES)))
            }
            Some(_) => self.data.take().map(Frame::data),
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
    /// All bodies together hold as much memory as they may.
    NoRoom,
    /// The peer broke off, or its framing was wrong.
    Broken,
}

impl Unread {
    /// What the client is told when its own upload failed.
    pub(crate) fn refused(self) -> Refused {
        let refused = match self {
            Unread::TooLarge => Refused::for_limit(Refusal::RequestTooLarge, Limit::BodyBytes),
            Unread::TooSlow => Refusal::RequestTimeout.into(),
            Unread::NoRoom => Refused::for_limit(Refusal::Overloaded, Limit::BodyMemory),
            Unread::Broken => Refusal::RequestMalformed.into(),
        };
        refused.with_detail(self.detail())
    }

    fn detail(self) -> &'static str {
        match self {
            Unread::TooLarge => "the body is longer than the gateway's limits.body_bytes_max",
            Unread::TooSlow => "the body did not end within the gateway's timeouts.body_ms",
            Unread::NoRoom => "all uploads together hold limits.body_memory_mib already",
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
    pub(crate) read: Whole,
}

/// What a body may take while it is put together.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    pub(crate) memory: &'a Arc<BodyMemory>,
    /// Bytes of all bodies. Absent: this one is owed, and counts without being refused.
    pub(crate) memory_max: Option<usize>,
    /// Bytes of this body.
    pub(crate) bytes_max: usize,
}

/// Reads a body to its end, within `room`. The usual body comes in one piece and is not copied.
///
/// Not cancel safe: what was read is lost.
pub(crate) async fn read_whole(
    body: &mut Incoming,
    room: &Room<'_>,
    deadline: &mut Deadline,
) -> Result<Whole, Cut> {
    match read(body, room, deadline, usize::MAX).await? {
        Begun::Whole(whole) => Ok(whole),
        Begun::Coming(_) => unreachable!("no body has so many bytes"),
    }
}

/// An upload whose beginning has come.
#[derive(Debug)]
pub(crate) enum Begun {
    /// And its end too.
    Whole(Whole),
    /// These bytes, and more will come.
    Coming(Bytes),
}

/// Reads the beginning of a body: all of a usual one, [`limits::BODY_FREE_BYTES`] of a large one.
/// Where little more than nothing has come, nothing can be asked of a backend.
///
/// Not cancel safe: what was read is lost.
pub(crate) async fn read_beginning(
    body: &mut Incoming,
    room: &Room<'_>,
    deadline: &mut Deadline,
) -> Result<Begun, Unread> {
    read(body, room, deadline, limits::BODY_FREE_BYTES).await.map_err(|cut| cut.why)
}

async fn read(
    body: &mut Incoming,
    room: &Room<'_>,
    deadline: &mut Deadline,
    enough: usize,
) -> Result<Begun, Cut> {
    let declared = declared_len(body);
    let mut pieces = Pieces::default();
    if declared.is_some_and(|len| len > room.bytes_max) {
        return Err(pieces.cut(Unread::TooLarge));
    }
    let mut trailers = None;
    loop {
        match next_frame(body, deadline).await {
            Err(why) => return Err(pieces.cut(why)),
            Ok(None) => return Ok(Begun::Whole(Whole { trailers, ..pieces.join() })),
            Ok(Some(frame)) => match frame.into_data() {
                Ok(data) => {
                    if let Err(NoRoom) = pieces.append(data, declared, room) {
                        return Err(pieces.cut(Unread::NoRoom));
                    }
                }
                Err(frame) => trailers = passing_trailers(frame),
            },
        }
        if pieces.len() > room.bytes_max {
            return Err(pieces.cut(Unread::TooLarge));
        }
        if pieces.len() >= enough && !body.is_end_stream() {
            return Ok(Begun::Coming(pieces.join().data.unwrap_or_default()));
        }
    }
}

/// A body being put together; one that comes in a single piece is never copied.
#[derive(Debug, Default)]
struct Pieces {
    first: Bytes,
    rest: Vec<u8>,
    held: Option<Held>,
}

impl Pieces {
    fn len(&self) -> usize {
        if self.rest.is_empty() { self.first.len() } else { self.rest.len() }
    }

    fn append(
        &mut self,
        data: Bytes,
        declared: Option<usize>,
        room: &Room<'_>,
    ) -> Result<(), NoRoom> {
        if self.len() == 0 {
            self.hold(data.len(), room)?;
            self.first = data;
            return Ok(());
        }
        let len = self.len() + data.len();
        if len > self.rest.capacity() {
            // Room is doubled, so that little is copied, but not beyond what can still come.
            let most = declared.unwrap_or(room.bytes_max);
            let capacity = len.saturating_mul(2).min(most).max(len);
            self.hold(capacity, room)?;
            self.rest.reserve_exact(capacity - self.rest.len());
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
        Ok(())
    }

    /// Takes memory for `bytes`, if that is more than each body may have without asking.
    fn hold(&mut self, bytes: usize, room: &Room<'_>) -> Result<(), NoRoom> {
        if bytes <= limits::BODY_FREE_BYTES {
            return Ok(());
        }
        let held = self.held.get_or_insert_with(|| Held::nothing(room.memory));
        held.grow_to(bytes, room.memory_max)
    }

    fn join(self) -> Whole {
        let Self { first, rest, held } = self;
        let data = if rest.is_empty() { first } else { Bytes::from(rest) };
        Whole { _held: held, ..Whole::new(data) }
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
    fields::clean_trailers(&mut trailers);
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
        Poll::Ready(frame) => {
            deadline.sees_progress();
            Poll::Ready(frame.transpose().map_err(|_| Unread::Broken))
        }
        Poll::Pending => Pin::new(deadline).poll(cx).map(|()| Err(Unread::TooSlow)),
    }
}

/// The length that the head declares, if it does.
fn declared_len(body: &Incoming) -> Option<usize> {
    body.size_hint().exact().map(|len| usize::try_from(len).unwrap_or(usize::MAX))
}

/// How far an [`Upload`] is.
#[derive(Debug, Copy, Clone, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    #[default]
    UnderWay,
    /// Its last byte was handed over.
    Through,
    /// It ended early: the error that reaches hyper's client says only that it did.
    Failed(Unread),
}

/// Where an [`Upload`] leaves word of how far it is.
pub(crate) type Progress = Rc<Cell<Stage>>;

/// A client's upload that is passed on as it comes, within a bound of bytes and time.
#[derive(Debug)]
pub(crate) struct Upload {
    /// What has come of it already.
    beginning: Bytes,
    body: Incoming,
    left: usize,
    deadline: Deadline,
    progress: Progress,
}

impl Upload {
    /// An upload of at most `bytes_max` bytes, of which `beginning` has come.
    pub(crate) fn new(
        beginning: Bytes,
        body: Incoming,
        bytes_max: usize,
        deadline: Deadline,
    ) -> (Self, Progress) {
        let (left, progress) = (bytes_max.saturating_sub(beginning.len()), Progress::default());
        let upload = Self { beginning, body, left, deadline, progress: Rc::clone(&progress) };
        (upload, progress)
    }

    fn is_end_stream(&self) -> bool {
        self.beginning.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        longer(self.body.size_hint(), self.beginning.len())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Unread>> {
        if !self.beginning.is_empty() {
            return Poll::Ready(Ok(Some(Frame::data(std::mem::take(&mut self.beginning)))));
        }
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
                    let is_last = frame.as_ref().is_none_or(Frame::is_trailers);
                    if is_last || upload.is_end_stream() {
                        upload.progress.set(Stage::Through);
                    }
                    Poll::Ready(frame.map(Ok))
                }
                Err(failure) => {
                    upload.progress.set(Stage::Failed(failure));
                    Poll::Ready(Some(Err(NotWhole)))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Outgoing::Whole(whole) => whole.is_end_stream(),
            Outgoing::Upload(upload) => upload.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outgoing::Whole(whole) => whole.size_hint(),
            Outgoing::Upload(upload) => upload.size_hint(),
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

/// What is said of the length of a body that `bytes` come before.
pub(crate) fn longer(mut hint: SizeHint, bytes: usize) -> SizeHint {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if let Some(upper) = hint.upper() {
        hint.set_upper(upper.saturating_add(bytes));
    }
    hint.set_lower(hint.lower().saturating_add(bytes));
    hint
}

#[cfg(test)]
mod tests;
