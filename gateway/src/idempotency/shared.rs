//! What nodes share about a request: bytes in the registers' servers.
//!
//! ```text
//! note, in the claim of a request: version u8 | deadline i64 | request id 16 bytes | who
//! answer, when there is one:       version u8 | until i64 | who | answer, to the end
//! who: fingerprint 32 bytes | caller: 1 + length u16, or 0 | caller | key length u8 (0: none) | key
//!                                                                          (numbers big-endian)
//! ```
//!
//! A server may have lost its memory, or hold outdated bytes because it was not reached. So bytes
//! read here can only end a request; see [`super`].

use bytes::{Buf as _, BufMut as _, Bytes};
use keyring::{pass::RedemptionId, time::UnixMillis};

use super::{
    entry::{Caller, Entry, Lookup, Request, State},
    facts::{Progress, Told},
    fingerprint::Fingerprint,
    key::IdempotencyKey,
    response::StoredResponse,
};
use crate::request_id::RequestId;

const VERSION: u8 = 2;
const ID_BYTES: usize = 16;
/// Where `who` begins in a note.
const WHO_AT: usize = 1 + 8 + ID_BYTES;

/// What nodes know of a code's request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum SharedLookup {
    Known(Lookup),
    /// The same request was begun by another node. That node reported no end, and the deadline has
    /// passed.
    Lost,
}

/// The note in a request's claim: what the request is, and its deadline. If no end is reported by
/// the deadline, the outcome is unknown. The request id tells the notes of two attempts apart.
pub(crate) fn note(request: &Request, id: &RequestId, deadline: UnixMillis) -> Vec<u8> {
    let Request { id: _, caller, key, fingerprint } = request;
    let (name, key) = (caller.name(), key.as_ref().map_or(&[][..], IdempotencyKey::as_bytes));
    let name_len = name.map_or(0, str::len);
    let mut bytes = Vec::with_capacity(WHO_AT + 32 + 2 + name_len + 1 + key.len());
    bytes.put_u8(VERSION);
    bytes.put_i64(deadline.get());
    bytes.put_slice(id.as_str().as_bytes());
    bytes.put_slice(fingerprint.as_bytes());
    bytes.put_u16(name.map_or(0, |name| u16::try_from(name.len() + 1).unwrap_or(u16::MAX)));
    bytes.put_slice(name.unwrap_or_default().as_bytes());
    bytes.put_u8(u8::try_from(key.len()).expect("a key has at most 64 bytes"));
    bytes.put_slice(key);
    bytes
}

/// The stored answer to the request of a note that this node wrote.
pub(crate) fn finished(note: &[u8], answer: &StoredResponse, until: UnixMillis) -> Vec<u8> {
    let who = note.get(WHO_AT..).unwrap_or_default();
    let mut bytes = Vec::with_capacity(1 + 8 + who.len() + answer.len());
    bytes.put_u8(VERSION);
    bytes.put_i64(until.get());
    bytes.put_slice(who);
    bytes.put_slice(answer.as_bytes());
    bytes
}

/// What `request` finds among the answers and notes of a majority of servers. An answer comes
/// first; there is at most one per code. There is one note too, except where a broken connection
/// left another behind. The note with the earliest deadline is probably the original.
pub(crate) fn look_up(
    request: &Request,
    answers: impl IntoIterator<Item = Vec<u8>>,
    notes: impl IntoIterator<Item = Vec<u8>>,
    now: UnixMillis,
) -> Option<SharedLookup> {
    let answer = answers.into_iter().find_map(|bytes| read_answer(request.id, bytes.into()));
    if let Some(record) = answer {
        return Some(SharedLookup::Known(record.look_up(request, now)));
    }
    let notes = notes.into_iter().filter_map(|bytes| read_note(request.id, bytes.into()));
    let (deadline, record) = notes.min_by_key(|(deadline, _)| *deadline)?;
    Some(match record.look_up(request, now) {
        Lookup::Running if now >= deadline => SharedLookup::Lost,
        known => SharedLookup::Known(known),
    })
}

