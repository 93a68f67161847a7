//! What a worker knows of one decision, without allocation: it is copied into the queue as it is,
//! and becomes text on the writer's thread.

use std::sync::Arc;

use arrayvec::ArrayVec;
use keyring::{
    code::{Auth, CodeIdentity, Kind, Region, Subject},
    key::Channel,
    time::UnixMillis,
    verify::VerifiedCode,
};

use super::{
    labels::Labels,
    limits::{CLIENT_DIGITS_MAX, CLIENT_TEXT_BYTES_MAX},
    line::hex_value,
};

/// A decision on its way to the writer.
#[derive(Debug)]
pub struct Entry {
    /// The names in force for this request.
    pub labels: Arc<Labels>,
    /// When the outcome was known.
    pub at: UnixMillis,
    /// From the head of the request to the outcome, in nanoseconds.
    pub latency_ns: u64,
    /// The gateway's name of the request: 16 ASCII characters that need no escape in JSON.
    pub request_id: [u8; 16],
    /// The index of its route in [`Labels::routes`].
    pub route: Option<usize>,
    /// `approved`, or why it was refused: a word that needs no escape in JSON.
    pub outcome: &'static str,
    /// The number of a refusal.
    pub error_code: Option<&'static str>,
    /// Of the key that the code names, whether or not the code is genuine.
    pub channel: Option<Channel>,
    /// Empty: a process of this machine.
    pub client: ClientText,
    /// What the request left behind on its way.
    pub trail: Trail,
    /// Decisions on what is no genuine code that this line stands for, itself included.
    pub stands_for: u32,
}

/// What a request leaves behind on its way.
#[derive(Debug, Default)]
pub struct Trail {
    client_request_id: ClientText,
    trace_id: Option<[u8; 16]>,
    code: Option<CodeFacts>,
    backend: Option<usize>,
    endpoint: Option<usize>,
    status: Option<u16>,
    spending: Spending,
    bytes_sent: bool,
    /// Room in the queue is held for this decision.
    pub(super) has_place: bool,
}

/// What became of the code of a redeem route.
#[derive(Debug, Default, Copy, Clone, Eq, PartialEq)]
pub(super) enum Spending {
    /// Not spent for this request.
    #[default]
    None,
    /// Spent, and spent it stays.
    Spent,
    /// Spent, then given back, as not one byte had left.
    GivenBack,
}

impl Spending {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Spent => "spent",
            Self::GivenBack => "given_back",
        }
    }
}

/// What is recorded of a genuine code.
#[derive(Debug, Copy, Clone)]
pub(super) struct CodeFacts {
    pub(super) identity: CodeIdentity,
    pub(super) kind: Kind,
    pub(super) region: Region,
    pub(super) auth: Auth,
    pub(super) relation: u8,
    /// Hashed before it is written.
    pub(super) subject: Subject,
    pub(super) age_ms: i64,
}

impl Trail {
    /// What the client calls its request, and the text of its `traceparent`.
    #[inline]
    #[must_use]
    pub fn of_client(request_id: Option<&[u8]>, traceparent: Option<&[u8]>) -> Self {
        Self {
            client_request_id: request_id.map_or_else(ClientText::default, client_text),
            trace_id: traceparent.and_then(trace_id),
            ..Self::default()
        }
    }

    /// A genuine code has arrived.
    pub fn met(&mut self, code: &VerifiedCode, now: UnixMillis) {
        self.code = Some(CodeFacts {
            identity: code.identity(),
            kind: code.kind(),
            region: code.region(),
            auth: code.auth(),
            relation: code.relation(),
            subject: code.subject(),
            age_ms: code.age(now),
        });
    }

    /// The request is for this backend.
    pub fn set_backend(&mut self, backend: usize) {
        self.backend = Some(backend);
    }

    /// The request is for this endpoint of its backend.
    pub fn goes_to(&mut self, endpoint: Option<usize>) {
        self.endpoint = endpoint;
    }

    /// The status of the backend's answer.
    pub fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// The code is spent for this request.
    pub fn spent(&mut self) {
        self.spending = Spending::Spent;
    }

    /// The code is not spent any more.
    pub fn gave_back(&mut self) {
        self.spending = Spending::GivenBack;
    }

