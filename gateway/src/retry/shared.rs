//! A record as nodes share it: bytes in the registers' servers, beside the claims.
//!
//! ```text
//! version u8 | finished u8 | begun i64 | deadline i64 | attempt 16 bytes | digest 32 bytes
//! caller: 1 + length u16, or 0 | caller | key length u8 (0: none) | key
//! answer, to the end; none while it runs                            (numbers big-endian)
//! ```
//!
//! A server may have lost its memory, and one that was not reached may hold what is out of date,
//! so what is read here only ever ends a request; see [`super`].

use bytes::{Buf as _, BufMut as _, Bytes};
use keyring::{code::CodeIdentity, time::UnixMillis};

use super::{
    answer::StoredAnswer,
    digest::Digest,
    key::IdempotencyKey,
    record::{Caller, Known, Record, Request, State},
};
use crate::request_id::RequestId;

const VERSION: u8 = 1;
const RUNNING: u8 = 0;
const FINISHED: u8 = 1;
const FIXED_BYTES: usize = 1 + 1 + 8 + 8 + 16 + 32;

/// When a request began, and when its outcome is unknown if nobody has told it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) begun: UnixMillis,
    pub(crate) deadline: UnixMillis,
}

/// A record that was read from a server.
#[derive(Debug)]
pub(crate) struct SharedRecord {
    span: Span,
    record: Record,
}

/// What nodes know of a request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum SharedKnown {
    Known(Known),
    /// The same request was begun by a node that has not told its end, and its time is over.
    Lost,
}

/// A running request. `attempt` is its request id, which tells it from others with the same code.
pub(crate) fn running(request: &Request, attempt: &RequestId, span: Span) -> Vec<u8> {
    head(request, attempt, span, RUNNING, 0)
}

/// A request that has its answer.
pub(crate) fn finished(
    request: &Request,
    attempt: &RequestId,
    span: Span,
    answer: &StoredAnswer,
) -> Vec<u8> {
    let mut bytes = head(request, attempt, span, FINISHED, answer.len());
    bytes.put_slice(answer.as_bytes());
    bytes
}

fn head(request: &Request, attempt: &RequestId, span: Span, state: u8, more: usize) -> Vec<u8> {
    let Request { identity: _, caller, key, digest } = request;
    let (name, key) = (caller.name(), key.as_ref().map_or(&[][..], IdempotencyKey::as_bytes));
    let name_len = name.map_or(0, str::len);
    let mut bytes = Vec::with_capacity(FIXED_BYTES + 3 + name_len + key.len() + more);
    bytes.put_u8(VERSION);
    bytes.put_u8(state);
    bytes.put_i64(span.begun.get());
    bytes.put_i64(span.deadline.get());
    bytes.put_slice(attempt.as_str().as_bytes());
    bytes.put_slice(digest.as_bytes());
    bytes.put_u16(name.map_or(0, |name| u16::try_from(name.len() + 1).unwrap_or(u16::MAX)));
    bytes.put_slice(name.unwrap_or_default().as_bytes());
    bytes.put_u8(u8::try_from(key.len()).expect("a key has at most 64 bytes"));
    bytes.put_slice(key);
    bytes
}

impl SharedRecord {
    /// The record to go by, of what a majority of servers hold: an answer if there is one, as there
    /// is at most one per code; else the request that began last, as the others were given back.
    /// Not by what `own`, who asks, has left there itself.
    pub(crate) fn latest(
        identity: CodeIdentity,
        values: impl IntoIterator<Item = Vec<u8>>,
        own: &RequestId,
    ) -> Option<Self> {
        let read = |value: Vec<u8>| Self::read(identity, value.into(), own);
        let records = values.into_iter().filter_map(read);
        records.max_by_key(|one| (one.is_finished(), one.span.begun))
    }

    /// What `request` finds.
    pub(crate) fn tell(&self, request: &Request, now: UnixMillis) -> SharedKnown {
        match self.record.tell(request, now) {
            Known::Running if now >= self.span.deadline => SharedKnown::Lost,
            known => SharedKnown::Known(known),
        }
    }

    fn is_finished(&self) -> bool {
        matches!(self.record.state, State::Finished { .. })
    }

    fn read(identity: CodeIdentity, mut bytes: Bytes, own: &RequestId) -> Option<Self> {
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let state = bytes.try_get_u8().ok()?;
        let begun = UnixMillis::new(bytes.try_get_i64().ok()?);
        let deadline = UnixMillis::new(bytes.try_get_i64().ok()?);
        if take(&mut bytes, 16)? == own.as_str().as_bytes() {
            return None;
        }
        let digest = Digest::from_bytes(take(&mut bytes, 32)?.as_ref().try_into().ok()?);
        let name_len = bytes.try_get_u16().ok()?.checked_sub(1);
        let caller = match name_len {
            None => Caller::UNNAMED,
            Some(len) => Caller::of(str::from_utf8(&take(&mut bytes, len.into())?).ok()?),
        };
        let key_len = bytes.try_get_u8().ok()?;
        let key = match key_len {
            0 => None,
            len => Some(IdempotencyKey::from_bytes(&take(&mut bytes, len.into())?)?),
        };
        let mut record = Record::running(Request { identity, caller, key, digest });
        match state {
            RUNNING => {}
            FINISHED => {
                let answer = StoredAnswer::from_bytes(bytes);
                // The server forgets it in time.
                record.state = State::Finished { answer, until: UnixMillis::new(i64::MAX) };
            }
            _ => return None,
        }
        Some(Self { span: Span { begun, deadline }, record })
    }
}