/// What the answers and notes of a majority of servers say of a code, for a person who asks. A note
/// whose deadline has passed is of a request that never reported its end.
pub(crate) fn tell(
    id: RedemptionId,
    answers: impl IntoIterator<Item = Vec<u8>>,
    notes: impl IntoIterator<Item = Vec<u8>>,
    now: UnixMillis,
) -> Option<Told> {
    let mut answers = answers.into_iter().filter_map(|bytes| read_answer(id, bytes.into()));
    if let Some(record) = answers.find(|record| record.is_alive(now)) {
        return Some(record.tell());
    }
    let notes = notes.into_iter().filter_map(|bytes| read_note(id, bytes.into()));
    let deadline = notes.map(|(deadline, _)| deadline).min()?;
    let progress = if now < deadline { Progress::Running } else { Progress::Unknown };
    Some(Told { progress, facts: None })
}

fn read_note(id: RedemptionId, mut bytes: Bytes) -> Option<(UnixMillis, Entry)> {
    let deadline = read_head(&mut bytes)?;
    take(&mut bytes, ID_BYTES)?;
    Some((deadline, read_who(id, &mut bytes)?))
}

fn read_answer(id: RedemptionId, mut bytes: Bytes) -> Option<Entry> {
    let until = read_head(&mut bytes)?;
    let mut record = read_who(id, &mut bytes)?;
    record.state = State::Finished { answer: StoredResponse::from_bytes(bytes), until };
    Some(record)
}

fn read_head(bytes: &mut Bytes) -> Option<UnixMillis> {
    let is_ours = bytes.try_get_u8().ok()? == VERSION;
    is_ours.then(|| bytes.try_get_i64().ok().map(UnixMillis::new))?
}

fn read_who(id: RedemptionId, bytes: &mut Bytes) -> Option<Entry> {
    let fingerprint = Fingerprint::from_bytes(take(bytes, 32)?.as_ref().try_into().ok()?);
    let caller = match bytes.try_get_u16().ok()?.checked_sub(1) {
        None => Caller::UNNAMED,
        Some(len) => Caller::of(str::from_utf8(&take(bytes, len.into())?).ok()?),
    };
    let key = match bytes.try_get_u8().ok()? {
        0 => None,
        len => Some(IdempotencyKey::from_bytes(&take(bytes, len.into())?)?),
    };
    Some(Entry::running(&Request { id, caller, key, fingerprint }))
}

fn take(bytes: &mut Bytes, len: usize) -> Option<Bytes> {
    (len <= bytes.len()).then(|| bytes.split_to(len))
}

