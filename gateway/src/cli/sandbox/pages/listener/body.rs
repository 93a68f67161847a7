//! Reads the body of a request: of the endpoint's media type, within its bytes and its time.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::cli::sandbox::pages::messages::Problem;

const TIME_MAX: Duration = Duration::from_secs(10);

/// What an endpoint takes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    Nothing,
    Json,
    /// A byte a pixel.
    Picture,
}

impl Takes {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Json => "application/json",
            Self::Picture => "application/octet-stream",
        }
    }

    const fn bytes_max(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Json => 64 << 10,
            Self::Picture => 1 << 20,
        }
    }

    /// A page of another site can send text and forms without asking first, but not these types.
    fn is_named(self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all(CONTENT_TYPE).into_iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return false };
        let named = line.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        named.trim().eq_ignore_ascii_case(self.media_type())
    }
}

/// Reads a whole body.
///
/// # Errors
/// 415, 413, 408, or that the client left.
pub(super) async fn read(
    takes: Takes,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Bytes, Problem> {
    if takes == Takes::Nothing {
        return Ok(Bytes::new());
    }
    if !takes.is_named(headers) {
        let allowed = takes.media_type();
        let sentence = format!("the Content-Type of this request must be {allowed}");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence));
    }
    let most = takes.bytes_max();
    match timeout(TIME_MAX, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a body has {most} bytes at most here"),
        )),
        Ok(Err(_)) => Err(Problem::bad("the body did not come whole")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}
