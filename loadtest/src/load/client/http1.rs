//! HTTP/1.1 with as little work as possible: a head that is rendered once, one write, one read.
//!
//! The sender writes at once and does not wake the connection's task, which only reads. A request
//! of 600 bytes fits into an empty socket buffer, so a write is rarely incomplete.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::dispatcher::Dispatcher;
use super::job::Job;
use super::named::Named;
use super::request::{BODY, HOST, REPLAYED};
use super::slot::{Connection, Slot};
use super::target::Target;
use crate::judge::call::Call;
use crate::judge::outcome::{Answer, Outcome};
use crate::net::stream::{Inbox, Stream};

const ANSWER_BYTES_MAX: usize = 16 * 1_024;
const FIELDS_MAX: usize = 32;
/// A text that is no code. The gateway refuses it with little work.
const NO_CODE: &[u8] = b"0";

/// A connection that carries one request at a time.
struct Http1Connection {
    node: usize,
    stream: Stream,
    request: RefCell<Request>,
    job: RefCell<Option<Job>>,
}

/// The bytes of a request. The code changes, and the head before it stays.
pub(super) struct Request {
    bytes: Vec<u8>,
    head: usize,
    call: Call,
}

/// An answer that has arrived whole.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Received {
    pub(super) answer: Answer,
    named: Named,
    length: usize,
    pub(super) closes: bool,
}

/// Connects and serves the dispatcher until the connection ends.
pub(super) async fn converse(target: &Target, dispatcher: &Rc<Dispatcher>) -> io::Result<()> {
    let stream = Stream::connect(&target.address).await?;
    if greet(&stream).await?.closes {
        return Ok(());
    }
    let request = RefCell::new(Request::new(Call::Redeem));
    let connection =
        Rc::new(Http1Connection { node: target.node, stream, request, job: RefCell::default() });
    let slot = Slot::new(Rc::clone(&connection));
    dispatcher.add_free(slot.clone());
    // However it ended, a request under way is lost and nothing more is sent here.
    let _ = connection.read(dispatcher, &slot).await;
    dispatcher.withdraw(&slot);
    if let Some(job) = connection.job.take() {
        dispatcher.note_lost(job);
    }
    Ok(())
}

