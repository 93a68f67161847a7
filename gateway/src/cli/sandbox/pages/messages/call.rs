//! One request to the gateway over a real socket, as a hospital system sends it.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{HOST, HeaderName},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use clock::Clock;

/// The gateway answers sooner, whatever its backend does.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// What is sent.
#[derive(Clone, Debug)]
pub(in crate::cli::sandbox::pages) struct Call {
    pub(in crate::cli::sandbox::pages) method: Method,
    /// Path and query.
    pub(in crate::cli::sandbox::pages) target: String,
    pub(in crate::cli::sandbox::pages) headers: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::cli::sandbox::pages) body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
pub(in crate::cli::sandbox::pages) struct Heard {
    pub(in crate::cli::sandbox::pages) status: StatusCode,
    pub(in crate::cli::sandbox::pages) headers: HeaderMap,
    pub(in crate::cli::sandbox::pages) body: Bytes,
}

impl Heard {
    /// The text of a header, if it is there and is text.
    pub(in crate::cli::sandbox::pages) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null if it is none.
    pub(in crate::cli::sandbox::pages) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A call, and what became of it.
#[derive(Clone, Debug)]
pub(in crate::cli::sandbox::pages) struct Exchange {
    pub(in crate::cli::sandbox::pages) call: Call,
    /// Or why there was no whole answer.
    pub(in crate::cli::sandbox::pages) heard: Result<Heard, String>,
    /// From the connection to the end of the answer, in milliseconds.
    pub(in crate::cli::sandbox::pages) ms: u64,
}

/// Sends a call on a connection of its own, and waits for the whole answer.
///
/// Not cancel safe: what was sent may be done.
pub(in crate::cli::sandbox::pages) async fn exchange(
    address: SocketAddr,
    call: Call,
    clock: &Clock,
) -> Exchange {
    let began = clock.instant();
    let heard = timeout(PATIENCE, send(address, &call)).await;
    let heard = heard.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")));
    Exchange { call, heard, ms: began.elapsed_ns(clock) / 1_000_000 }
}

async fn send(address: SocketAddr, call: &Call) -> Result<Heard, String> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| format!("no connection to {address}: {error}"))?;
    let broke = |error: hyper::Error| format!("the connection to {address} broke: {error}");
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let mut request = Request::builder().method(&call.method).uri(&call.target);
    if let Some(headers) = request.headers_mut() {
        let host = HeaderValue::from_str(&address.to_string());
        headers.insert(HOST, host.map_err(|error| error.to_string())?);
        headers.extend(call.headers.iter().cloned());
    }
    let request = request.body(Full::new(call.body.clone())).map_err(|error| error.to_string())?;
    // It ends with the answer: nothing waits for it.
    let connection = tokio::spawn(connection);
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(broke)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
        Ok(Heard { status: head.status, headers: head.headers, body })
    };
    let heard = answer.await;
    connection.abort();
    heard
}