fn take(bytes: &mut Bytes, len: usize) -> Option<Bytes> {
    (len <= bytes.len()).then(|| bytes.split_to(len))
}

/// The name under which a code's record is kept; claims are under `yanma:1:`.
pub(crate) fn name_of(identity: &CodeIdentity) -> String {
    format!("yanma:2:{identity}")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use keyring::code::{IssuedAt, KeyId, Serial};
    use proptest::prelude::*;

    use super::*;
    use crate::{request_id::RequestIds, retry::digest::tests::of_body};

    const BEGUN: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    fn identity() -> CodeIdentity {
        CodeIdentity {
            key_id: KeyId::new(7001).unwrap(),
            issued_at: IssuedAt::new(1_800_000_000),
            serial: Serial::new(1),
        }
    }

    fn request(caller: Caller, key: Option<&[u8]>, body: &[u8]) -> Request {
        let key = key.map(|key| IdempotencyKey::from_bytes(key).unwrap());
        Request { identity: identity(), caller, key, digest: of_body(body) }
    }

    fn span(begun: UnixMillis) -> Span {
        Span { begun, deadline: begun.plus_ms(36_000) }
    }

    fn attempt() -> RequestId {
        RequestIds::from_os().unwrap().next()
    }

    fn latest(values: impl IntoIterator<Item = Vec<u8>>) -> Option<SharedRecord> {
        SharedRecord::latest(identity(), values, &attempt())
    }

    fn answer(body: &str) -> StoredAnswer {
        StoredAnswer::new(StatusCode::OK, &HeaderMap::new(), body.as_bytes(), None).unwrap()
    }

    fn requests() -> Vec<Request> {
        let callers = [Caller::UNNAMED, Caller::of(""), Caller::of("hospital-1")];
        let keys = [None, Some(b"a".as_slice()), Some(b"!~".as_slice())];
        let all = callers.iter().flat_map(|caller| keys.map(|key| (caller.clone(), key)));
        all.flat_map(|(caller, key)| {
            [b"{}".as_slice(), b"{ }"].map(|body| request(caller.clone(), key, body))
        })
        .collect()
    }

    /// Another node tells each pair of requests apart as this one does.
    #[test]
    fn a_record_says_abroad_what_it_says_at_home() {
        for first in requests() {
            let written = [
                running(&first, &attempt(), span(BEGUN)),
                finished(&first, &attempt(), span(BEGUN), &answer("yes")),
            ];
            for value in written {
                let read = latest([value]).unwrap();
                for second in requests() {
                    let mut home = Record::running(first.clone());
                    if read.is_finished() {
                        let until = UnixMillis::new(i64::MAX);
                        home.state = State::Finished { answer: answer("yes"), until };
                    }
                    let known = SharedKnown::Known(home.tell(&second, BEGUN));
                    assert_eq!(read.tell(&second, BEGUN), known, "{first:?}, {second:?}");
                }
            }
        }
    }

    #[test]
    fn a_request_that_nobody_ended_is_lost_at_its_deadline() {
        let first = request(Caller::UNNAMED, None, b"{}");
        let value = running(&first, &attempt(), span(BEGUN));
        let read = latest([value]).unwrap();
        let (last, over) = (BEGUN.plus_ms(35_999), BEGUN.plus_ms(36_000));
        assert_eq!(read.tell(&first, last), SharedKnown::Known(Known::Running));
        assert_eq!(read.tell(&first, over), SharedKnown::Lost);
        let other = request(Caller::UNNAMED, None, b"{ }");
        assert_eq!(read.tell(&other, over), SharedKnown::Known(Known::Other));
        let value = finished(&first, &attempt(), span(BEGUN), &answer("yes"));
        let read = latest([value]).unwrap();
        let known = SharedKnown::Known(Known::Finished(answer("yes")));
        assert_eq!(read.tell(&first, over), known, "an answer has no deadline");
    }

    #[test]
    fn an_answer_counts_before_what_runs_and_what_began_last_before_the_rest() {
        let [old, new] = [b"old".as_slice(), b"new"].map(|b| request(Caller::UNNAMED, None, b));
        let later = span(BEGUN.plus_ms(1));
        let old_value = running(&old, &attempt(), span(BEGUN));
        let new_value = running(&new, &attempt(), later);
        let running_known = SharedKnown::Known(Known::Running);
        for values in [[old_value.clone(), new_value.clone()], [new_value.clone(), old_value]] {
            let read = latest(values).unwrap();
            assert_eq!(read.tell(&new, BEGUN), running_known);
        }
        let done = finished(&old, &attempt(), span(BEGUN), &answer("yes"));
        for values in [[done.clone(), new_value.clone()], [new_value, done]] {
            assert!(latest(values).unwrap().is_finished());
        }
        assert!(latest([Vec::new(), b"x".to_vec()]).is_none());
    }

    #[test]
    fn nobody_hears_of_itself() {
        let (own, first) = (attempt(), request(Caller::UNNAMED, None, b"{}"));
        let value = running(&first, &own, span(BEGUN));
        assert!(SharedRecord::latest(identity(), [value.clone()], &own).is_none());
        assert!(latest([value]).is_some());
    }

    #[test]
    fn two_attempts_are_never_written_alike() {
        let first = request(Caller::UNNAMED, None, b"{}");
        let write = || running(&first, &attempt(), span(BEGUN));
        assert_ne!(write(), write());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = latest([bytes.clone()]);
            let versioned = [&[VERSION, FINISHED], bytes.as_slice()].concat();
            let _ = latest([versioned]);
        }
    }
}
