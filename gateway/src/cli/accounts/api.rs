//! One connection to the API.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use clap::Args;
use http::{HeaderValue, Method, Request, Response, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

use crate::cli::failure::Failure;
use crate::config::Address;

/// Where the API is, and who calls.
#[derive(Args)]
pub(super) struct At {
    /// The API's address: unix:PATH or a loopback address and port
    #[arg(long, value_name = "ADDRESS", default_value = "unix:data/accounts.sock")]
    pub(super) at: String,
    /// The file with the writer's token
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: PathBuf,
}

/// A writer's connection.
pub(super) struct Api {
    sender: SendRequest<Full<Bytes>>,
    token: HeaderValue,
}

/// An answer of 200, or the problem that the API told.
pub(super) enum Answered {
    Done(Response<Incoming>),
    Refused(serde_json::Value),
}

impl Api {
    /// # Errors
    /// The token cannot be read, or the API cannot be reached.
    pub(super) async fn connect(at: &At) -> Result<Self, Failure> {
        let token = token(&at.token_file)?;
        let address = Address::parse(&at.at, Path::new(""));
        let address = address.ok_or_else(|| {
            Failure::Usage(format!("--at {}: allowed: unix:PATH, or address:port", at.at))
        })?;
        let failed = |error| Failure::of(format_args!("no gateway's API is at {}", at.at), &error);
        let sender = match address {
            Address::Tcp(address) => {
                begin(TcpStream::connect(address).await.map_err(failed)?).await?
            }
            Address::Unix(path) => begin(UnixStream::connect(path).await.map_err(failed)?).await?,
        };
        Ok(Self { sender, token })
    }

    /// # Errors
    /// The connection broke: what was asked may be done or not.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        target: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answered, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "yanma")
            .header(AUTHORIZATION, self.token.clone())
            .body(Full::new(body.into()))
            .map_err(|error| Failure::Other(error.to_string()))?;
        let broke = |error: hyper::Error| {
            Failure::Other(format!(
                "the connection to the API broke ({error}); the change may hold: send it again"
            ))
        };
        self.sender.ready().await.map_err(broke)?;
        let response = self.sender.send_request(request).await.map_err(broke)?;
        if response.status().is_success() {
            return Ok(Answered::Done(response));
        }
        let status = response.status();
        let body = response.into_body().collect().await.map_err(broke)?.to_bytes();
        let problem = serde_json::from_slice(&body);
        problem.map(Answered::Refused).map_err(|_| {
            Failure::Other(format!("what is there is no API of a gateway: it answered {status}"))
        })
    }

    /// The same, where only success will do; its answer as JSON.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), or what the API told.
    pub(super) async fn ask_for(
        &mut self,
        method: Method,
        target: &str,
        body: impl Into<Bytes>,
    ) -> Result<serde_json::Value, Failure> {
        match self.ask(method, target, body).await? {
            Answered::Done(response) => {
                let body = response.into_body().collect().await;
                let body = body.map_err(|error| Failure::Other(error.to_string()))?;
                serde_json::from_slice(&body.to_bytes())
                    .map_err(|error| Failure::Other(format!("the API's answer: {error}")))
            }
            Answered::Refused(problem) => Err(told(&problem)),
        }
    }
}

/// What the API told, as a failure.
pub(super) fn told(problem: &serde_json::Value) -> Failure {
    let text = |name| problem.get(name).and_then(serde_json::Value::as_str).unwrap_or("?");
    Failure::Other(format!("{}: {}", text("reason"), text("detail")))
}

fn token(path: &Path) -> Result<HeaderValue, Failure> {
    let text = fs::read(path)
        .map_err(|error| Failure::of(format_args!("--token-file {}", path.display()), &error))?;
    let value = [b"Bearer ", text.trim_ascii()].concat();
    let value = HeaderValue::from_bytes(&value);
    let mut value = value.map_err(|_| {
        Failure::Usage(format!("--token-file {}: it holds no token", path.display()))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

async fn begin<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Failure::Other(format!("the API cannot be spoken with: {error}")))?;
    // It ends with the runtime; what breaks is told to who waits for an answer.
    tokio::spawn(connection);
    Ok(sender)
}
