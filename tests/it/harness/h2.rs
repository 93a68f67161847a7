//! An HTTP/2 client (prior knowledge) that can also leave in the middle.

use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;

use super::wire::Message;
use super::{eventually, soon, spawn};

pub(crate) struct H2 {
    sender: SendRequest<Bytes>,
}

/// A request under way.
pub(crate) struct Exchange {
    response: ResponseFuture,
    stream: SendStream<Bytes>,
}

impl H2 {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("connect");
        let (sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
        spawn(connection);
        Self { sender }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: Request<()>, body: &str) -> Message {
        let mut exchange = self.begin(request).await;
        exchange.send(body, true);
        exchange.answer().await.expect("an answer")
    }

    /// Sends a request that ends with its head, and reads its answer.
    pub(crate) async fn ask_without_body(&mut self, request: Request<()>) -> Message {
        let sender = self.sender.clone();
        self.sender = soon("a free stream", sender.ready()).await.expect("an open connection");
        let (response, stream) = self.sender.send_request(request, true).expect("a sound head");
        Exchange { response, stream }.answer().await.expect("an answer")
    }

    /// Sends a head; body and end are still to come.
    pub(crate) async fn begin(&mut self, request: Request<()>) -> Exchange {
        self.try_begin(request, false).await.expect("an open connection")
    }

    /// Sends a head, with END_STREAM if there is no body. `None`: the gateway ends the connection.
    pub(crate) async fn try_begin(
        &mut self,
        request: Request<()>,
        is_end: bool,
    ) -> Option<Exchange> {
        let sender = self.sender.clone();
        self.sender = soon("a free stream", sender.ready()).await.ok()?;
        let (response, stream) = self.sender.send_request(request, is_end).ok()?;
        Some(Exchange { response, stream })
    }

    /// Waits until the gateway has said that it ends the connection.
    pub(crate) async fn closing(&self) {
        let is_closing = async || {
            let ready = tokio::time::timeout(Duration::ZERO, self.sender.clone().ready()).await;
            matches!(ready, Ok(Err(_))).then_some(())
        };
        eventually("GOAWAY", is_closing).await;
    }

    /// How many streams the gateway's settings allow at once.
    pub(crate) fn streams_max(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// Opens streams and resets each at once (CVE-2023-44487), until the gateway ends the
    /// connection; returns how many it took.
    pub(crate) async fn flood_with_resets(&mut self, most: usize) -> usize {
        for count in 0..most {
            let sender = self.sender.clone();
            let Ok(ready) = soon("a free stream", sender.ready()).await else { return count };
            self.sender = ready;
            let request = post("/nowhere", "").body(()).expect("a request");
            let Ok((_response, mut stream)) = self.sender.send_request(request, false) else {
                return count;
            };
            stream.send_reset(Reason::CANCEL);
            tokio::task::yield_now().await;
        }
        most
    }
}

impl Exchange {
    pub(crate) fn send(&mut self, body: &str, is_end: bool) {
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.stream.send_data(body, is_end).expect("an open stream");
    }

    pub(crate) fn send_trailers(&mut self, trailers: HeaderMap) {
        self.stream.send_trailers(trailers).expect("an open stream");
    }

    /// Sends RST_STREAM with CANCEL, as a client that gave up does.
    pub(crate) fn reset(mut self) {
        self.stream.send_reset(Reason::CANCEL);
    }

    pub(crate) async fn answer(self) -> Result<Message, h2::Error> {
        let response = soon("an answer over HTTP/2", self.response).await?;
        read(response).await
    }
}

pub(crate) fn post(target: &str, code: &str) -> http::request::Builder {
    let uri = format!("http://yanma.test{target}");
    Request::builder().method("POST").uri(uri).header("yanma-code", code)
}

async fn read(response: Response<h2::RecvStream>) -> Result<Message, h2::Error> {
    let (head, mut body) = response.into_parts();
    let mut message = Message {
        start: format!("HTTP/2 {}", head.status.as_u16()),
        fields: fields(&head.headers),
        ..Message::default()
    };
    while let Some(data) = soon("the body", body.data()).await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        message.body.extend_from_slice(&data);
    }
    let trailers = soon("the trailers", body.trailers()).await?;
    message.trailers = trailers.map(|map| fields(&map)).unwrap_or_default();
    message.is_whole = true;
    Ok(message)
}

fn fields(map: &HeaderMap) -> Vec<(String, String)> {
    let text =
        |value: &http::HeaderValue| value.as_bytes().iter().copied().map(char::from).collect();
    map.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}