/// The name under which a code's answer is kept; claims are under `yanma:1:`.
pub(crate) fn name_of(id: &RedemptionId) -> String {
    format!("yanma:2:{id}")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use keyring::code::{CodeIdentity, IssuedAt, KeyId, Serial};
    use proptest::prelude::*;

    use super::*;
    use crate::{idempotency::fingerprint::tests::of_body, request_id::RequestIds};

    const BEGUN: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

    fn id() -> RedemptionId {
        RedemptionId::Code(CodeIdentity {
            key_id: KeyId::new(7001).unwrap(),
            issued_at: IssuedAt::new(1_800_000_000),
            serial: Serial::new(1),
        })
    }

    fn request(caller: Caller, key: Option<&[u8]>, body: &[u8]) -> Request {
        let key = key.map(|key| IdempotencyKey::from_bytes(key).unwrap());
        Request { id: id(), caller, key, fingerprint: of_body(body) }
    }

    const DEADLINE: UnixMillis = UnixMillis::from_seconds(1_800_000_036);
    const LATER: UnixMillis = UnixMillis::from_seconds(1_800_000_600);

    fn note_of(request: &Request) -> Vec<u8> {
        note(request, &RequestIds::from_os().unwrap().next(), DEADLINE)
    }

    fn answer_to(request: &Request) -> Vec<u8> {
        finished(&note_of(request), &answer("yes"), LATER)
    }

    fn answer(body: &str) -> StoredResponse {
        StoredResponse::new(StatusCode::OK, &HeaderMap::new(), body.as_bytes(), None).unwrap()
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

    /// Another node distinguishes each pair of requests as this one does.
    #[test]
    fn a_record_says_abroad_what_it_says_at_home() {
        for first in requests() {
            for second in requests() {
                let mut home = Entry::running(&first);
                let abroad = look_up(&second, [], [note_of(&first)], BEGUN);
                let known = SharedLookup::Known(home.look_up(&second, BEGUN));
                assert_eq!(abroad, Some(known), "{first:?}, {second:?}");
                home.state = State::Finished { answer: answer("yes"), until: LATER };
                for now in [BEGUN, LATER] {
                    let abroad = look_up(&second, [answer_to(&first)], [note_of(&first)], now);
                    let known = SharedLookup::Known(home.look_up(&second, now));
                    assert_eq!(abroad, Some(known), "{first:?}, {second:?} at {now:?}");
                }
            }
        }
    }

    #[test]
    fn a_request_that_nobody_ended_is_lost_at_its_deadline() {
        let first = request(Caller::UNNAMED, None, b"{}");
        let at = |now, request: &Request| look_up(request, [], [note_of(&first)], now);
        let running = SharedLookup::Known(Lookup::Running);
        assert_eq!(at(DEADLINE.plus_ms(-1), &first), Some(running));
        assert_eq!(at(DEADLINE, &first), Some(SharedLookup::Lost));
        let other = request(Caller::UNNAMED, None, b"{ }");
        assert_eq!(at(DEADLINE, &other), Some(SharedLookup::Known(Lookup::Other)));
        let known = SharedLookup::Known(Lookup::Finished(answer("yes")));
        let told = look_up(&first, [answer_to(&first)], [note_of(&first)], DEADLINE);
        assert_eq!(told, Some(known), "an answer has no deadline");
    }

    #[test]
    fn of_notes_the_first_to_run_out_counts() {
        let [one, two] = [b"one".as_slice(), b"two"].map(|b| request(Caller::UNNAMED, None, b));
        let id = RequestIds::from_os().unwrap().next();
        let [old, new] = [(&one, DEADLINE), (&two, LATER)].map(|(who, at)| note(who, &id, at));
        let running = SharedLookup::Known(Lookup::Running);
        for notes in [[old.clone(), new.clone()], [new, old]] {
            assert_eq!(look_up(&one, [], notes.clone(), BEGUN).as_ref(), Some(&running));
            assert_eq!(look_up(&two, [], notes, BEGUN), Some(SharedLookup::Known(Lookup::Other)));
        }
        // A claim without a note, and bytes that no gateway wrote.
        assert_eq!(look_up(&one, [b"x".to_vec()], [Vec::new(), b"x".to_vec()], BEGUN), None);
    }

    #[test]
    fn a_person_who_asks_hears_of_the_answer_before_the_note() {
        let first = request(Caller::UNNAMED, None, b"{}");
        let (note, done) = (note_of(&first), answer_to(&first));
        let at = |answers: &[&Vec<u8>], now| {
            let answers: Vec<Vec<u8>> = answers.iter().map(|bytes| (*bytes).clone()).collect();
            tell(first.id, answers, [note.clone()], now).map(|told| told.progress)
        };
        assert_eq!(at(&[&done], BEGUN), Some(Progress::Answered(StatusCode::OK)));
        assert_eq!(at(&[], DEADLINE.plus_ms(-1)), Some(Progress::Running));
        assert_eq!(at(&[], DEADLINE), Some(Progress::Unknown));
        assert_eq!(tell(first.id, [b"x".to_vec()], [Vec::new()], BEGUN), None);
    }

    #[test]
    fn two_notes_are_never_alike() {
        let first = request(Caller::UNNAMED, None, b"{}");
        assert_ne!(note_of(&first), note_of(&first));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let first = request(Caller::UNNAMED, None, b"{}");
            let versioned = [&[VERSION], bytes.as_slice()].concat();
            for bytes in [bytes, versioned] {
                let _ = look_up(&first, [bytes.clone()], [], BEGUN);
                let _ = look_up(&first, [], [bytes], BEGUN);
            }
        }
    }
}
