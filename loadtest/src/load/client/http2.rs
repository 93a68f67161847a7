//! HTTP/2 with prior knowledge, with many streams on each connection.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request, Uri, Version};

use super::dispatcher::Dispatcher;
use super::job::Job;
use super::named::Named;
use super::request::{BODY, HOST, REPLAYED};
use super::slot::{Connection, Slot};
use super::target::Target;
use crate::judge::call::Call;
use crate::judge::outcome::{Answer, Outcome};
use crate::net::stream::Stream;

/// A connection that carries a number of requests at a time.
struct Http2Connection {
    node: usize,
    sender: SendRequest<Bytes>,
    dispatcher: Rc<Dispatcher>,
    uri: Uri,
    is_over: Cell<bool>,
}

/// Connects and serves the dispatcher until the connection ends.
pub(super) async fn converse(target: &Target, dispatcher: &Rc<Dispatcher>) -> io::Result<()> {
    match Stream::connect(&target.address).await? {
        Stream::Tcp(stream) => over(stream, target, dispatcher).await,
        Stream::Unix(stream) => over(stream, target, dispatcher).await,
    }
}

async fn over<S>(stream: S, target: &Target, dispatcher: &Rc<Dispatcher>) -> io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (sender, driver) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
    let connection = Rc::new(Http2Connection {
        node: target.node,
        sender,
        dispatcher: Rc::clone(dispatcher),
        uri: uri(Call::Redeem),
        is_over: Cell::new(false),
    });
    let slot = Slot::new(Rc::clone(&connection));
    (0..target.streams).for_each(|_| dispatcher.add_free(slot.clone()));
    // Each stream that was under way ends with an error of its own.
    let _ = driver.await;
    connection.is_over.set(true);
    dispatcher.withdraw(&slot);
    Ok(())
}

fn uri(call: Call) -> Uri {
    format!("http://{HOST}{}", call.path()).parse().expect("a URI")
}

/// Why a request has no answer.
enum Unanswered {
    /// The gateway never processed it, so it may be sent again.
    Unsent,
    /// It is not known what became of it.
    Lost,
}

impl From<h2::Error> for Unanswered {
    fn from(error: h2::Error) -> Self {
        // A gateway that leaves names the last stream that it processes. This stream came later.
        let is_leaving = error.is_go_away() && error.is_remote();
        let is_unseen = is_leaving && error.reason() == Some(h2::Reason::NO_ERROR);
        if is_unseen { Self::Unsent } else { Self::Lost }
    }
}

impl Connection for Http2Connection {
    fn is_over(&self) -> bool {
        self.is_over.get()
    }

    fn node(&self) -> usize {
        self.node
    }

    fn send(self: Rc<Self>, job: Job) {
        tokio::task::spawn_local(async move {
            let dispatcher = Rc::clone(&self.dispatcher);
            match self.exchange(&job).await {
                Ok((answer, named)) => dispatcher.note_answer(job, answer, named),
                Err(Unanswered::Unsent) => {
                    self.is_over.set(true);
                    dispatcher.send_again(job);
                }
                Err(Unanswered::Lost) => dispatcher.note_lost(job),
            }
            if !self.is_over.get() {
                dispatcher.add_free(Slot::new(self));
            }
        });
    }
}

impl Http2Connection {
    async fn exchange(&self, job: &Job) -> Result<(Answer, Named), Unanswered> {
        let unsent = |_| Unanswered::Unsent;
        let mut sender = self.sender.clone().ready().await.map_err(unsent)?;
        let (answer, mut body) = sender.send_request(self.request(job), false).map_err(unsent)?;
        body.send_data(Bytes::from_static(job.body()), true)?;
        let (head, mut body) = answer.await?.into_parts();
        while let Some(part) = body.data().await {
            let length = part?.len();
            body.flow_control().release_capacity(length)?;
        }
        let field = |name| head.headers.get(name).map(http::HeaderValue::as_bytes);
        let outcome = field("yanma-outcome").map_or(Outcome::Nameless, Outcome::of);
        let mut named = Named::default();
        head.headers.iter().for_each(|(name, value)| named.note(name.as_str(), value.as_bytes()));
        let is_replayed = field(REPLAYED).is_some_and(|value| value == b"true");
        let status = head.status.as_u16();
        Ok((Answer { status, outcome, is_replayed }, named))
    }

    fn request(&self, job: &Job) -> Request<()> {
        let call = job.call();
        let uri = if call == Call::Redeem { self.uri.clone() } else { uri(call) };
        let token = if call.shows_pass() { "yanma-pass" } else { "yanma-code" };
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .version(Version::HTTP_2)
            .header("content-type", "application/json")
            .header("content-length", BODY.len())
            .header(token, job.made.text.as_bytes());
        request.body(()).expect("digits and letters make a header")
    }
}
