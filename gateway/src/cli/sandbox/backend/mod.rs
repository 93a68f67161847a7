//! A stand-in settlement backend, so that the whole way of a request can be tried on one machine.
//!
//! It answers every request in the national interface's shape (`infcode`, `output`), echoes the
//! `Yanma-*` headers that it was given, and counts the arrivals of each redemption: more than one
//! would be a double charge. The request header `Sandbox-Fault` makes it fail on purpose.
//!
//! At two paths it speaks to hospital systems in their own messages and keeps a book: `his/`.

mod arrivals;
mod fault;
mod his;
mod received;
mod reply;

use std::error::Error;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clock::Clock;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub use self::arrivals::Arrivals;
use self::fault::{Fault, Loss, UnknownFault};
use self::his::{Door, Letter, Platform};
use self::received::Received;
use self::reply::{Answer, Reply};

/// Connections served at once; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 1024;
/// The largest request body that is read, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;
/// How long to leave the listener alone after it failed, most likely for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all connections share.
#[derive(Clone)]
struct Standin {
    arrivals: Arrivals,
    platform: Arc<Platform>,
}

/// Serves HTTP/1.1 on `listener` until `stop` is ready, then closes every connection at once.
///
/// Cancel safety: dropping the future does the same as `stop`.
pub async fn run(listener: TcpListener, arrivals: Arrivals, stop: impl Future<Output = ()>) {
    let standin = Standin { arrivals, platform: Arc::new(Platform::new(Clock::system())) };
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, standin.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

async fn converse(stream: TcpStream, standin: Standin) {
    let service = service_fn(move |request| answer(request, standin.clone()));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let Err(error) = (&mut connection).await else { return };
    if error.source().is_some_and(|source| source.is::<Reset>()) {
        // Closing with nothing to linger for is what makes the kernel send RST instead of FIN.
        let _ = connection.into_parts().io.inner().set_zero_linger();
    }
}

/// The service's error that makes [`converse`] reset the connection.
#[derive(Debug, thiserror::Error)]
#[error("reset on request")]
struct Reset;

async fn answer(request: Request<Incoming>, standin: Standin) -> Result<Response<Reply>, Reset> {
    let (head, body) = request.into_parts();
    match Door::at(head.uri.path()) {
        Some(door) => answer_his(door, &head, body, &standin).await,
        None => answer_any(&head, body, &standin).await,
    }
}

/// Answers a request at a path that is no hospital system's: whatever it is, it is done.
async fn answer_any(
    head: &Parts,
    body: Incoming,
    standin: &Standin,
) -> Result<Response<Reply>, Reset> {
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|_| Reset)?.to_bytes();
    let received = Received::new(head, body.len());
    let number = standin.arrivals.count_request();
    let output = Output {
        setl_id: format!("SANDBOX{number:09}"),
        arrivals_of_redemption: received.redemption().map(|one| standin.arrivals.count(one)),
        received,
    };
    let done = || Answer::json(StatusCode::OK, &Settlement::done(output));
    match Fault::wanted(&head.headers) {
        Ok(None) => Ok(Reply::whole(done())),
        Ok(Some(Fault::Lost(loss))) => lose(loss, done()).await,
        Ok(Some(Fault::Error)) => {
            let failed = Settlement::failed("the stand-in fails because Sandbox-Fault says so");
            Ok(Reply::whole(Answer::json(StatusCode::INTERNAL_SERVER_ERROR, &failed)))
        }
        Err(UnknownFault) => {
            let failed = Settlement::failed("Sandbox-Fault is stall, reset, half or error");
            Ok(Reply::whole(Answer::json(StatusCode::BAD_REQUEST, &failed)))
        }
    }
}

/// Answers a hospital system: what is wrong with its message is told in its own envelope.
async fn answer_his(
    door: Door,
    head: &Parts,
    body: Incoming,
    standin: &Standin,
) -> Result<Response<Reply>, Reset> {
    let body = drain(body).await?;
    let received = Received::new(head, body.as_ref().map_or(BODY_BYTES_MAX, Bytes::len));
    let letter = Letter {
        head,
        body: body.as_deref(),
        number: standin.arrivals.count_request(),
        arrivals_of_redemption: received.redemption().map(|one| standin.arrivals.count(one)),
        received,
    };
    match Fault::wanted(&head.headers) {
        Ok(None) => Ok(Reply::whole(standin.platform.answer(door, &letter))),
        Ok(Some(Fault::Lost(loss))) => lose(loss, standin.platform.answer(door, &letter)).await,
        Ok(Some(Fault::Error)) => Ok(Reply::whole(standin.platform.fail(door, &letter))),
        Err(UnknownFault) => Ok(Reply::whole(standin.platform.unknown_fault(door, &letter))),
    }
}

/// Reads a body to its end. `None`: it was larger than what is read, and is thrown away.
async fn drain(mut body: Incoming) -> Result<Option<Bytes>, Reset> {
    let mut read = Some(Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Reset)?.into_data() else { continue };
        read = read.filter(|read| read.len() + data.len() <= BODY_BYTES_MAX);
        if let Some(read) = &mut read {
            read.extend_from_slice(&data);
        }
    }
    Ok(read.map(Bytes::from))
}

async fn lose(loss: Loss, answer: Answer) -> Result<Response<Reply>, Reset> {
    match loss {
        Loss::Half => Ok(Reply::half(answer)),
        Loss::Stall => pending().await,
        Loss::Reset => Err(Reset),
    }
}

/// The national interface's answer, with the members that a settlement system looks at first.
#[derive(Serialize)]
struct Settlement<'a> {
    infcode: i32,
    err_msg: &'a str,
    output: Option<Output>,
}

impl<'a> Settlement<'a> {
    fn done(output: Output) -> Self {
        Self { infcode: 0, err_msg: "", output: Some(output) }
    }

    fn failed(err_msg: &'a str) -> Self {
        Self { infcode: -1, err_msg, output: None }
    }
}

#[derive(Serialize)]
struct Output {
    setl_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals_of_redemption: Option<u64>,
    received: Received,
}

#[cfg(test)]
mod tests;
