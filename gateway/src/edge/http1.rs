//! HTTP/1 on one connection: served by hyper while there is something to serve, parked in between.

use std::{future::Future, pin::Pin, rc::Rc, task::Poll};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

use super::lingering_close::{respond_408, respond_to_fragment, respond_to_malformed};
use crate::{
    config::Limits,
    limits,
    metrics::Rejection,
    request,
    transport::{
        client_stream::ClientStream,
        connection_state::{Connection, End, Engine},
    },
    worker::Worker,
};

/// Serves with hyper while there is something to serve, and parks the connection in between: a
/// quiet one then holds its socket and this future. What is large comes and goes in a box. Says
/// what hyper itself refused at last.
pub(super) async fn serve_http1(
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
            match connection.until_ended(|cx| stream.poll_stirs(cx)).await {
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
        match connection.until_ended(|cx| Pin::new(&mut http).poll(cx)).await {
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
                respond_408(worker, connection.refusals(), stream).await;
                return Served::Over(None);
            }
            Err(End::Malformed) => {
                let stream = http.into_parts().io.into_inner().into_stream();
                respond_to_malformed(worker, connection.refusals(), stream).await;
                return Served::Over(None);
            }
            Err(End::Fragment) => {
                let stream = http.into_parts().io.into_inner().into_stream();
                respond_to_fragment(worker, connection.refusals(), stream).await;
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
