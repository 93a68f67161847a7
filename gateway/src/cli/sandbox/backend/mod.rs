//! A stand-in settlement backend, so that the whole way of a request can be tried on one machine.
//!
//! It answers every request in the national interface's shape (`infcode`, `output`), echoes the
//! `Yanma-*` headers that it was given, and counts the arrivals of each redemption: more than one
//! would be a double charge. The request header `Sandbox-Fault` makes it fail on purpose.

use std::error::Error;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Connections served at once; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 1024;
/// The largest request body that is read, in bytes.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Redemptions remembered; when one more comes, all are forgotten.
const REDEMPTIONS_MAX: usize = 1 << 20;
/// How long to leave the listener alone after it failed, most likely for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often each redemption arrived. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    remembered: AtomicUsize,
    redemptions: DashMap<Box<str>, u64>,
}

impl Arrivals {
    /// All requests that arrived whole, with a redemption or without.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Arrivals of one redemption (`<key id>-<issued at>-<serial>`).
    pub fn of(&self, redemption: &str) -> u64 {
        self.0.redemptions.get(redemption).map_or(0, |count| *count)
    }

    fn count_request(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn count(&self, redemption: &str) -> u64 {
        if self.0.remembered.load(Ordering::Relaxed) >= REDEMPTIONS_MAX {
            self.0.redemptions.clear();
            self.0.remembered.store(0, Ordering::Relaxed);
        }
        let mut count = self.0.redemptions.entry(redemption.into()).or_insert_with(|| {
            self.0.remembered.fetch_add(1, Ordering::Relaxed);
            0
        });
        *count += 1;
        *count
    }
}

/// Serves HTTP/1.1 on `listener` until `stop` is ready, then closes every connection at once.
///
/// Cancel safety: dropping the future does the same as `stop`.
pub async fn run(listener: TcpListener, arrivals: Arrivals, stop: impl Future<Output = ()>) {
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, arrivals.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

async fn converse(stream: TcpStream, arrivals: Arrivals) {
    let service = service_fn(move |request| answer(request, arrivals.clone()));
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

async fn answer(request: Request<Incoming>, arrivals: Arrivals) -> Result<Response<Reply>, Reset> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|_| Reset)?.to_bytes();
    let received = Received {
        method: head.method.as_str(),
        target: head.uri.path_and_query().map_or("/", |target| target.as_str()),
        body_bytes: body.len(),
        headers: yanma_headers(&head.headers),
    };
    let number = arrivals.count_request();
    let redemption = head.headers.get("yanma-redemption").and_then(|value| value.to_str().ok());
    let output = Output {
        setl_id: format!("SANDBOX{number:09}"),
        arrivals_of_redemption: redemption.map(|redemption| arrivals.count(redemption)),
        received,
    };
    match Fault::wanted(&head.headers) {
        Ok(None) => Ok(Reply::whole(StatusCode::OK, &Settlement::done(output))),
        Ok(Some(Fault::Half)) => Ok(Reply::half(&Settlement::done(output))),
        Ok(Some(Fault::Stall)) => pending().await,
        Ok(Some(Fault::Reset)) => Err(Reset),
        Ok(Some(Fault::Error)) => {
            let failed = Settlement::failed("the stand-in fails because Sandbox-Fault says so");
            Ok(Reply::whole(StatusCode::INTERNAL_SERVER_ERROR, &failed))
        }
        Err(UnknownFault) => {
            let failed = Settlement::failed("Sandbox-Fault is stall, reset, half or error");
            Ok(Reply::whole(StatusCode::BAD_REQUEST, &failed))
        }
    }
}

fn yanma_headers(headers: &HeaderMap) -> serde_json::Map<String, serde_json::Value> {
    let given = headers.iter().filter(|(name, _)| name.as_str().starts_with("yanma-"));
    given
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), serde_json::Value::String(text))
        })
        .collect()
}

/// What goes wrong on purpose.
enum Fault {
    /// Read the request, never answer.
    Stall,
    /// Read the request, then reset the connection.
    Reset,
    /// Send half of the answer, then close.
    Half,
    /// Answer whole, but with an error of the backend's own.
    Error,
}

struct UnknownFault;

impl Fault {
    fn wanted(headers: &HeaderMap) -> Result<Option<Self>, UnknownFault> {
        match headers.get("sandbox-fault").map(|value| value.as_bytes()) {
            None => Ok(None),
            Some(b"stall") => Ok(Some(Self::Stall)),
            Some(b"reset") => Ok(Some(Self::Reset)),
            Some(b"half") => Ok(Some(Self::Half)),
            Some(b"error") => Ok(Some(Self::Error)),
            Some(_) => Err(UnknownFault),
        }
    }
}

/// The national interface's answer, with the members that a settlement system looks at first.
#[derive(Serialize)]
struct Settlement<'a> {
    infcode: i32,
    err_msg: &'a str,
    output: Option<Output<'a>>,
}

impl<'a> Settlement<'a> {
    fn done(output: Output<'a>) -> Self {
        Self { infcode: 0, err_msg: "", output: Some(output) }
    }

    fn failed(err_msg: &'a str) -> Self {
        Self { infcode: -1, err_msg, output: None }
    }
}

#[derive(Serialize)]
struct Output<'a> {
    setl_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arrivals_of_redemption: Option<u64>,
    received: Received<'a>,
}

#[derive(Serialize)]
struct Received<'a> {
    method: &'a str,
    target: &'a str,
    body_bytes: usize,
    headers: serde_json::Map<String, serde_json::Value>,
}

/// The body of an answer: whole, or cut after its first half.
struct Reply {
    text: Bytes,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    SendWhole,
    SendHalf,
    /// The half must leave hyper's buffer before the error throws the buffer away.
    FlushHalf,
    Break,
    End,
}

/// The body's error that makes hyper close in the middle of an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut short on request")]
struct CutShort;

impl Reply {
    fn whole(status: StatusCode, settlement: &Settlement<'_>) -> Response<Self> {
        Self::response(status, settlement, Step::SendWhole)
    }

    fn half(settlement: &Settlement<'_>) -> Response<Self> {
        Self::response(StatusCode::OK, settlement, Step::SendHalf)
    }

    fn response(status: StatusCode, settlement: &Settlement<'_>, step: Step) -> Response<Self> {
        let mut text = serde_json::to_string_pretty(settlement).expect("maps with text keys");
        text.push('\n');
        let mut response = Response::new(Self { text: text.into(), step });
        *response.status_mut() = status;
        let json = header::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        match self.step {
            Step::SendWhole => {
                self.step = Step::End;
                Poll::Ready(Some(Ok(Frame::data(self.text.clone()))))
            }
            Step::SendHalf => {
                self.step = Step::FlushHalf;
                let half = self.text.slice(..self.text.len() / 2);
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Step::FlushHalf => {
                self.step = Step::Break;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Break => Poll::Ready(Some(Err(CutShort))),
            Step::End => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.step, Step::End)
    }

    fn size_hint(&self) -> SizeHint {
        match self.step {
            Step::End => SizeHint::with_exact(0),
            _ => SizeHint::with_exact(u64::try_from(self.text.len()).expect("fits in memory")),
        }
    }
}

#[cfg(test)]
mod tests;
