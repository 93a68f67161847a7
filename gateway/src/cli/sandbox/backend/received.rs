//! What the stand-in was told, and shows in its answer.

use http::HeaderMap;
use http::request::Parts;
use serde::Serialize;
use serde_json::{Map, Value};

/// A request without its body, as far as an answer shows it.
#[derive(Serialize)]
pub(super) struct Received {
    method: String,
    target: String,
    body_bytes: usize,
    headers: Map<String, Value>,
}

impl Received {
    pub(super) fn new(head: &Parts, body_bytes: usize) -> Self {
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        Self {
            method: head.method.to_string(),
            target: target.to_owned(),
            body_bytes,
            headers: yanma_headers(&head.headers),
        }
    }

    /// A header that the gateway writes, if it is there and not empty. `name` is in lower case and
    /// begins with `yanma-`.
    pub(super) fn told(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?.as_str()?;
        (!value.is_empty() && value.is_ascii()).then_some(value)
    }

    /// What says that the code, or the pass, was spent for this request.
    pub(super) fn redemption(&self) -> Option<&str> {
        self.told("yanma-redemption")
    }

    /// An exchange: the id of the code that was spent, and that of the pass which it became.
    pub(super) fn exchange(&self) -> Option<(&str, &str)> {
        self.told("yanma-pass")?;
        Some((self.redemption()?, self.told("yanma-pass-id")?))
    }

    /// What pays, if this request is to charge: it was spent, and not for a pass.
    pub(super) fn payment(&self) -> Option<&str> {
        let is_exchange = self.told("yanma-pass").is_some();
        self.redemption().filter(|_| !is_exchange)
    }
}

fn yanma_headers(headers: &HeaderMap) -> Map<String, Value> {
    let given = headers.iter().filter(|(name, _)| name.as_str().starts_with("yanma-"));
    given
        .map(|(name, value)| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), Value::String(text))
        })
        .collect()
}
