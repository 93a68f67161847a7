//! The lists of the contract, and the form of every refusal. They are read from the contract's
//! files, not from the gateway's code.

use std::sync::LazyLock;

use serde::Deserialize;

use super::wire::Message;

/// One row of `gateway/contract/refusals.toml`, as far as a client sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) reason: String,
    pub(crate) status: u16,
    pub(crate) error_code: String,
    pub(crate) action: String,
    /// For developers, in English.
    pub(crate) title: String,
    pub(crate) message_zh: String,
    /// Whose fault it is.
    pub(crate) fault: String,
    /// False: this version never answers it.
    pub(crate) produced: bool,
    /// Seconds, where the same code may pass later.
    pub(crate) retry_after: Option<u32>,
}

/// One row of `gateway/contract/metrics.toml`.
#[derive(Debug, Deserialize)]
pub(crate) struct Family {
    pub(crate) name: String,
    /// `counter`, `gauge` or `histogram`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) labels: Vec<String>,
    /// `always`, or the part of the configuration that shows it.
    pub(crate) shown: String,
}

/// One row of `gateway/contract/events.toml`.
#[derive(Debug, Deserialize)]
pub(crate) struct EventRow {
    pub(crate) name: String,
    pub(crate) level: String,
    #[serde(default)]
    pub(crate) fields: Vec<String>,
}

#[derive(Deserialize)]
struct Events {
    event: Vec<EventRow>,
}

#[derive(Deserialize)]
struct Refusals {
    refusal: Vec<Row>,
}

#[derive(Deserialize)]
struct Metrics {
    metric: Vec<Family>,
}

pub(crate) static REFUSALS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!("../../../gateway/contract/refusals.toml");
    toml::from_str::<Refusals>(text).expect("the contract's refusals are TOML").refusal
});

pub(crate) static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| {
    let text = include_str!("../../../gateway/contract/metrics.toml");
    toml::from_str::<Metrics>(text).expect("the contract's metrics are TOML").metric
});

pub(crate) static EVENTS: LazyLock<Vec<EventRow>> = LazyLock::new(|| {
    let text = include_str!("../../../gateway/contract/events.toml");
    toml::from_str::<Events>(text).expect("the contract's events are TOML").event
});

impl Message {
    /// Asserts that this is the contract's answer for a reason, to the letter. Returns its body.
    #[track_caller]
    pub(crate) fn assert_refused(&self, reason: &str) -> serde_json::Value {
        let row =
            REFUSALS.iter().find(|row| row.reason == reason).expect("a reason of the contract");
        assert!(row.produced, "the contract reserves {reason}");
        let outcome = self.field("yanma-outcome");
        assert_eq!((self.status(), outcome), (row.status, Some(reason)), "{self:?}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        assert_eq!(self.field("cache-control"), Some("no-store"));
        let seconds = self.field("retry-after").map(|text| text.parse().expect("whole seconds"));
        assert_eq!(seconds, row.retry_after, "{reason}: Retry-After");

        let body = self.json();
        assert_eq!(body["type"], format!("urn:yanma:refusal:{reason}"));
        assert_eq!(body["status"], row.status);
        assert_eq!(body["reason"], reason);
        assert_eq!(body["error_code"], row.error_code);
        assert_eq!(body["action"], row.action);
        assert_eq!(body["message_zh"], row.message_zh);
        assert_eq!(body["request_id"].as_str(), Some(self.request_id()));
        assert_eq!(body["redemption"].as_str(), self.field("yanma-redemption"));
        assert_eq!(body["title"], row.title);
        assert!(!row.title.is_empty() && row.title.is_ascii(), "it is English: {}", row.title);
        let time = body["time"].as_str().expect("a time");
        assert!(time.ends_with('Z') && time.parse::<keyring::time::UnixMillis>().is_ok(), "{time}");
        body
    }

    /// Asserts that the backend settled and that its answer was relayed.
    #[track_caller]
    pub(crate) fn assert_approved(&self) {
        let outcome = self.field("yanma-outcome");
        assert_eq!((self.status(), outcome), (200, Some("approved")), "{self:?}");
        assert_eq!(self.text(), super::backend::SETTLED);
        self.request_id();
    }

    /// Asserts that this is the answer `first` again. Only the mark may differ.
    #[track_caller]
    pub(crate) fn assert_again(&self, first: &Self) {
        assert_eq!(self.field("idempotent-replayed"), Some("true"), "{self:?}");
        assert_eq!(first.field("idempotent-replayed"), None, "the first is no repetition");
        let mut unmarked = self.clone();
        unmarked.fields.retain(|(name, _)| !name.eq_ignore_ascii_case("idempotent-replayed"));
        let parts = |one: &Self| {
            let Self { start, fields, body, trailers, is_whole } = one.clone();
            (start, fields, body, trailers, is_whole)
        };
        assert_eq!(parts(&unmarked), parts(first));
    }

    /// 16 characters of Crockford base 32, lower case.
    #[track_caller]
    pub(crate) fn request_id(&self) -> &str {
        let id = self.field("yanma-request-id").expect("every answer carries a request id");
        let is_sound = |letter| "0123456789abcdefghjkmnpqrstvwxyz".contains(letter);
        assert!(id.len() == 16 && id.chars().all(is_sound), "request id {id:?}");
        id
    }
}
