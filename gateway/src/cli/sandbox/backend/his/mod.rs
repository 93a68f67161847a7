//! What hospital systems (HIS) meet: the national interface's messages, and a book behind them.
//!
//! `/uif` takes the fsi envelope, `/api/ecqrcode` the bare form of decoding (1162), both by POST, in
//! UTF-8 or GBK. What is below `/gbk` there is read as GBK, as a gateway's route with that charset
//! reads it. Each answer is in the charset of its message, and shows what the gateway forwarded.
//!
//! | file | what it knows |
//! |---|---|
//! | `envelope.rs` | the messages |
//! | `transactions/` | what each number of a transaction does |
//! | `charset.rs` | their texts |

mod charset;
mod envelope;
mod transactions;

use std::sync::Arc;

use clock::Clock;
use http::request::Parts;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use self::charset::Charset;
use self::envelope::{Call, Done, Object, Stamp, Told};
use super::book::Book;
use super::received::Received;
use super::refused::Refused;
use super::reply::Answer;

/// A path at which the stand-in speaks to hospital systems.
#[derive(Copy, Clone)]
pub(super) struct Door {
    form: Form,
    charset: Option<Charset>,
}

#[derive(Copy, Clone)]
enum Form {
    Fsi,
    Bare,
}

const DOORS: [(&str, Form); 2] = [("/uif", Form::Fsi), ("/api/ecqrcode", Form::Bare)];

/// A message as it came.
pub(super) struct Letter<'a> {
    pub(super) head: &'a Parts,
    /// `None`: it was too large and was not kept.
    pub(super) body: Option<&'a [u8]>,
    pub(super) received: Received,
    /// The number of the request, from 1.
    pub(super) number: u64,
    pub(super) arrivals_of_redemption: Option<u64>,
}

/// A message that could be read.
pub(super) struct Message(Parsed);

enum Parsed {
    Fsi(Call),
    Bare(Object),
}

/// What stands in for the national platform.
pub(super) struct Platform {
    book: Arc<Book>,
    clock: Clock,
}

impl Message {
    /// Whether it charges, or gives back. A reversal does not count: it always works.
    pub(super) fn moves_money(&self) -> bool {
        match &self.0 {
            Parsed::Fsi(call) => transactions::moves_money(&call.infno),
            Parsed::Bare(_) => false,
        }
    }
}

impl Door {
    /// The door at a path, or above it. Case does not matter, as in a gateway's routes.
    pub(super) fn at(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        DOORS.into_iter().find_map(|(door, form)| {
            let rest = path.strip_prefix(door)?;
            let is_gbk = rest == "/gbk" || rest.starts_with("/gbk/");
            let is_door = rest.is_empty() || rest.starts_with('/');
            is_door.then_some(Self { form, charset: is_gbk.then_some(Charset::Gbk) })
        })
    }
}

impl Platform {
    pub(super) fn new(book: Arc<Book>, clock: Clock) -> Self {
        Self { book, clock }
    }

    /// Reads a message, and does nothing yet.
    pub(super) fn read(&self, door: Door, letter: &Letter<'_>) -> Result<Message, Refused> {
        if letter.head.method != Method::POST {
            return Err(Refused::malformed("只接受 POST"));
        }
        let body = letter.body.ok_or_else(|| Refused::malformed("报文超过 64 MiB"))?;
        let text = letter.charset(door)?.decode(body)?;
        Ok(Message(match door.form {
            Form::Fsi => Parsed::Fsi(Call::read(&text)?),
            Form::Bare => Parsed::Bare(envelope::read_bare(&text)?),
        }))
    }

    /// Does what a message asks for, and answers.
    pub(super) fn answer(
        &self,
        door: Door,
        letter: &Letter<'_>,
        message: &Result<Message, Refused>,
    ) -> Answer {
        let done = message.as_ref().map_err(Refused::clone).and_then(|message| match &message.0 {
            Parsed::Fsi(call) => transactions::carry_out(call, &letter.received, &self.book),
            Parsed::Bare(data) => transactions::decode(data, &letter.received, &self.book),
        });
        let told = match done {
            Ok(done) => Told::Done(letter.shown_in(done)),
            Err(refused) => Told::Refused(refused),
        };
        self.write(door, letter, StatusCode::OK, told)
    }

    /// Does nothing, and answers as a platform that fails.
    pub(super) fn fail(&self, door: Door, letter: &Letter<'_>, status: StatusCode) -> Answer {
        self.write(door, letter, status, Told::Failed)
    }

    /// Does nothing, and tells which values of `Sandbox-Fault` there are.
    pub(super) fn unknown_fault(&self, door: Door, letter: &Letter<'_>) -> Answer {
        let refused = Refused::malformed(
            "Sandbox-Fault 只能是 error、stall、reset、half，后三者可加 -booked（先入账再丢失应答）",
        );
        self.write(door, letter, StatusCode::OK, Told::Refused(refused))
    }

    fn write(&self, door: Door, letter: &Letter<'_>, status: StatusCode, told: Told) -> Answer {
        let text = match door.form {
            Form::Fsi => told.write_fsi(&Stamp { at: self.clock.now(), number: letter.number }),
            Form::Bare => told.write_bare(),
        };
        let charset = letter.charset(door).unwrap_or(Charset::Utf8);
        let content_type = charset.content_type();
        Answer { status, content_type, text: charset.encode(text).into() }
    }
}

impl Letter<'_> {
    fn charset(&self, door: Door) -> Result<Charset, Refused> {
        let declared = self.head.headers.get(header::CONTENT_TYPE);
        let declared = declared.and_then(|value| value.to_str().ok());
        door.charset.map_or_else(|| Charset::of(declared, self.body.unwrap_or_default()), Ok)
    }

    /// Adds what the gateway forwarded.
    fn shown_in(&self, mut done: Done) -> Done {
        if let Value::Object(output) = &mut done.output {
            output.insert("received".to_owned(), json!(self.received));
            if let Some(count) = self.arrivals_of_redemption {
                output.insert("arrivals_of_redemption".to_owned(), count.into());
            }
        }
        done
    }
}

#[cfg(test)]
mod tests;
