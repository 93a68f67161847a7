//! A stand-in settlement backend, so that the whole way of a request can be tried on one machine.
//!
//! It answers every request in the national interface's shape (`infcode`, `output`), echoes the
//! `Yanma-*` headers that it was given, and counts the arrivals of each redemption: more than one
//! would be a double charge. At two paths it speaks to hospital systems in their own messages:
//! `his/`. What is charged there, and what any other request spends, stands in one book, which
//! `/query` reads.
//!
//! It fails on purpose: a request whose header `Sandbox-Fault` says so, and all settlements as the
//! [`Switch`] says.
//!
//! | `Sandbox-Fault` | what is done | the answer |
//! |---|---|---|
//! | `stall` | nothing | never comes |
//! | `reset` | nothing | a reset of the connection |
//! | `half` | nothing | its first half, then a close |
//! | `stall-booked`, `reset-booked`, `half-booked` | all that was asked for | is lost in the same way |
//! | `error` | nothing | 500, `infcode` -1 |

mod amount;
mod arrivals;
mod book;
mod fault;
mod his;
mod query;
mod received;
mod refused;
mod reply;
mod switch;

use std::error::Error;
use std::future::{Future, pending};
use std::net::SocketAddr;
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
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::amount::Amount;
pub use self::arrivals::Arrivals;
use self::book::{Book, MessageName};
use self::fault::UnknownFault;
pub use self::fault::{Fault, Loss};
use self::his::{Door, Letter, Platform};
use self::query::NAME_BYTES_MAX;
use self::received::Received;
use self::refused::Refused;
use self::reply::{Answer, Reply};
pub use self::switch::{Condition, Switch};

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
    switch: Switch,
    book: Arc<Book>,
    platform: Arc<Platform>,
}

/// Serves HTTP/1.1 on `listener` until `stop` is ready, then closes every connection at once.
///
/// While `switch` says that it is down, nothing listens. After that it listens at the same address.
/// Cancel safety: dropping the future does the same as `stop`.
pub async fn run(
    listener: TcpListener,
    arrivals: Arrivals,
    switch: Switch,
    stop: impl Future<Output = ()>,
) {
    let book = Arc::<Book>::default();
    let platform = Arc::new(Platform::new(book.clone(), Clock::system()));
    let standin = Standin { arrivals, switch, book, platform };
    tokio::select! {
        () = stop => {}
        () = serve(listener, &standin) => {}
    }
}

/// Returns only if the listener does not know its own address.
async fn serve(mut listener: TcpListener, standin: &Standin) {
    let Ok(address) = listener.local_addr() else { return };
    loop {
        tokio::select! {
            () = standin.switch.until_down(true) => {}
            () = accept(&listener, standin) => {}
        }
        drop(listener);
        standin.switch.until_down(false).await;
        listener = listen_again(address).await;
    }
}

/// Never returns. Dropping it closes every connection.
async fn accept(listener: &TcpListener, standin: &Standin) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
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

/// Waits until the address is free.
async fn listen_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
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

/// What is done for a request, and how its answer gets lost.
enum Treatment {
    Answer,
    AnswerSlowly,
    Fail(Fault),
    Vanish,
}

impl Treatment {
    /// The request's own header is stronger than the switch.
    fn of(head: &Parts, moves_money: bool, switch: &Switch) -> Result<Self, UnknownFault> {
        if let Some(fault) = Fault::wanted(&head.headers)? {
            return Ok(Self::Fail(fault));
        }
        Ok(match switch.condition() {
            Condition::Down => Self::Vanish,
            Condition::Slow if moves_money => Self::AnswerSlowly,
            Condition::Fails(fault) if moves_money => Self::Fail(fault),
            Condition::Works | Condition::Slow | Condition::Fails(_) => Self::Answer,
        })
    }

    /// `done` does what was asked for. `failed` does nothing, and answers with a status.
    async fn apply(
        self,
        done: impl FnOnce() -> Answer,
        failed: impl FnOnce(StatusCode) -> Answer,
    ) -> Result<Response<Reply>, Reset> {
        match self {
            Self::Answer => Ok(Reply::whole(done())),
            Self::AnswerSlowly => {
                tokio::time::sleep(switch::SLOW).await;
                Ok(Reply::whole(done()))
            }
            Self::Fail(Fault::Error) => Ok(Reply::whole(failed(StatusCode::INTERNAL_SERVER_ERROR))),
            Self::Fail(Fault::Lost { loss, is_booked: true }) => lose(loss, done()).await,
            Self::Fail(Fault::Lost { loss, is_booked: false }) => {
                lose(loss, failed(StatusCode::OK)).await
            }
            Self::Vanish => Err(Reset),
        }
    }
}

