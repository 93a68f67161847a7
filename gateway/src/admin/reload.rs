//! `POST /reload`: what SIGHUP does, for callers on this machine.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::{mpsc, oneshot};

use super::answers::{method_not_allowed, text};

/// An operator's request for a reload. The answer is a sentence that reports the result.
#[derive(Debug)]
pub struct ReloadRequest {
    /// `Ok`: what runs now. `Err`: why nothing changed.
    pub answer: oneshot::Sender<Result<String, String>>,
}

pub(super) async fn reload_by(
    peer: SocketAddr,
    method: &Method,
    reload: &mpsc::Sender<ReloadRequest>,
) -> Response<Full<Bytes>> {
    if method != Method::POST {
        return method_not_allowed("POST");
    }
    if !peer.ip().to_canonical().is_loopback() {
        return text(StatusCode::FORBIDDEN, "reload is only for callers on this machine\n");
    }
    let (answer, answered) = oneshot::channel();
    if reload.try_send(ReloadRequest { answer }).is_err() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "a reload is under way, or we are leaving\n");
    }
    match answered.await {
        Ok(Ok(sentence)) => text(StatusCode::OK, format!("reloaded: {sentence}\n")),
        Ok(Err(why)) => text(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("not reloaded, the last good state stays in force: {why}\n"),
        ),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the gateway is leaving\n"),
    }
}
