//! Once a second, while a page is open: what the gateway has counted.
//!
//! It is asked over a socket, as a person's browser would ask it: `GET /live.json`.

use std::{future::pending, net::SocketAddr, rc::Rc};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::TcpStream,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    bounds::{BEAT, LIVE_BYTES_MAX, LIVE_TIME},
    feed::Feed,
};

/// Beats for as long as the pages' thread runs. The first beat comes with the first page.
pub(super) async fn keep(admin: SocketAddr, feed: Rc<Feed>) {
    loop {
        feed.is_watched().await;
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while feed.streams() > 0 {
            beats.tick().await;
            let live = timeout(LIVE_TIME, ask(admin)).await.ok().flatten();
            feed.beat(live.as_ref());
        }
    }
}

/// `None`: the gateway does not answer.
async fn ask(admin: SocketAddr) -> Option<Value> {
    let stream = TcpStream::connect(admin).await.ok()?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::get("/live.json")
        .header(header::HOST, admin.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .ok()?;
    let exchange = async {
        let answer = sender.send_request(request).await.ok()?;
        let is_ok = answer.status() == StatusCode::OK;
        let body = Limited::new(answer.into_body(), LIVE_BYTES_MAX).collect().await.ok()?;
        is_ok.then(|| serde_json::from_slice(&body.to_bytes()).ok()).flatten()
    };
    // What the connection has read is still to be taken when it has ended.
    let drive = async {
        let _ = connection.await;
        pending().await
    };
    tokio::select! {
        live = exchange => live,
        () = drive => None,
    }
}
