//! Last answers: a connection is told why it ends, and closed so that the answer is not lost.

use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    limits,
    metrics::Outcome,
    refusal::{
        Limit, Problem, Refusal,
        shape::{Asked, Shape},
    },
    transport::listener::Stream,
    worker::Worker,
};

/// Answers a request whose head never ended.
pub(super) async fn respond_408(worker: &Worker, shape: Shape, stream: Stream) {
    worker.count_limit(Limit::HeaderTime);
    let detail = "the request's head did not end in time";
    refuse_head(worker, shape, stream, Refusal::RequestTimeout, detail).await;
}

/// Answers a request in whose head a line ends as no line may.
pub(super) async fn respond_to_malformed(worker: &Worker, shape: Shape, stream: Stream) {
    let detail = "a line of the request's head ends without CR LF";
    refuse_head(worker, shape, stream, Refusal::RequestMalformed, detail).await;
}

pub(super) async fn respond_to_fragment(worker: &Worker, shape: Shape, stream: Stream) {
    let detail = "the request line has a `#`: a fragment is no part of a target";
    refuse_head(worker, shape, stream, Refusal::RequestMalformed, detail).await;
}

/// Answers a request of which hyper has no head. Nothing of an answer is under way, so this can.
async fn refuse_head(
    worker: &Worker,
    shape: Shape,
    stream: Stream,
    refusal: Refusal,
    detail: &'static str,
) {
    let id = worker.request_ids.next();
    let snapshot = worker.snapshot();
    let outcome = Outcome::Refused(refusal);
    snapshot.route_metrics(None).requests(worker.id, outcome);
    let problem = Problem {
        refusal,
        request_id: &id,
        redemption: None,
        now: worker.clock().now(),
        detail: Some(detail),
    };
    let answer = problem.answer(shape, &Asked::unread(problem.now));
    let mut deadline = worker.sweep.deadline(limits::LINGER_MS);
    let goodbye = std::pin::pin!(linger(stream, to_http1(&answer)));
    deadline.limit(goodbye).await;
}

/// Writes a last answer, closes our half and waits for the client to hang up, so that the answer
/// is not lost to a reset.
pub(crate) async fn linger(mut stream: Stream, answer: Vec<u8>) {
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
