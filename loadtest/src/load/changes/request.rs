//! A change as a request to the writing API of a gateway, and its answer. Each request has a
//! connection of its own, so a gateway that leaves cannot close one that waits.

use std::io;

use serde::Deserialize;

use crate::judge::law::account::Operation;
use crate::net::address::Address;
use crate::net::stream::{Inbox, Stream};
use crate::site;

const ANSWER_BYTES_MAX: usize = 64 * 1_024;
const FIELDS_MAX: usize = 32;
/// On whose word accounts are frozen here.
const CAUSE: &str = "hotline";

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct ChangeRequest {
    /// Its name. A request that is sent again keeps it.
    pub(super) name: String,
    pub(super) subject: u64,
    pub(super) operation: Operation,
    /// The number of the freeze to lift.
    pub(super) freeze: Option<u64>,
}

/// What a gateway said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reply {
    /// The change is made. A freeze has a number.
    Acknowledged {
        /// The number of the freeze.
        freeze: Option<u64>,
        /// Something was written for it.
        changed: bool,
    },
    /// It is not made, or not acknowledged.
    Refused {
        /// The HTTP status.
        status: u16,
        /// One of the words of the API.
        reason: String,
        /// In words.
        detail: String,
    },
}

#[derive(Deserialize)]
struct Acknowledgement {
    results: Vec<OneResult>,
}

#[derive(Deserialize)]
struct OneResult {
    subject: String,
    freeze: Option<String>,
    changed: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    reason: String,
    detail: String,
}

impl ChangeRequest {
    /// Its bytes.
    pub(super) fn bytes(&self, token: &str) -> Vec<u8> {
        let body = self.body().to_string();
        let length = body.len();
        format!(
            "POST /accounts/changes HTTP/1.1\r\nHost: yanma.loadtest\r\nAuthorization: Bearer \
             {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn body(&self) -> serde_json::Value {
        let subject = self.subject.to_string();
        let change = match self.operation {
            Operation::Freeze => {
                serde_json::json!({"op": "freeze", "subject": subject, "cause": CAUSE})
            }
            Operation::Lift => {
                let freeze = self.freeze.unwrap_or(0).to_string();
                serde_json::json!(
                    {"op": "unfreeze", "subject": subject, "cause": CAUSE, "freeze": freeze}
                )
            }
            Operation::Unbind { channel, epoch } => {
                let channel = site::CHANNELS.get(channel).copied().unwrap_or_default();
                serde_json::json!(
                    {"op": "unbind", "subject": subject, "channel": channel, "epoch": epoch}
                )
            }
        };
        serde_json::json!({"request": self.name, "changes": [change]})
    }

    /// Sends it and reads the answer, to the end of the connection.
    ///
    /// # Errors
    /// The system's error, or that the answer is none. The change may be made all the same.
    pub(super) async fn exchange(&self, stream: &Stream, token: &str) -> io::Result<Reply> {
        stream.write_all(&self.bytes(token)).await?;
        let mut inbox = Inbox::new(ANSWER_BYTES_MAX);
        while inbox.fill(stream).await? {}
        self.reply(inbox.filled()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Reads a whole answer; `None` if it was cut, or names another person.
    fn reply(&self, bytes: &[u8]) -> Option<Reply> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(head) = response.parse(bytes).ok()? else { return None };
        let is_length =
            |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("content-length");
        let length = response.headers.iter().find(is_length)?.value;
        let length: usize = str::from_utf8(length).ok()?.parse().ok()?;
        let body = bytes.get(head..)?.get(..length)?;
        let status = response.code?;
        if status != 200 {
            let Problem { reason, detail } = serde_json::from_slice(body).unwrap_or_default();
            return Some(Reply::Refused { status, reason, detail });
        }
        let Acknowledgement { results } = serde_json::from_slice(body).ok()?;
        let [OneResult { subject, freeze, changed }] = results.as_slice() else { return None };
        let freeze = freeze.as_deref().and_then(|number| number.parse().ok());
        (*subject == self.subject.to_string())
            .then_some(Reply::Acknowledged { freeze, changed: *changed })
    }
}

/// Connects to a gateway's writing API.
///
/// # Errors
/// The system's error. Nothing was sent.
pub(super) async fn connect(address: &Address) -> io::Result<Stream> {
    Stream::connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: Operation) -> ChangeRequest {
        ChangeRequest { name: "L-1".to_owned(), subject: 42, operation, freeze: Some(817) }
    }

    fn reply(status: &str, body: &str) -> Option<Reply> {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        let whole = request(Operation::Freeze).reply(text.as_bytes());
        for end in 0..text.len() {
            assert_eq!(request(Operation::Freeze).reply(&text.as_bytes()[..end]), None);
        }
        whole
    }

    #[test]
    fn a_change_is_sent_with_its_name_and_the_token() {
        let sent = |operation| {
            let text = String::from_utf8(request(operation).bytes("secret")).unwrap();
            assert!(text.contains("\r\nAuthorization: Bearer secret\r\n"), "{text}");
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
            serde_json::from_str::<serde_json::Value>(body).unwrap()
        };
        let freeze = sent(Operation::Freeze);
        assert_eq!(freeze["request"], "L-1");
        assert_eq!(freeze["changes"][0]["op"], "freeze");
        assert_eq!(freeze["changes"][0]["subject"], "42");
        assert_eq!(sent(Operation::Lift)["changes"][0]["freeze"], "817");
        let unbind = sent(Operation::Unbind { channel: 1, epoch: 3 });
        assert_eq!(unbind["changes"][0]["channel"], "alipay");
        assert_eq!(unbind["changes"][0]["epoch"], 3);
    }

    #[test]
    fn an_answer_is_read_when_it_is_whole_and_of_this_person() {
        let body = "{\"acknowledged_at\":\"x\",\"results\":[{\"subject\":\"42\",\"freeze\":\"818\",\
                    \"changed\":true}]}";
        let freeze = Some(818);
        assert_eq!(reply("200 OK", body), Some(Reply::Acknowledged { freeze, changed: true }));
        assert_eq!(reply("200 OK", &body.replace("42", "43")), None);
        let refused = reply("409 Conflict", "{\"reason\":\"newer_freeze\",\"detail\":\"no\"}");
        let Some(Reply::Refused { status: 409, reason, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(reason, "newer_freeze");
    }
}
