//! A client that sends exactly the bytes it is told to.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};

use super::wire::Message;
use super::{soon, wire};

/// One connection over HTTP/1.1.
pub(crate) struct Client<S = TcpStream> {
    stream: BufReader<S>,
}

impl Client<TcpStream> {
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await;
        let stream = stream.unwrap_or_else(|error| panic!("connect to {address}: {error}"));
        stream.set_nodelay(true).expect("a socket option");
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn local_ip(&self) -> String {
        self.stream.get_ref().local_addr().expect("a connected socket").ip().to_string()
    }

    /// Closes with RST instead of FIN, as the system does for a crashed client.
    pub(crate) fn reset(self) {
        self.stream.into_inner().set_zero_linger().expect("a socket option");
    }
}

impl Client<UnixStream> {
    pub(crate) async fn connect_unix(path: &std::path::Path) -> Self {
        Self { stream: BufReader::new(UnixStream::connect(path).await.expect("connect")) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// On a connection of another kind.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the gateway takes what is sent");
    }

    /// Sends to a gateway that may have closed already.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Sends FIN; answers can still be read.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.expect("FIN");
    }

    /// The next complete answer. Interim answers count too.
    pub(crate) async fn answer(&mut self) -> Message {
        let answer = soon("an answer", self.try_answer(wire::Kind::Answer)).await;
        let answer = answer.expect("no reset").expect("an answer before the connection closes");
        assert!(answer.is_whole, "the answer breaks off: {answer:?}");
        answer
    }

    /// The next answer to a HEAD request.
    pub(crate) async fn answer_to_head(&mut self) -> Message {
        let answer = soon("an answer", self.try_answer(wire::Kind::AnswerToHead)).await;
        answer.expect("no reset").expect("an answer before the connection closes")
    }

    pub(crate) async fn try_answer(&mut self, kind: wire::Kind) -> io::Result<Option<Message>> {
        wire::read(&mut self.stream, kind).await
    }

    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Message {
        self.send(bytes).await;
        self.answer().await
    }

    /// Waits until the gateway closes and returns what it still sent; a reset closes too.
    pub(crate) async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _reset_is_a_close =
            soon("the connection to close", self.stream.read_to_end(&mut rest)).await;
        rest
    }
}

/// A request as bytes. A body always brings its Content-Length.
pub(crate) struct Request {
    method: &'static str,
    target: String,
    host: String,
    fields: String,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, target: &str) -> Self {
        let (target, host) = (target.to_owned(), "yanma.test".to_owned());
        Self { method, target, host, fields: String::new(), body: Vec::new() }
    }

    /// Another `Host`.
    pub(crate) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(crate) fn post(target: &str) -> Self {
        Self::new("POST", target).body("{\"infno\":\"2207\"}")
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn code(self, digits: &str) -> Self {
        self.field("Yanma-Code", digits)
    }

    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The head without anything that frames a body.
    pub(crate) fn head(&self) -> String {
        let Self { method, target, host, fields, .. } = self;
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}")
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = self.head();
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    /// The same request with its body in two chunks, and trailers if there are any.
    pub(crate) fn chunked(&self, trailers: &str) -> Vec<u8> {
        let (front, back) = self.body.split_at(self.body.len() / 2);
        let mut bytes = format!("{}Transfer-Encoding: chunked\r\n\r\n", self.head()).into_bytes();
        for part in [front, back].into_iter().filter(|part| !part.is_empty()) {
            bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
        bytes
    }
}
