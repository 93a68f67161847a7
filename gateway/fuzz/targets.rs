//! What the fuzz target does with an input, and `tests/strict.rs` with its corpus and with messages
//! made up: hyper behind the filter sees what hyper alone sees, message by message, or the filter
//! has refused.

use std::{
    cell::RefCell,
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use gateway::transport::strict::{Refused, Strict};
use http::header::TRANSFER_ENCODING;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One byte says how the rest comes: in pieces of so many bytes, or 0: at once. The rest is what a
/// client sends.
pub(crate) fn strict(data: &[u8]) {
    let Some((&piece, sent)) = data.split_first() else { return };
    let piece = if piece == 0 { sent.len().max(1) } else { usize::from(piece) };
    let single = byte_by_byte(sent);
    let filtered = in_pieces(sent, piece);
    assert_eq!(filtered, single, "pieces of {piece}: {}", sent.escape_ascii());
    let alone = hyper_alone(sent);
    let told = format!("{}\nfiltered {single:#?}\nalone {alone:#?}", sent.escape_ascii());
    if single.refused.is_none() {
        assert_eq!(single.requests, alone, "{told}");
        return;
    }
    // Up to the refused line it is the same, and what stands behind that line is not there.
    for (request, same) in single.requests.iter().zip(&alone) {
        assert_eq!(request.head, same.head, "{told}");
        assert!(same.body.starts_with(&request.body), "{told}");
        assert!(request == same || !request.is_whole, "{told}");
    }
    assert!(single.requests.len() <= alone.len(), "{told}");
}

/// What comes of the bytes behind the filter.
#[derive(Debug, PartialEq)]
struct Filtered {
    passed: Vec<u8>,
    refused: Option<Refused>,
    requests: Vec<Seen>,
}

/// A request as hyper tells it.
#[derive(Debug, Default, Clone, PartialEq)]
struct Seen {
    head: String,
    is_chunked: bool,
    body: Vec<u8>,
    trailers: Option<String>,
    is_whole: bool,
    is_over: bool,
}

/// Hands bytes over one by one, and looks after each whether the filter and hyper are at the same
/// place: before a head, in one, or in a body.
fn byte_by_byte(sent: &[u8]) -> Filtered {
    let mut strict = Strict::default();
    let mut hyper = Hyper::new();
    let (mut passed, mut lines) = (Vec::new(), Lines::default());
    let mut heads = 0;
    for &byte in sent {
        let was_in_head = strict.is_in_head();
        let mut one = [byte];
        let count = strict.pass(&mut one);
        if strict.refused().is_some() {
            break;
        }
        if count == 0 {
            assert!(matches!(byte, b'\r' | b'\n') && !was_in_head, "only empty lines are dropped");
            continue;
        }
        passed.push(byte);
        heads += usize::from(was_in_head && !strict.is_in_head());
        lines.look(&hyper, byte, sent);
        hyper.give(vec![byte]);
        if hyper.is_over {
            continue;
        }
        let requests = hyper.requests.borrow();
        let in_body = requests.last().is_some_and(|last| !last.is_over);
        let told = || format!("{} after {}", sent.escape_ascii(), passed.escape_ascii());
        assert_eq!(heads, requests.len(), "heads: {}", told());
        let is_between = is_between(&strict);
        assert_eq!(in_body, !is_between && !strict.is_in_head(), "in a body: {}", told());
    }
    let refused = strict.refused();
    hyper.end(refused.is_some());
    Filtered { passed, refused, requests: hyper.requests.take() }
}

/// A filter between two messages drops an empty line, or the end of one that has begun.
fn is_between(strict: &Strict) -> bool {
    [b'\r', b'\n'].into_iter().any(|byte| {
        let mut next = strict.clone();
        next.pass(&mut [byte]) == 0 && next.refused().is_none()
    })
}

fn in_pieces(sent: &[u8], piece: usize) -> Filtered {
    let mut strict = Strict::default();
    let mut hyper = Hyper::new();
    let mut passed = Vec::new();
    for piece in sent.chunks(piece) {
        let mut piece = piece.to_vec();
        let count = strict.pass(&mut piece);
        piece.truncate(count);
        passed.extend_from_slice(&piece);
        if !piece.is_empty() {
            hyper.give(piece);
        }
        if strict.refused().is_some() {
            break;
        }
    }
    let refused = strict.refused();
    hyper.end(refused.is_some());
    Filtered { passed, refused, requests: hyper.requests.take() }
}

fn hyper_alone(sent: &[u8]) -> Vec<Seen> {
    let mut hyper = Hyper::new();
    hyper.give(sent.to_vec());
    hyper.end(false);
    hyper.requests.take()
}

/// Sees for itself that each line ends in CR LF, by where hyper is and not by where the filter is.
#[derive(Default)]
struct Lines {
    last: u8,
    chunked: Option<Chunks>,
}

/// Where a chunked body is, in the plainest way.
#[derive(Default)]
struct Chunks {
    line: String,
    data_left: Option<u64>,
    is_last: bool,
}

impl Lines {
    /// `byte` is about to be given to hyper.
    fn look(&mut self, hyper: &Hyper, byte: u8, sent: &[u8]) {
        let requests = hyper.requests.borrow();
        let body = requests.last().filter(|last| !last.is_over);
        let is_framing = match body {
            None => {
                self.chunked = None;
                true
            }
            Some(seen) if seen.is_chunked => self.chunked.get_or_insert_default().takes(byte),
            Some(_) => false,
        };
        let is_bare = byte == b'\n' && self.last != b'\r';
        assert!(!(is_framing && is_bare && !hyper.is_over), "bare LF: {}", sent.escape_ascii());
        self.last = byte;
    }
}

impl Chunks {
    /// Whether the byte is framing, and not data.
    fn takes(&mut self, byte: u8) -> bool {
        if let Some(left) = self.data_left.filter(|left| *left > 0) {
            self.data_left = Some(left - 1);
            return false;
        }
        if byte != b'\n' {
            self.line.push(char::from(byte));
            return true;
        }
        let line = std::mem::take(&mut self.line);
        // Else it is the line end behind a chunk's data, or that of a trailer.
        if self.data_left.take().is_none() && !self.is_last {
            let digits = line.split(|c: char| !c.is_ascii_hexdigit()).next();
            let size = u64::from_str_radix(digits.unwrap_or_default(), 16).unwrap_or(0);
            self.is_last = size == 0;
            self.data_left = (size > 0).then_some(size);
        }
        true
    }
}

/// hyper's server on bytes in memory, set as the gateway sets it.
struct Hyper {
    wire: Rc<RefCell<Wire>>,
    requests: Rc<RefCell<Vec<Seen>>>,
    serving: Pin<Box<dyn Future<Output = ()>>>,
    is_over: bool,
}

#[derive(Default)]
struct Wire {
    pieces: VecDeque<Vec<u8>>,
    is_ended: bool,
    is_broken: bool,
}

impl Hyper {
    fn new() -> Self {
        let wire = Rc::<RefCell<Wire>>::default();
        let requests = Rc::<RefCell<Vec<Seen>>>::default();
        let service = service_fn({
            let requests = Rc::clone(&requests);
            move |request| see(Rc::clone(&requests), request)
        });
        let mut builder = http1::Builder::new();
        builder.half_close(true).keep_alive(true).max_header_size(16_384).max_buf_size(32_768);
        let connection = builder.serve_connection(TokioIo::new(Socket(Rc::clone(&wire))), service);
        let serving = Box::pin(async move {
            let _its_clients_fault = connection.await;
        });
        Self { wire, requests, serving, is_over: false }
    }

    fn give(&mut self, piece: Vec<u8>) {
        self.wire.borrow_mut().pieces.push_back(piece);
        self.turn(4);
    }

    fn end(&mut self, is_broken: bool) {
        {
            let mut wire = self.wire.borrow_mut();
            (wire.is_ended, wire.is_broken) = (true, is_broken);
        }
        self.turn(10_000);
        assert!(self.is_over, "hyper ends with its connection");
    }

    fn turn(&mut self, most: usize) {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..most {
            self.is_over = self.is_over || self.serving.as_mut().poll(&mut cx).is_ready();
            if self.is_over {
                return;
            }
        }
    }
}

async fn see(
    requests: Rc<RefCell<Vec<Seen>>>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, mut body) = request.into_parts();
    let index = requests.borrow().len();
    let is_chunked = head.headers.contains_key(TRANSFER_ENCODING);
    let head = format!("{} {} {:?} {:?}", head.method, head.uri, head.version, head.headers);
    requests.borrow_mut().push(Seen { head, is_chunked, ..Seen::default() });
    loop {
        let frame = body.frame().await;
        let mut requests = requests.borrow_mut();
        let Some(seen) = requests.get_mut(index) else { break };
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => seen.body.extend_from_slice(&data),
                Err(frame) => seen.trailers = frame.trailers_ref().map(|map| format!("{map:?}")),
            },
            ended => {
                (seen.is_whole, seen.is_over) = (ended.is_none(), true);
                break;
            }
        }
    }
    Ok(Response::new(Empty::new()))
}

struct Socket(Rc<RefCell<Wire>>);

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.0.borrow_mut();
        let Some(mut piece) = wire.pieces.pop_front() else {
            return match (wire.is_ended, wire.is_broken) {
                (true, true) => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                (true, false) => Poll::Ready(Ok(())),
                _ => Poll::Pending,
            };
        };
        let rest = piece.split_off(piece.len().min(buf.remaining()));
        buf.put_slice(&piece);
        if !rest.is_empty() {
            wire.pieces.push_front(rest);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