/// Answers a request at a path that is no hospital system's: whatever it is, it is done.
async fn answer_any(
    head: &Parts,
    body: Incoming,
    standin: &Standin,
) -> Result<Response<Reply>, Reset> {
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|_| Reset)?.to_bytes();
    let (received, arrivals_of_redemption) = standin.receive(head, body.len());
    standin.arrivals.count_request();
    let is_query = query::is_query(head.uri.path());
    let moves_money = !is_query && received.payment().is_some();
    let done = || match is_query {
        true => query::answer(head, &body, &standin.book, &standin.arrivals),
        false => standin.carry_out(received, arrivals_of_redemption, &body),
    };
    let failed = |status| {
        let failed = Settlement::failed("the stand-in fails because it was told to");
        Answer::json(status, &failed)
    };
    match Treatment::of(head, moves_money, &standin.switch) {
        Ok(treatment) => treatment.apply(done, failed).await,
        Err(UnknownFault) => {
            let failed = Settlement::failed(
                "Sandbox-Fault is error, stall, reset or half; the last three also with -booked",
            );
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
    let body_bytes = body.as_ref().map_or(BODY_BYTES_MAX, Bytes::len);
    let (received, arrivals_of_redemption) = standin.receive(head, body_bytes);
    let letter = Letter {
        head,
        body: body.as_deref(),
        number: standin.arrivals.count_request(),
        arrivals_of_redemption,
        received,
    };
    let platform = &standin.platform;
    let message = platform.read(door, &letter);
    let moves_money = message.as_ref().is_ok_and(his::Message::moves_money);
    let done = || platform.answer(door, &letter, &message);
    let failed = |status| platform.fail(door, &letter, status);
    match Treatment::of(head, moves_money, &standin.switch) {
        Ok(treatment) => treatment.apply(done, failed).await,
        Err(UnknownFault) => Ok(Reply::whole(platform.unknown_fault(door, &letter))),
    }
}

impl Standin {
    /// Notes what arrived, whatever becomes of it: a redemption, and what an exchange made.
    fn receive(&self, head: &Parts, body_bytes: usize) -> (Received, Option<u64>) {
        let received = Received::new(head, body_bytes);
        if let Some((code, pass)) = received.exchange() {
            self.book.link(code, pass);
        }
        let count = received.redemption().map(|one| self.arrivals.count(one));
        (received, count)
    }

    /// Books what was spent, and echoes what was told. What was booked before is not booked again.
    fn carry_out(&self, received: Received, arrivals: Option<u64>, body: &[u8]) -> Answer {
        let Bill { message, amount } = Bill::read(body);
        let booked = received.payment();
        let booked = booked.map(|paid| self.book.settle(message, "", amount, Some(paid)));
        let setl_id = match booked {
            None => self.book.number_answer(),
            Some(Ok(settled)) => settled.setl_id,
            Some(Err(Refused::RedemptionUsed { setl_id })) => setl_id,
            Some(Err(refused)) => {
                let is_full = refused == Refused::BookFull;
                let status =
                    if is_full { StatusCode::INSUFFICIENT_STORAGE } else { StatusCode::OK };
                return Answer::json(status, &Settlement::refused(&refused, &refused.to_string()));
            }
        };
        let output = Output { setl_id, arrivals_of_redemption: arrivals, received };
        Answer::json(StatusCode::OK, &Settlement::done(output))
    }
}

/// What a request at a path of its own is to charge, as its JSON says.
struct Bill {
    /// `institution` and `msgid`: a bill of this name is charged once, as a hospital's message is.
    message: Option<MessageName>,
    /// A hundred yuan if it is not said.
    amount: Amount,
}

impl Bill {
    fn read(body: &[u8]) -> Self {
        let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let name = |member: &str| {
            let text = body.get(member)?.as_str()?;
            (1..=NAME_BYTES_MAX).contains(&text.len()).then(|| text.to_owned())
        };
        let message = name("institution").zip(name("msgid"));
        let amount = match body.get("amount") {
            Some(Value::String(text)) => Amount::parse(text),
            Some(Value::Number(number)) => Amount::parse(&number.to_string()),
            _ => None,
        };
        Self {
            message: message.map(|(institution, msgid)| MessageName { institution, msgid }),
            amount: amount.unwrap_or(Amount::HUNDRED),
        }
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

    fn refused(refused: &Refused, err_msg: &'a str) -> Self {
        Self { infcode: refused.infcode(), err_msg, output: None }
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
