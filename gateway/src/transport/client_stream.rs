//! The client's socket as hyper sees it: what hyper may read, and a polite goodbye.

use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    limits,
    transport::connection_state::{Connection, End, Engine},
    transport::frames::{Frames, RefusedStreams},
    transport::listener::Stream,
    transport::strict::{Refused, Strict},
};

/// The client's socket: keeps [`Connection`] true.
#[derive(Debug)]
pub(crate) struct ClientStream {
    stream: Stream,
    connection: Rc<Connection>,
    /// Read already, and hyper's to read: the preface, or what hyper had not used when it left.
    ahead: Bytes,
    watch: Watch,
    shut: bool,
}

/// What follows the bytes on their way.
#[derive(Debug)]
enum Watch {
    Lines(Strict),
    /// Boxed, or each HTTP/1 connection would hold room for it.
    Frames(Box<Frames>),
}

/// The first bytes of a connection, read before the protocol is known.
#[derive(Debug, Default)]
pub(crate) struct Preface {
    bytes: [u8; 3],
    len: usize,
}

impl Preface {
    /// The start of `PRI * HTTP/2.0` (RFC 9113 3.4): no HTTP/1 method begins so.
    const HTTP2: &'static [u8] = b"PRI";

    /// Reads until the protocol is certain. `None`: the client left without a request.
    /// Not cancel safe: what was read is lost with the future, and so is the connection.
    pub(crate) async fn read(
        stream: &mut Stream,
        connection: &Connection,
    ) -> io::Result<Option<Self>> {
        use tokio::io::AsyncReadExt;
        let mut preface = Self::default();
        while Self::HTTP2.starts_with(preface.seen()) && preface.len < Self::HTTP2.len() {
            let space = preface.bytes.get_mut(preface.len..).unwrap_or_default();
            let read = stream.read(space).await?;
            if read == 0 {
                return Ok((preface.len > 0).then_some(preface));
            }
            preface.len += read;
            if preface.begins_head() {
                connection.has_read();
            }
        }
        Ok(Some(preface))
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.seen() == Self::HTTP2
    }

    /// Whether it is the start of a TLS handshake (RFC 8446, 5.1): no method begins so.
    pub(crate) fn is_tls(&self) -> bool {
        self.seen().first() == Some(&22)
    }

    /// Empty lines before a request are nothing.
    fn begins_head(&self) -> bool {
        self.seen().iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    fn seen(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl ClientStream {
    /// The socket itself, for an answer that hyper does not write.
    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    pub(crate) fn new(stream: Stream, connection: Rc<Connection>, mut preface: Preface) -> Self {
        let watch = if preface.is_http2() {
            let mut frames = Box::new(Frames::new(connection.now_ms()));
            frames.received(preface.seen(), connection.now_ms());
            Watch::Frames(frames)
        } else {
            let mut strict = Strict::default();
            preface.len = strict.pass(preface.bytes.get_mut(..preface.len).unwrap_or_default());
            Watch::Lines(strict)
        };
        let ahead = Bytes::copy_from_slice(preface.seen());
        Self { stream, connection, ahead, watch, shut: false }
    }

    /// Takes back what hyper has read and not used: the start of a head, which now has a clock.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.connection.has_read();
            self.ahead = bytes;
        }
    }

    /// Waits for something to read, be it the client's leaving. Reads nothing.
    pub(crate) fn poll_stirs(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ahead.is_empty() { self.stream.poll_read_ready(cx) } else { Poll::Ready(()) }
    }

    /// Whether bytes of the client have not been read yet.
    pub(crate) fn has_unread(&self) -> bool {
        !self.ahead.is_empty() || self.stream.has_unread()
    }

    /// Nothing is read any more, until all is answered and only the goodbye is left.
    fn poll_deaf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.has_said_goodbye() { self.poll_goodbye(cx) } else { Poll::Pending }
    }

    /// Closes our half, then waits for the client to hang up.
    fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.has_lingered() {
            return Poll::Ready(Ok(()));
        }
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.shut = true;
            self.connection.say_goodbye();
        }
        self.poll_linger(cx)
    }

    /// Reads and forgets until the client hangs up. An answer that is followed by a reset is
    /// lost on Windows clients, and a socket closed over unread bytes sends one.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; 1024];
        for _ in 0..limits::LINGER_READS_MAX {
            let mut buf = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            if buf.filled().is_empty() {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.ahead.is_empty() {
            let len = this.ahead.len().min(buf.remaining());
            buf.put_slice(&this.ahead.split_to(len));
            return Poll::Ready(Ok(()));
        }
        match this.connection.engine() {
            // Bytes that come now are for the next engine; this one is looked at once more.
            Engine::Leaving => return Poll::Pending,
            Engine::Deaf => return this.poll_deaf(cx),
            _ => {}
        }
        let Self { stream, connection, watch, .. } = this;
        match watch {
            Watch::Lines(strict) => poll_lines(stream, connection, strict, cx, buf),
            Watch::Frames(frames) => {
                let before = buf.filled().len();
                ready!(Pin::new(stream).poll_read(cx, buf))?;
                let read = buf.filled().get(before..).unwrap_or_default();
                if frames.received(read, connection.now_ms()) {
                    connection.end_flood(End::ControlFlood);
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// Reads what hyper may have of the next bytes, if there is any.
fn poll_lines(
    stream: &mut Stream,
    connection: &Connection,
    strict: &mut Strict,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let before = buf.filled().len();
    loop {
        if let Some(part) = strict.refused() {
            return poll_refused(connection, part);
        }
        ready!(Pin::new(&mut *stream).poll_read(cx, buf))?;
        let read = buf.filled_mut().get_mut(before..).unwrap_or_default();
        if read.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let passed = strict.pass(read);
        buf.set_filled(before + passed);
        if strict.is_in_head() {
            connection.has_read();
        }
        // Nothing passes of empty lines: for hyper that would be the connection's end.
        if passed > 0 {
            return Poll::Ready(Ok(()));
        }
    }
}

/// hyper has had all that is good, and wants more.
fn poll_refused(connection: &Connection, part: Refused) -> Poll<io::Result<()>> {
    match part {
        // The request's own answer says so.
        Refused::Body => {
            connection.mark_malformed();
            Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
        }
        // Earlier answers come first. The write that ends them wakes this task.
        Refused::Head | Refused::Target if connection.is_blocked() => Poll::Pending,
        Refused::Head => {
            connection.mark_malformed();
            connection.finish(End::Malformed);
            Poll::Pending
        }
        Refused::Target => {
            connection.finish(End::Fragment);
            Poll::Pending
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.connection.has_written(written.is_ready());
        if let Poll::Ready(Ok(count)) = written {
            match &mut self.watch {
                Watch::Lines(strict) if strict.refused().is_some() => cx.waker().wake_by_ref(),
                Watch::Lines(_) => {}
                Watch::Frames(frames) => {
                    let refused = frames.sent(buf.get(..count).unwrap_or_default());
                    if refused != RefusedStreams::NONE {
                        self.connection.add_refused(refused);
                    }
                }
            }
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.engine() == Engine::Leaving {
            return Poll::Ready(Ok(()));
        }
        self.poll_goodbye(cx)
    }
}
