//! One accepted connection, from its first bytes to its end.

use std::{future::Future as _, pin::Pin, rc::Rc, task::Poll};

use bytes::Bytes;
use http::Response;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    config::{Config, Limits},
    limits,
    metrics::{ListenerMetrics, Rejection},
    refusal::{Limit, Problem, Refusal},
    request,
    transport::client_stream::{ClientStream, Preface},
    transport::connection_state::{Connection, End, Engine},
    transport::listener::{Accepted, Peer, Stream},
    worker::Worker,
};

/// A connection on its way to a worker.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: Accepted,
    pub(crate) peer: Peer,
    /// Of the listener it came by.
    pub(crate) listener: std::sync::Arc<ListenerMetrics>,
}

/// Serves one connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, arrival: Arrival) {
    let Arrival { socket, peer, listener } = arrival;
    let connection = Connection::new(Rc::clone(&worker.sweep), peer);
    // Whichever way this ends, the connection is taken out of the worker's books.
    let _registered = worker.register(Rc::clone(&connection));
    let Ok(mut stream) = socket.into_stream() else { return };
    let _open = listener.open.hold(worker.id);
    let preface = {
        let mut reading = std::pin::pin!(Preface::read(&mut stream, &connection));
        until_ended(&connection, |cx| reading.as_mut().poll(cx)).await
    };
    match preface {
        Ok(Ok(Some(preface))) => {
            let (http2, tls) = (preface.is_http2(), preface.is_tls());
            let stream = ClientStream::new(stream, Rc::clone(&connection), preface);
            let rejected = if http2 {
                // Boxed, or each HTTP/1 connection would hold room for it.
                Box::pin(serve_http2(&worker, &connection, stream)).await
            } else {
                serve_http1(&worker, &connection, stream).await
            };
            let rejected = match rejected {
                Some(Rejection::Syntax) if tls => Some(Rejection::Tls),
                None if connection.is_malformed() => Some(Rejection::Framing),
                rejected => rejected,
            };
            if let Some(why) = rejected {
                listener.rejected(worker.id, why);
            }
        }
        Err(End::SlowHead) => Box::pin(say_too_slow(&worker, stream)).await,
        // It left, or never said anything: there is nobody to answer.
        Ok(_) | Err(_) => {}
    }
}

/// Serves with hyper while there is something to serve, and parks the connection in between: a
/// quiet one then holds its socket and this future. What is large comes and goes in a box. Says
/// what hyper itself refused at last.
async fn serve_http1(
    worker: &Rc<Worker>,
    connection: &Rc<Connection>,
    mut stream: ClientStream,
) -> Option<Rejection> {
    loop {
        match Box::pin(serve_until_quiet(worker, connection, stream)).await {
            Served::Quiet(quiet) => stream = quiet,
            Served::Over(rejected) => return rejected,
        }
        let parked = worker.metrics().connections_parked.hold(worker.id);
        let stirs = loop {
            match until_ended(connection, |cx| stream.poll_stirs(cx)).await {
                // This process stood still while the client spoke: it gets its answer.
                Err(End::Drained | End::Idle) if stream.has_unread() => connection.stays(),
                ended => break ended,
            }
        };
        drop(parked);
        if stirs.is_err() {
            return None;
        }
    }
}

/// How hyper's HTTP/1 left a connection.
enum Served {
    /// It was quiet for a while: the socket, with what was read and not used.
    Quiet(ClientStream),
    /// It is over; with what hyper refused, if that is why.
    Over(Option<Rejection>),
}

impl Served {
    /// Errors of a connection are its client's; each request on it has been counted.
    fn over(outcome: hyper::Result<()>) -> Self {
        Self::Over(outcome.err().filter(hyper::Error::is_parse).map(|error| {
            if error.is_parse_too_large() { Rejection::HeadTooLarge } else { Rejection::Syntax }
        }))
    }
}

