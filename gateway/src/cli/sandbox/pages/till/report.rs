//! What became of a cashier's wish, as the page shows it and a developer reads it.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::samples::samples;
use super::verb::Verb;
use super::verdict::{Kind, Verdict};
use super::words::{Headline, Word};
use crate::cli::sandbox::pages::messages::Exchange;
use crate::web::language::Language;

/// What was asked for, sent and heard.
#[derive(Debug)]
pub(super) struct Report {
    /// What was asked for.
    pub(super) verb: Verb,
    /// What was sent: the same, but for a retry.
    pub(super) sent: Verb,
    /// In their order. The last one is judged.
    pub(super) exchanges: Vec<Exchange>,
    pub(super) verdict: Verdict,
}

impl Report {
    /// As JSON. `state` is the till's.
    pub(super) fn shown(&self, gateway: SocketAddr, language: Language, state: &Value) -> Value {
        let mut exchanges: Vec<Value> =
            self.exchanges.iter().map(|one| exchange(gateway, one)).collect();
        let mut shown = exchanges.pop().unwrap_or_default();
        if let Value::Object(shown) = &mut shown {
            shown.insert("verb".to_owned(), self.verb.name().into());
            shown.insert("sent".to_owned(), self.sent.name().into());
            shown.insert("earlier".to_owned(), exchanges.into());
            shown.insert("verdict".to_owned(), json!(self.verdict));
            shown.insert("headline".to_owned(), self.headline(language));
            shown.insert("state".to_owned(), state.clone());
        }
        shown
    }

    /// What the largest letters say. It never holds a sentence of the gateway.
    fn headline(&self, language: Language) -> Value {
        use Headline as H;
        let (word, tone) = match (self.verdict.kind, self.sent) {
            (Kind::Done, Verb::Decode) => (H::Accepted, "good"),
            (Kind::Done, Verb::Identify) => (H::Known, "good"),
            (Kind::Done, Verb::Presettle) => (H::ToPay, "good"),
            (Kind::Done, Verb::Settle) => (H::Received, "good"),
            (Kind::Done, Verb::Reverse | Verb::Query | Verb::Retry) => (H::Taken, "good"),
            (Kind::Nothing, _) => (H::NothingTaken, "good"),
            (Kind::Refused, _) => (H::Refused, "warn"),
            (Kind::Unknown, _) => (H::Unknown, "bad"),
            (Kind::Silent, _) => (H::Silent, "bad"),
            (Kind::Backend | Kind::BackendUnclear, _) => (H::Backend, "backend"),
            (Kind::BookSettled, _) => (H::BookSettled, "book"),
            (Kind::BookReversed, _) => (H::BookReversed, "book"),
            (Kind::BookRefunded, _) => (H::BookRefunded, "book"),
            (Kind::BookNone, _) => (H::BookNone, "book"),
        };
        let amount = self.verdict.amount.as_deref().map(|amount| format!(" {amount}"));
        let text = format!("{}{}", word.in_language(language), amount.unwrap_or_default());
        let hint = self.verdict.action.and_then(hint).map(|word| word.in_language(language));
        json!({ "text": text, "tone": tone, "hint": hint })
    }
}

/// What the cashier does.
fn hint(action: &str) -> Option<Word> {
    Some(match action {
        "rescan" => Word::Rescan,
        "resend" => Word::Resend,
        "query" => Word::QueryFirst,
        "wait" => Word::Wait,
        "patient" => Word::Patient,
        "vendor" => Word::Vendor,
        "operator" => Word::Operator,
        _ => return None,
    })
}

fn exchange(gateway: SocketAddr, exchange: &Exchange) -> Value {
    let Exchange { call, heard, ms } = exchange;
    let response = heard.as_ref().ok().map(|heard| {
        json!({
            "status": heard.status.as_u16(),
            "headers": fields(&heard.headers),
            "body": String::from_utf8_lossy(&heard.body),
        })
    });
    json!({
        "request": {
            "method": call.method.as_str(),
            "target": call.target,
            "headers": headers(call.headers.iter().map(|(name, value)| (name, value))),
            "body": String::from_utf8_lossy(&call.body),
        },
        "response": response,
        "failure": heard.as_ref().err(),
        "milliseconds": ms,
        "samples": samples(gateway, call),
    })
}

fn fields(map: &HeaderMap) -> Map<String, Value> {
    headers(map.iter())
}

fn headers<'a>(of: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Map<String, Value> {
    of.map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
    })
    .collect()
}
