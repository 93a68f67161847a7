//! HTTP/2 on one connection.

use std::{future::Future, rc::Rc, task::Poll};

use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::TokioIo;

use crate::{
    config::Config,
    limits,
    metrics::{ListenerMetrics, Rejection},
    refusal::Limit,
    request,
    transport::{
        client_stream::ClientStream,
        connection_state::{Connection, End, Engine},
        frames::RefusedStreams,
    },
    worker::Worker,
};

/// Serves HTTP/2 to the connection's end. Says what hyper itself refused at last.
pub(super) async fn serve_http2(
    worker: &Rc<Worker>,
    connection: &Rc<Connection>,
    listener: &ListenerMetrics,
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
        let refused = connection.take_refused();
        if refused != RefusedStreams::NONE {
            count_refused(worker, listener, refused);
        }
        outcome
    })
    .await;
    outcome.err().and_then(|error| rejection_of(&error))
}

/// Counts requests that hyper refused itself, while the connection goes on.
#[cold]
fn count_refused(worker: &Worker, listener: &ListenerMetrics, refused: RefusedStreams) {
    let RefusedStreams { heads_too_large, malformed, too_many } = refused;
    (0..heads_too_large).for_each(|_| listener.rejected(worker.id, Rejection::HeadTooLarge));
    (0..malformed).for_each(|_| listener.rejected(worker.id, Rejection::H2));
    (0..too_many).for_each(|_| worker.count_limit(Limit::H2Streams));
}

/// Why hyper ended the connection, if its client broke the protocol.
fn rejection_of(error: &hyper::Error) -> Option<Rejection> {
    let source = std::error::Error::source(error);
    if source.is_some_and(|source| source.is::<std::io::Error>()) {
        return None;
    }
    // A head of several times the limit ends the connection. Its goodbye says so in these words.
    let text = source.map(ToString::to_string).unwrap_or_default();
    let is_of_head = ["header_list_way_too_large", "too_many_continuations"];
    let is_of_head = is_of_head.into_iter().any(|words| text.contains(words));
    Some(if is_of_head { Rejection::HeadTooLarge } else { Rejection::H2 })
}

/// The limit that a flood over HTTP/2 is over.
fn limit_of_flood(end: End) -> Option<Limit> {
    match end {
        End::ControlFlood => Some(Limit::H2Control),
        End::CutFlood => Some(Limit::H2Cut),
        _ => None,
    }
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
