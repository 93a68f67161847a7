//! One accepted connection, from its first bytes to its end.

use std::{future::Future as _, rc::Rc, sync::Arc};

use super::{http1::serve_http1, http2::serve_http2, lingering_close::respond_408};
use crate::{
    metrics::{AcceptError, ListenerMetrics, Rejection},
    refusal::shape::Shape,
    transport::{
        client_stream::{ClientStream, Preface},
        connection_state::{Connection, End},
        listener::{Accepted, Peer},
    },
    worker::Worker,
};

/// A connection on its way to a worker.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: Accepted,
    pub(crate) peer: Peer,
    /// The metrics of the listener that accepted it.
    pub(crate) listener: Arc<ListenerMetrics>,
    /// The shape of what is refused before a route is known.
    pub(crate) refusals: Shape,
}

/// Serves one connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, arrival: Arrival) {
    let Arrival { socket, peer, listener, refusals } = arrival;
    let connection = Connection::new(Rc::clone(&worker.sweep), peer, refusals);
    // However this ends, the connection is removed from the worker's list.
    let _registered = worker.register(Rc::clone(&connection));
    let mut stream = match socket.into_stream() {
        Ok(stream) => stream,
        Err(error) => return listener.not_accepted(worker.id, AcceptError::of(&error)),
    };
    let _open = listener.open.hold(worker.id);
    let preface = {
        let mut reading = std::pin::pin!(Preface::read(&mut stream, &connection));
        connection.until_ended(|cx| reading.as_mut().poll(cx)).await
    };
    match preface {
        Ok(Ok(Some(preface))) => {
            let (http2, tls) = (preface.is_http2(), preface.is_tls());
            let stream = ClientStream::new(stream, Rc::clone(&connection), preface);
            let rejected = if http2 {
                // Boxed. Otherwise each HTTP/1 connection would also hold memory for it.
                Box::pin(serve_http2(&worker, &connection, &listener, stream)).await
            } else {
                serve_http1(&worker, &connection, stream).await
            };
            let malformed = connection.is_malformed().then_some(Rejection::Syntax);
            let rejected = match rejected.or(malformed) {
                Some(Rejection::Syntax) if tls => Some(Rejection::Tls),
                rejected => rejected,
            };
            if let Some(why) = rejected {
                listener.rejected(worker.id, why);
            }
        }
        Err(End::SlowHead) => Box::pin(respond_408(&worker, refusals, stream)).await,
        // The client left or sent nothing, so no client is there to answer.
        Ok(_) | Err(_) => {}
    }
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
