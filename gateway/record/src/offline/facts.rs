//! What a line says.

use std::{borrow::Cow, fmt, ops::Deref};

use keyring::time::UnixMillis;
use serde::Deserialize;

/// A text of a line: borrowed from it, unless it holds an escape. `Option<Cow<str>>` never borrows,
/// and a copy of each field is most of what reading a line costs.
#[derive(Default, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

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
    pub(crate) process: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) client: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) request_id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) client_request_id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) trace_id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) route: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) route_use: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) outcome: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) error_code: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) redemption: Option<Text<'a>>,
    pub(crate) key_id: Option<u32>,
    /// Of a code that is not genuine: the key that it names.
    pub(crate) claimed_key_id: Option<u32>,
    #[serde(default, borrow)]
    pub(crate) channel: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) region: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) kind: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) infno: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) msgid: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) omsgid: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) institution: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) observed: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) subject_hash: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) subject_key: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) backend: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) endpoint: Option<Text<'a>>,
    pub(crate) status: Option<u16>,
    #[serde(default, borrow)]
    pub(crate) spending: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) bytes_sent: bool,
    pub(crate) latency_us: Option<u64>,
    pub(crate) stands_for: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) span_id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) parent_span_id: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) method: Option<Text<'a>>,
    pub(crate) file_number: Option<u32>,
    #[serde(default, borrow)]
    pub(crate) none_before: Option<Text<'a>>,
    pub(crate) count: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) previous_process: Option<Text<'a>>,
    pub(crate) previous_seq: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) previous_hash: Option<Text<'a>>,
    #[serde(default, borrow)]
    pub(crate) expired_process: Option<Text<'a>>,
    pub(crate) expired_seq: Option<u64>,
    #[serde(default, borrow)]
    pub(crate) expired_hash: Option<Text<'a>>,
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

    /// Decisions that the line stands for: more than one if others like it were left out.
    #[must_use]
    pub fn stands_for(&self) -> u64 {
        self.stands_for.unwrap_or(1)
    }

    /// From the head of the request to the outcome.
    #[must_use]
    pub fn latency_us(&self) -> u64 {
        self.latency_us.unwrap_or(0)
    }
}

/// The text, or `-`.
pub(crate) fn or_dash<'a>(text: &'a Option<Text<'_>>) -> &'a str {
    text.as_deref().unwrap_or("-")
}
