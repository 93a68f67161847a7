//! What a line says.

use std::borrow::Cow;

use keyring::time::UnixMillis;
use serde::Deserialize;

/// The fields of a line that are read back. A field that the line lacks is `None`.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct Facts<'a> {
    #[serde(borrow)]
    pub(crate) event: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) time: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) node: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(crate) process: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) client: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) request_id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) client_request_id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) trace_id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) route: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) route_use: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) outcome: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) error_code: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) redemption: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) observed: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) subject_hash: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) subject_key: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) backend: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) endpoint: Option<Cow<'a, str>>,
    pub(crate) status: Option<u16>,
    #[serde(default, borrow)]
    pub(crate) spending: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) bytes_sent: bool,
    pub(crate) latency_us: Option<u64>,
    pub(crate) stands_for: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) channel: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) span_id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) parent_span_id: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) method: Option<Cow<'a, str>>,
    pub(crate) count: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) previous_process: Option<Cow<'a, str>>,
    pub(crate) previous_seq: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) previous_hash: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) expired_process: Option<Cow<'a, str>>,
    pub(crate) expired_seq: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) expired_hash: Option<Cow<'a, str>>,
}

impl<'a> Facts<'a> {
    /// `None` if the text is no line of the record.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Is it from this moment or later? A line without a time is not.
    pub fn is_from(&self, from: UnixMillis) -> bool {
        self.time.parse().is_ok_and(|at: UnixMillis| at >= from)
    }

    pub(crate) fn is_decision(&self) -> bool {
        self.event == "decision"
    }
}

/// The text, or `-`.
pub(crate) fn or_dash<'a>(text: &'a Option<Cow<'a, str>>) -> &'a str {
    text.as_deref().unwrap_or("-")
}