/// Serves HTTP/1 to the connection's end, or until it was quiet for a while.
async fn serve_until_quiet(
    worker: &Rc<Worker>,
    connection: &Rc<Connection>,
    stream: ClientStream,
) -> Served {
    let service = service_fn({
        let (worker, connection) = (Rc::clone(worker), Rc::clone(connection));
        move |request: hyper::Request<Incoming>| {
            request::serve(Rc::clone(&worker), Rc::clone(&connection), request)
        }
    });
    let builder = http1_builder(&worker.snapshot().config.limits);
    let mut http = builder.serve_connection(TokioIo::new(stream), service);
    connection.engine_begins(Engine::Http1);
    loop {
        match until_ended(connection, |cx| Pin::new(&mut http).poll(cx)).await {
            Ok(_) if connection.broke_off() => {
                // A FIN would end the answer as if it were whole.
                http.into_parts().io.into_inner().into_stream().reset();
                return Served::Over(None);
            }
            Ok(outcome) => return Served::over(outcome),
            Err(End::Quiet) => {
                // Whatever woke hyper meanwhile comes first. If it is quiet after that, there are
                // two ways: between requests it ends at once, without a look at the socket; or the
                // last request's body is still to come, and it ends after that, as if told to close.
                connection.stays();
                if let Some(outcome) = poll_once(&mut http).await {
                    return Served::over(outcome);
                }
                if connection.engine_leaves() {
                    Pin::new(&mut http).graceful_shutdown();
                    let left = poll_once(&mut http).await;
                    connection.engine_left();
                    match left {
                        Some(Ok(())) => return Served::Quiet(parted(http.into_parts())),
                        Some(Err(_)) => return Served::Over(None),
                        None => {}
                    }
                }
            }
            Err(End::SlowHead) => {
                let stream = http.into_parts().io.into_inner().into_stream();
                say_too_slow(worker, stream).await;
                return Served::Over(None);
            }
            Err(End::Malformed) => {
                let stream = http.into_parts().io.into_inner().into_stream();
                say_malformed(worker, stream).await;
                return Served::Over(None);
            }
            Err(End::Fragment) => {
                let stream = http.into_parts().io.into_inner().into_stream();
                say_fragment(worker, stream).await;
                return Served::Over(Some(Rejection::Syntax));
            }
            // All is said. What hyper ended for it tells when its goodbye is over.
            Err(End::Lingered) => {
                return poll_once(&mut http).await.map_or(Served::Over(None), Served::over);
            }
            Err(_) => return Served::Over(None),
        }
    }
}

/// The socket after hyper, with what hyper had read and not used.
fn parted<S>(parts: http1::Parts<TokioIo<ClientStream>, S>) -> ClientStream {
    let mut stream = parts.io.into_inner();
    stream.unread(parts.read_buf);
    stream
}

/// The output of `future` if one look at it is enough. It is awaited again after that, or dropped.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn serve_http2(
    worker: &Rc<Worker>,
    connection: &Rc<Connection>,
    stream: ClientStream,
) -> Option<Rejection> {
    let service = service_fn({
        let (worker, connection) = (Rc::clone(worker), Rc::clone(connection));
        move |request: hyper::Request<Incoming>| {
            request::serve(Rc::clone(&worker), Rc::clone(&connection), request)
        }
    });
    connection.shares.get_or_init(Rc::default);
    let builder = http2_builder(&worker.snapshot().config);
    let mut http = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    connection.engine_begins(Engine::Http2);
    let mut leaving = false;
    let outcome = std::future::poll_fn(|cx| {
        let end = connection.poll_end(cx);
        let flood = end.and_then(limit_of_flood);
        if let Some(limit) = flood {
            worker.count_limit(limit);
            connection.stays();
        }
        let idle = matches!(end, Some(End::Idle | End::Drained));
        if !leaving && (worker.is_leaving() || idle || flood.is_some()) {
            // GOAWAY first: what the client has sent by then is still answered.
            leaving = true;
            http.as_mut().graceful_shutdown();
            if idle {
                connection.say_goodbye();
            }
        } else if end == Some(End::Lingered) {
            let outcome = http.as_mut().poll(cx);
            return if outcome.is_ready() { outcome } else { Poll::Ready(Ok(())) };
        } else if matches!(end, Some(End::Silent | End::SlowReader)) {
            return Poll::Ready(Ok(()));
        }
        let mut outcome = http.as_mut().poll(cx);
        let is_deaf = connection.engine() == Engine::Deaf;
        if outcome.is_pending() && is_deaf && leaving && connection.is_at_rest() {
            connection.say_goodbye();
            outcome = http.as_mut().poll(cx);
        }
        outcome
    })
    .await;
    let is_protocol_error = |error: &hyper::Error| {
        let source = std::error::Error::source(error);
        !source.is_some_and(|source| source.is::<std::io::Error>())
    };
    outcome.err().filter(is_protocol_error).map(|_| Rejection::H2)
}

/// The limit that a flood over HTTP/2 is over.
fn limit_of_flood(end: End) -> Option<Limit> {
    match end {
        End::ControlFlood => Some(Limit::H2Control),
        End::CutFlood => Some(Limit::H2Cut),
        _ => None,
    }
}

