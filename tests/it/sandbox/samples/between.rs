//! What stands between a till and the gateway. It sees each request, and spoils the first payment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

use crate::harness::spawn;
use crate::harness::wire::{self, Kind, Message, values};

/// More than a program of one payment sends.
const REQUESTS_MAX: usize = 100;

/// What happens to the first payment with a code.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    Nothing,
    /// The stand-in fails so: a value of `Sandbox-Fault`.
    Fault(&'static str),
    /// The same, and no query is answered either.
    FaultAndNoQuery(&'static str),
    /// The request is lost: the gateway never sees it.
    NoRequest,
    /// The request reaches the gateway only once the till asks what became of it. The stand-in books
    /// it, and never answers.
    Late,
    /// The gateway's answer is lost: the connection closes before its first byte.
    NoAnswer,
    /// The connection closes after half of the answer's body.
    HalfAnAnswer,
}

impl Trouble {
    /// What the stand-in is told.
    const fn fault(self) -> Option<&'static str> {
        match self {
            Self::Fault(fault) | Self::FaultAndNoQuery(fault) => Some(fault),
            Self::Late => Some("stall-booked"),
            _ => None,
        }
    }
}

pub(super) struct Between {
    /// Where a till finds it.
    pub(super) address: String,
    seen: mpsc::Receiver<Message>,
}

#[derive(Clone)]
struct Way {
    gateway: String,
    trouble: Trouble,
    is_to_come: Arc<AtomicBool>,
    /// The till asked what became of its code.
    asked: Arc<Notify>,
    is_asked: Arc<AtomicBool>,
    seen: mpsc::Sender<Message>,
}

impl Between {
    pub(super) async fn start(gateway: &str, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (sender, seen) = mpsc::channel(REQUESTS_MAX);
        let way = Way {
            gateway: gateway.to_owned(),
            trouble,
            is_to_come: Arc::new(AtomicBool::new(true)),
            asked: Arc::default(),
            is_asked: Arc::default(),
            seen: sender,
        };
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn(way.clone().carry(stream));
            }
        });
        Self { address, seen }
    }

    /// Each payment that a program sent, or its HTTP library on its own.
    pub(super) fn payments(&mut self) -> Vec<Message> {
        let seen = std::iter::from_fn(|| self.seen.try_recv().ok());
        seen.filter(|request| is_to(request, "POST /pay ")).collect()
    }
}

impl Way {
    /// Carries the requests of one connection, each over a connection of its own to the gateway.
    async fn carry(self, stream: TcpStream) {
        let mut till = BufReader::new(stream);
        while let Ok(Some(request)) = wire::read(&mut till, Kind::Request).await {
            self.seen.try_send(request.clone()).expect("a program that ends");
            let is_first = has_code(&request) && self.is_to_come.swap(false, Ordering::Relaxed);
            let trouble = if is_first { self.trouble } else { Trouble::Nothing };
            let hides_query = matches!(self.trouble, Trouble::FaultAndNoQuery(_));
            let is_lost = trouble == Trouble::NoRequest;
            if is_lost || hides_query && is_to(&request, "GET /query") {
                return;
            }
            let asks_of_late = self.trouble == Trouble::Late && is_to(&request, "GET /yanma/");
            let answer = if asks_of_late && !self.is_asked.swap(true, Ordering::Relaxed) {
                self.asked.notify_one();
                self.running(&request).await
            } else {
                if trouble == Trouble::Late {
                    self.asked.notified().await;
                }
                self.ask(request, trouble).await
            };
            let Some(mut answer) = answer else { return };
            let whole = answer.body.len();
            match trouble {
                Trouble::NoAnswer => return,
                Trouble::HalfAnAnswer => answer.body.truncate(whole / 2),
                _ => {}
            }
            let sent = till.get_mut().write_all(&written(&answer, whole)).await;
            if sent.is_err() || answer.body.len() < whole {
                return;
            }
        }
    }

    /// The gateway's answer once the payment is under way. The till ends the wait if it never is.
    async fn running(&self, request: &Message) -> Option<Message> {
        loop {
            let answer = self.ask(request.clone(), Trouble::Nothing).await?;
            if answer.text().contains("\"running\"") {
                return Some(answer);
            }
        }
    }

    async fn ask(&self, mut request: Message, trouble: Trouble) -> Option<Message> {
        if let Some(fault) = trouble.fault() {
            request.fields.push(("Sandbox-Fault".to_owned(), fault.to_owned()));
        }
        let whole = request.body.len();
        let mut gateway = BufReader::new(TcpStream::connect(&self.gateway).await.ok()?);
        gateway.get_mut().write_all(&written(&request, whole)).await.ok()?;
        wire::read(&mut gateway, Kind::Answer).await.ok()?
    }
}

fn is_to(request: &Message, start: &str) -> bool {
    request.start.starts_with(start)
}

/// A payment with a code, and not with something else that was scanned.
fn has_code(request: &Message) -> bool {
    let codes = values(&request.fields, "yanma-code");
    is_to(request, "POST /pay ") && codes.iter().any(|code| code.len() == 255)
}

/// A message as bytes, with its body in one piece of which `whole` bytes are announced.
fn written(message: &Message, whole: usize) -> Vec<u8> {
    let frames = ["content-length", "transfer-encoding"];
    let fields = message.fields.iter();
    let fields = fields.filter(|(name, _)| !frames.contains(&name.to_ascii_lowercase().as_str()));
    let mut head = format!("{}\r\n", message.start);
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if whole > 0 || !is_to(message, "GET ") {
        head.push_str(&format!("Content-Length: {whole}\r\n"));
    }
    head.push_str("\r\n");
    [head.as_bytes(), &message.body].concat()
}