    /// Whether bytes of the request may have left for the backend.
    pub fn bytes_sent(&mut self, sent: bool) {
        self.bytes_sent = sent;
    }

    /// Is the decision recorded whatever the sampling?
    pub(super) fn matters(&self) -> bool {
        self.code.is_some() || self.backend.is_some()
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts {
            client_request_id: &self.client_request_id,
            trace_id: self.trace_id,
            code: self.code,
            backend: self.backend,
            endpoint: self.endpoint,
            status: self.status,
            spending: self.spending,
            bytes_sent: self.bytes_sent,
        }
    }
}

/// A trail as the writer reads it.
pub(super) struct Parts<'a> {
    pub(super) client_request_id: &'a [u8],
    pub(super) trace_id: Option<[u8; 16]>,
    pub(super) code: Option<CodeFacts>,
    pub(super) backend: Option<usize>,
    pub(super) endpoint: Option<usize>,
    pub(super) status: Option<u16>,
    pub(super) spending: Spending,
    pub(super) bytes_sent: bool,
}

/// Text that a client chose, cut to a bound.
pub type ClientText = ArrayVec<u8, CLIENT_TEXT_BYTES_MAX>;

/// Written in place of a text that may hold a part of a code.
const LEFT_OUT: &[u8] = b"(left out: a number as long as a code's)";

/// The beginning of a text, unless it holds so many digits in a row that they may be a code's:
/// no code may stand in the record, wherever a client puts it.
#[must_use]
pub fn client_text(bytes: &[u8]) -> ClientText {
    let bytes = bytes.get(..CLIENT_TEXT_BYTES_MAX).unwrap_or(bytes);
    let runs = bytes.split(|byte| !byte.is_ascii_digit());
    let is_too_long = runs.map(<[u8]>::len).any(|digits| digits > CLIENT_DIGITS_MAX);
    ClientText::try_from(if is_too_long { LEFT_OUT } else { bytes }).expect("cut to the bound")
}

/// The trace id of a `traceparent` (W3C Trace Context, 3.2.2): version, 16 bytes, 8 bytes, flags,
/// in lower-case hex. `None` for what is none, and for the trace id of zeros, which is invalid.
fn trace_id(text: &[u8]) -> Option<[u8; 16]> {
    let version = text.get(..2)?;
    let is_hex = |part: &[u8]| part.iter().all(|digit| hex_value(*digit).is_some());
    let (trace, parent, flags) = (text.get(3..35)?, text.get(36..52)?, text.get(53..55)?);
    let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
    let ends = text.len() == 55 || (version != b"00" && text.get(55) == Some(&b'-'));
    let hex = is_hex(version) && is_hex(parent) && is_hex(flags);
    if !dashes || !ends || !hex || version == b"ff" {
        return None;
    }
    let mut id = [0; 16];
    for (byte, pair) in id.iter_mut().zip(trace.as_chunks::<2>().0) {
        let [high, low] = *pair;
        *byte = hex_value(high)? << 4 | hex_value(low)?;
    }
    (id != [0; 16]).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_clients_is_cut_and_holds_no_code() {
        assert_eq!(&client_text(b"H3701-20261126-0001")[..], b"H3701-20261126-0001");
        // The message number of the national interface is 30 digits and passes.
        let number = b"370100000001202611260930211234";
        assert_eq!(&client_text(number)[..], number);
        assert_eq!(client_text(&[b'a'; 300]).len(), CLIENT_TEXT_BYTES_MAX);
        for text in [&[b'7'; 255][..], &[b'7'; 33], b"id=777777777777777777777777777777777;"] {
            assert_eq!(&client_text(text)[..], LEFT_OUT);
        }
    }

    #[test]
    fn a_trace_id_is_read_by_the_recommendation() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{id}-00f067aa0ba902b7-01");
        let read = trace_id(good.as_bytes()).unwrap();
        assert_eq!((read[0], read[15]), (0x4b, 0x36));
        assert!(trace_id(format!("cc-{id}-00f067aa0ba902b7-01-more").as_bytes()).is_some());
        for bad in [
            "".to_owned(),
            good.to_uppercase(),
            format!("{good}-more"),
            format!("ff-{id}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            good.replace('-', "_"),
            good[..54].to_owned(),
        ] {
            assert_eq!(trace_id(bad.as_bytes()), None, "{bad}");
        }
    }
}