/// Runs `poll` until it is done or the sweep ends the connection.
async fn until_ended<T>(
    connection: &Connection,
    mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<T>,
) -> Result<T, End> {
    std::future::poll_fn(|cx| match connection.poll_end(cx) {
        Some(end) => Poll::Ready(Err(end)),
        None => poll(cx).map(Ok),
    })
    .await
}

/// Every setting by hand, but for [`limits::H1_HEADERS_MAX`]: what hyper defaults to may change, and
/// half of it is not for proxies.
fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // A client that has sent its request may close its half and still wants the answer.
        .half_close(true)
        .keep_alive(true)
        .writev(false)
        // Time is limited by the sweep, which can tell a slow head from an idle connection.
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(limits::H1_BUFFER_BYTES_MAX);
    builder
}

fn http2_builder(config: &Config) -> http2::Builder<OnThisThread> {
    let limits = &config.limits;
    let header_bytes_max = u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(OnThisThread);
    builder
        .max_concurrent_streams(config.limits.h2_streams(config.server.workers))
        .max_header_list_size(header_bytes_max)
        .initial_connection_window_size(limits::H2_CONNECTION_WINDOW_BYTES)
        .initial_stream_window_size(limits::H2_STREAM_WINDOW_BYTES)
        .max_frame_size(limits::H2_FRAME_BYTES_MAX)
        .max_send_buf_size(limits::H2_SEND_BUFFER_BYTES)
        // Rapid reset (CVE-2023-44487) and its mirror image.
        .max_pending_accept_reset_streams(limits::H2_PENDING_RESETS_MAX)
        .max_local_error_reset_streams(limits::H2_LOCAL_RESETS_MAX)
        .adaptive_window(false)
        .keep_alive_interval(None);
    builder
}

/// Runs HTTP/2 streams as tasks of the worker that their connection lives on.
#[derive(Debug, Copy, Clone)]
struct OnThisThread;

impl<F> hyper::rt::Executor<F> for OnThisThread
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Answers a request whose head never ended.
async fn say_too_slow(worker: &Worker, stream: Stream) {
    worker.count_limit(Limit::HeaderTime);
    let detail = "the request's head did not end in time";
    refuse_head(worker, stream, Refusal::RequestTimeout, detail).await;
}

/// Answers a request in whose head a line ends as no line may.
async fn say_malformed(worker: &Worker, stream: Stream) {
    let detail = "a line of the request's head ends without CR LF";
    refuse_head(worker, stream, Refusal::RequestMalformed, detail).await;
}

async fn say_fragment(worker: &Worker, stream: Stream) {
    let detail = "the request line has a `#`: a fragment is no part of a target";
    refuse_head(worker, stream, Refusal::RequestMalformed, detail).await;
}

/// Answers a request of which hyper has no head. Nothing of an answer is under way, so this can.
async fn refuse_head(worker: &Worker, stream: Stream, refusal: Refusal, detail: &'static str) {
    let id = worker.request_ids.next();
    let snapshot = worker.snapshot();
    let outcome = crate::metrics::Outcome::Refused(refusal);
    snapshot.route_metrics(None).requests(worker.id, outcome);
    let problem = Problem {
        refusal,
        request_id: &id,
        redemption: None,
        now: worker.clock().now(),
        detail: Some(detail),
    };
    let mut deadline = worker.sweep.deadline(limits::LINGER_MS);
    let goodbye = std::pin::pin!(say_goodbye(stream, to_http1(&problem.to_response())));
    deadline.limit(goodbye).await;
}

/// Writes a last answer, closes our half and waits for the client to hang up, so that the answer
/// is not lost to a reset.
pub(crate) async fn say_goodbye(mut stream: Stream, answer: Vec<u8>) {
    if stream.write_all(&answer).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    let mut space = [0; 1024];
    for _ in 0..limits::LINGER_READS_MAX {
        if matches!(stream.read(&mut space).await, Ok(0) | Err(_)) {
            return;
        }
    }
}

/// An answer as bytes, for connections that hyper does not serve.
pub(crate) fn to_http1(response: &Response<Bytes>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("");
    let mut text = format!("HTTP/1.1 {} {reason}\r\nconnection: close\r\n", status.as_u16());
    for (name, value) in response.headers() {
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(&String::from_utf8_lossy(value.as_bytes()));
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(response.body());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_output<A, B, F>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_waits_with_a_parked_connection_is_small() {
        let bytes = size_of_output(serve);
        assert!(bytes <= 512, "{bytes} bytes for each connection: box what is not always needed");
        assert!(size_of::<Connection>() <= 256, "{}", size_of::<Connection>());
    }
}
