//! Events as bytes (WHATWG HTML, 9.2.5).

use bytes::Bytes;
use serde_json::Value;

use super::bounds::REOPEN_MS;

/// An event whose data is one line.
pub(super) fn event(name: &str, data: &Value) -> Bytes {
    // JSON writes an end of line as `\n` inside of strings, so the data has none.
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// The first event of a stream. It also says how soon a browser may come again.
pub(super) fn hello(data: &Value) -> Bytes {
    Bytes::from(format!("retry: {REOPEN_MS}\nevent: hello\ndata: {data}\n\n"))
}

/// What every reader passes over.
pub(super) fn comment() -> Bytes {
    Bytes::from_static(b": still here\n\n")
}