/// The first request of a connection, without a code. The gateway silently closes a connection on
/// which no request came within `header_ms`. A code that is sent at that moment would be lost, and
/// neither side would be at fault.
pub(super) async fn greet(stream: &Stream) -> io::Result<Received> {
    stream.write_all(Request::new(Call::Redeem).with(Call::Redeem, NO_CODE, BODY)).await?;
    let mut inbox = Inbox::new(ANSWER_BYTES_MAX);
    while inbox.fill(stream).await? {
        if let Some(received) = received(inbox.filled())? {
            return Ok(received);
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

impl Connection for Http1Connection {
    fn node(&self) -> usize {
        self.node
    }

    fn is_over(&self) -> bool {
        self.stream.is_over()
    }

    fn send(self: Rc<Self>, job: Job) {
        let mut request = self.request.borrow_mut();
        let bytes = request.with(job.call(), job.made.text.as_bytes(), job.body());
        *self.job.borrow_mut() = Some(job);
        let written = match self.stream.try_write(bytes) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            // The reading task sees the end of the connection too, and reports the job as lost.
            Err(_) => return,
        };
        let rest = bytes.get(written..).unwrap_or_default().to_vec();
        if !rest.is_empty() {
            let connection = Rc::clone(&self);
            tokio::task::spawn_local(async move {
                let _ = connection.stream.write_all(&rest).await;
            });
        }
    }
}

impl Http1Connection {
    async fn read(&self, dispatcher: &Rc<Dispatcher>, slot: &Slot) -> io::Result<()> {
        let mut inbox = Inbox::new(ANSWER_BYTES_MAX);
        while inbox.fill(&self.stream).await? {
            let Some(received) = received(inbox.filled())? else { continue };
            inbox.take(received.length);
            // A gateway that answers without a request is closing.
            let Some(job) = self.job.take() else { return Ok(()) };
            dispatcher.note_answer(job, received.answer, received.named);
            if received.closes {
                return Ok(());
            }
            dispatcher.add_free(slot.clone());
        }
        Ok(())
    }
}

impl Request {
    pub(super) fn new(call: Call) -> Self {
        let path = call.path();
        let token = if call.shows_pass() { "Pass" } else { "Code" };
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nYanma-{token}: ",
            BODY.len()
        );
        Self { head: head.len(), bytes: head.into_bytes(), call }
    }

    pub(super) fn with(&mut self, call: Call, token: &[u8], body: &[u8]) -> &[u8] {
        if call != self.call {
            *self = Self::new(call);
        }
        self.bytes.truncate(self.head);
        self.bytes.extend_from_slice(token);
        self.bytes.extend_from_slice(b"\r\n\r\n");
        self.bytes.extend_from_slice(body);
        &self.bytes
    }
}

/// Reads an answer; `None` while it is incomplete.
pub(super) fn received(bytes: &[u8]) -> io::Result<Option<Received>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut fields);
    let head = match response.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let (mut body, mut closes, mut outcome) = (None, false, Outcome::Nameless);
    let (mut named, mut is_replayed) = (Named::default(), false);
    for field in response.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            body = str::from_utf8(field.value).ok().and_then(|digits| digits.parse().ok());
        } else if field.name.eq_ignore_ascii_case("yanma-outcome") {
            outcome = Outcome::of(field.value);
        } else if field.name.eq_ignore_ascii_case(REPLAYED) {
            is_replayed = field.value == b"true";
        } else if field.name.eq_ignore_ascii_case("connection") {
            closes = field.value.eq_ignore_ascii_case(b"close");
        } else {
            named.note(field.name, field.value);
        }
    }
    // Every answer to a request of this tool has a length.
    let body: usize = body.ok_or(io::ErrorKind::InvalidData)?;
    let length = head + body;
    let answer = Answer { status: response.code.unwrap_or(0), outcome, is_replayed };
    Ok((bytes.len() >= length).then_some(Received { answer, named, length, closes }))
}

#[cfg(test)]
mod tests {
    use super::super::request::OTHER_BODY;
    use super::*;
    use crate::judge::redemption::{Redemption, Spendable};

    const USED: &[u8] = b"HTTP/1.1 409 Conflict\r\nyanma-outcome: code_used\r\n\
        yanma-redemption: 7001-1800000000-00000000000000ff\r\ncontent-length: 2\r\nConnection: close\r\n\r\n{}";

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        for end in 0..USED.len() {
            assert_eq!(received(&USED[..end]).unwrap(), None);
        }
        let answer = Answer::new(409, Outcome::CodeUsed);
        let what = Spendable::Code;
        let used = Redemption { what, key_id: 7001, issued_at_s: 1_800_000_000, serial: 255 };
        let named = Named::from(Some(used));
        let whole = Received { answer, named, length: USED.len(), closes: true };
        assert_eq!(received(USED).unwrap(), Some(whole));
    }

    #[test]
    fn a_stored_answer_is_known_by_its_header() {
        let stored = b"HTTP/1.1 200 OK\r\nYanma-Outcome: approved\r\nIdempotent-Replayed: true\r\n\
            Content-Length: 0\r\n\r\n";
        let answer = received(stored).unwrap().unwrap().answer;
        assert!(answer.is_replayed && !answer.is_approval());
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        assert!(received(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_takes_one_code_after_the_other() {
        let mut request = Request::new(Call::Redeem);
        assert!(request.with(Call::Redeem, b"123456", BODY).ends_with(BODY));
        let text =
            String::from_utf8(request.with(Call::Redeem, b"7", OTHER_BODY).to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with("Yanma-Code: 7"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        serde_json::from_str::<serde_json::Value>(body).unwrap();
        let text = String::from_utf8(request.with(Call::Pass, b"7", BODY).to_vec()).unwrap();
        assert!(text.starts_with("POST /settle HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("\r\nYanma-Pass: 7\r\n") && !text.contains("Yanma-Code"), "{text}");
    }
}
