//! An answer as it is kept: one piece of memory of exactly its size.

use bytes::{BufMut as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::facts::Progress;
use crate::{http::names::YANMA_OUTCOME, refusal::Refusal};

/// The form below. What another version wrote is no answer.
const VERSION: u8 = 1;
const PREFIX_BYTES: usize = 1 + 2 + 2 + 2;

/// Status, headers, body and trailers of an answer, as the client got them:
///
/// ```text
/// version u8 | status u16 | headers u16 | trailers u16
/// for each header, then each trailer: name length u16 | value length u32 | name | value
/// body, to the end                                             (numbers big-endian)
/// ```
///
/// Copied, because a body that came from a socket may hold on to a buffer of many times its size.
/// A clone shares the memory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StoredResponse(Bytes);

/// An answer taken out of its memory again.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl StoredResponse {
    /// `None` for what cannot be written: more than 65,535 lines, or a name that long.
    pub(crate) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        trailers: Option<&HeaderMap>,
    ) -> Option<Self> {
        let trailer_count = trailers.map_or(0, HeaderMap::len);
        let lines = || headers.iter().chain(trailers.into_iter().flatten());
        let field_bytes: usize =
            lines().map(|(name, value)| 2 + 4 + name.as_str().len() + value.len()).sum();
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + field_bytes + body.len());
        bytes.put_u8(VERSION);
        bytes.put_u16(status.as_u16());
        bytes.put_u16(u16::try_from(headers.len()).ok()?);
        bytes.put_u16(u16::try_from(trailer_count).ok()?);
        for (name, value) in lines() {
            bytes.put_u16(u16::try_from(name.as_str().len()).ok()?);
            bytes.put_u32(u32::try_from(value.len()).ok()?);
            bytes.put_slice(name.as_str().as_bytes());
            bytes.put_slice(value.as_bytes());
        }
        bytes.put_slice(body);
        debug_assert_eq!(bytes.len(), bytes.capacity(), "exactly its size");
        Some(Self(bytes.into()))
    }

    /// From another node, not looked at yet.
    pub(super) fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Bytes of memory.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What it says of its request. `None` if these bytes are no answer.
    pub(super) fn progress(&self) -> Option<Progress> {
        let answer = self.clone().read()?;
        let outcome = answer.headers.get(YANMA_OUTCOME);
        let is_unknown = outcome.is_some_and(|word| word == Refusal::OutcomeUnknown.reason());
        Some(if is_unknown { Progress::Unknown } else { Progress::Answered(answer.status) })
    }

    /// The answer. `None` if these bytes are none: only where they come from another process.
    pub(crate) fn read(self) -> Option<Replayed> {
        let mut rest = Reader(self.0);
        if rest.number(1)? != usize::from(VERSION) {
            return None;
        }
        let status = StatusCode::from_u16(u16::try_from(rest.number(2)?).ok()?).ok()?;
        let (header_count, trailer_count) = (rest.number(2)?, rest.number(2)?);
        let headers = rest.fields(header_count)?;
        let trailers = rest.fields(trailer_count)?;
        let trailers = (trailer_count > 0).then_some(trailers);
        Some(Replayed { status, headers, body: rest.0, trailers })
    }
}

struct Reader(Bytes);

impl Reader {
    fn take(&mut self, len: usize) -> Option<Bytes> {
        (len <= self.0.len()).then(|| self.0.split_to(len))
    }

    fn number(&mut self, len: usize) -> Option<usize> {
        let bytes = self.take(len)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// In the order in which they were written: a map keeps the order of its first names.
    fn fields(&mut self, count: usize) -> Option<HeaderMap> {
        let mut map = HeaderMap::with_capacity(count.min(HEADERS_AT_ONCE));
        for _ in 0..count {
            let (name_len, value_len) = (self.number(2)?, self.number(4)?);
            let name = HeaderName::from_bytes(&self.take(name_len)?).ok()?;
            map.append(name, HeaderValue::from_maybe_shared(self.take(value_len)?).ok()?);
        }
        Some(map)
    }
}

/// Room that is made before any header was seen.
const HEADERS_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(lines: &[(String, Vec<u8>)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    /// As lines go out.
    fn lines(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
        map.iter().map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec())).collect()
    }

    fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
        let value = proptest::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8], 0..40);
        proptest::collection::vec(("[a-z0-9-]{1,20}", value), 0..20)
    }

    proptest! {
        #[test]
        fn comes_out_as_it_went_in(
            status in 100..1000_u16,
            headers in fields(),
            trailers in fields(),
            body in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let status = StatusCode::from_u16(status).unwrap();
            let (headers, trailers) = (map(&headers), map(&trailers));
            let trailers = (!trailers.is_empty()).then_some(trailers);
            let stored = StoredResponse::new(status, &headers, &body, trailers.as_ref()).unwrap();
            let replayed = stored.read().unwrap();
            prop_assert_eq!(replayed.status, status);
            prop_assert_eq!(lines(&replayed.headers), lines(&headers));
            prop_assert_eq!(replayed.trailers.as_ref().map(lines), trailers.as_ref().map(lines));
            prop_assert_eq!(replayed.body.as_ref(), body.as_slice());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = StoredResponse(bytes.into()).read();
        }
    }

    #[test]
    fn an_answer_that_was_cut_is_none_up_to_its_body() {
        let headers = map(&[("a".to_owned(), b"b".to_vec())]);
        let stored = StoredResponse::new(StatusCode::OK, &headers, b"body", None).unwrap();
        let body_at = stored.len() - 4;
        for len in 0..body_at {
            assert!(StoredResponse(stored.0.slice(..len)).read().is_none(), "{len}");
        }
        let mut other = stored.0.to_vec();
        other[0] = VERSION + 1;
        assert!(StoredResponse(other.into()).read().is_none());
    }
}
