//! The gate: stands between hyper and the kernel on one backend connection, and knows what passed.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::listener::Stream;

/// A backend's socket, and what was handed to the kernel for it.
#[derive(Debug)]
pub(super) struct Gate {
    stream: RefCell<Stream>,
    sent: Cell<bool>,
    shut: Cell<bool>,
    owes: Cell<bool>,
}

/// The socket as hyper sees it.
#[derive(Debug)]
pub(super) struct GatedStream(Rc<Gate>);

impl Gate {
    pub(super) fn new(stream: Stream) -> Rc<Self> {
        let (sent, shut, owes) = Default::default();
        Rc::new(Self { stream: RefCell::new(stream), sent, shut, owes })
    }

    pub(super) fn stream(self: &Rc<Self>) -> GatedStream {
        GatedStream(Rc::clone(self))
    }

    /// A request begins: from here on it is counted what leaves.
    pub(super) fn begin(&self) {
        self.sent.set(false);
    }

    /// Lets nothing pass any more, then says whether a byte had passed since [`Self::begin`].
    pub(super) fn shut(&self) -> bool {
        self.shut.set(true);
        self.sent.get()
    }

    pub(super) fn is_shut(&self) -> bool {
        self.shut.get()
    }

    /// Did the kernel not take all that hyper last wanted to write?
    pub(super) fn owes(&self) -> bool {
        self.owes.get()
    }

    /// Whether the backend has said nothing on a connection where it has nothing to say: no FIN, no
    /// reset, not a byte. One system call.
    pub(super) fn is_silent(&self) -> bool {
        self.stream.borrow().is_silent()
    }
}

impl AsyncRead for GatedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_read(cx, buf)
    }
}

impl AsyncWrite for GatedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let gate = &*self.0;
        if gate.shut.get() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = Pin::new(&mut *gate.stream.borrow_mut()).poll_write(cx, buf);
        match &written {
            Poll::Ready(Ok(len)) => {
                if *len > 0 {
                    gate.sent.set(true);
                }
                gate.owes.set(*len < buf.len());
            }
            Poll::Pending => gate.owes.set(true),
            Poll::Ready(Err(error)) => {
                gate.owes.set(true);
                if hung_up(error) {
                    // The backend reads no more, but its answer may lie in the socket (413, say).
                    // hyper gives both up when a write fails. So this one waits: the end of what
                    // can be read ends the request.
                    return Poll::Pending;
                }
            }
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.stream.borrow_mut()).poll_shutdown(cx)
    }
}

/// After these nothing can be written, and what came before them can still be read.
fn hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
