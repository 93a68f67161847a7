use std::{collections::HashMap, sync::Arc};

use http::{HeaderMap, StatusCode};
use keyring::{
    code::{CodeIdentity, IssuedAt, KeyId, Serial},
    pass::RedemptionId,
    time::UnixMillis,
};
use proptest::prelude::*;
use record::MessageNames;

use super::{
    entry::Caller,
    fingerprint::{Fingerprint, tests::of_body},
    key::IdempotencyKey,
    store::ENTRY_BYTES,
    *,
};
use crate::{config::RetryConfig, request_id::RequestIds};

const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
const KEEP_MS: i64 = 600_000;

fn bounds() -> RetryConfig {
    RetryConfig {
        store_bytes: 1 << 20,
        entries_max: 1_000,
        keep_ms: KEEP_MS,
        caller_share_percent: 25,
    }
}

fn id(serial: u64) -> RedemptionId {
    RedemptionId::Code(CodeIdentity {
        key_id: KeyId::new(7001).unwrap(),
        issued_at: IssuedAt::new(1_800_000_000),
        serial: Serial::new(serial),
    })
}

fn key(text: &'static str) -> Option<IdempotencyKey> {
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", http::HeaderValue::from_static(text));
    IdempotencyKey::read(&headers).unwrap()
}

fn request(serial: u64, key: Option<IdempotencyKey>, fingerprint: Fingerprint) -> Request {
    Request { id: id(serial), caller: Caller::UNNAMED, key, fingerprint }
}

fn plain(serial: u64) -> Request {
    request(serial, None, of_body(b"{}"))
}

fn answer(body: &str) -> StoredResponse {
    StoredResponse::new(StatusCode::OK, &HeaderMap::new(), body.as_bytes(), None).unwrap()
}

/// A store with one worker's shelf.
#[derive(Default)]
struct Store {
    answers: ResponseStore,
    shelf: ExpiryQueue,
}

impl Store {
    fn begin(&self, request: &Request, now: UnixMillis) -> Begun {
        self.answers.begin(request, now)
    }

    fn finish(&mut self, serial: u64, body: &str, bounds: &RetryConfig) -> Result<(), NoRoom> {
        self.answers.finish(&id(serial), answer(body), &mut self.shelf, bounds, NOW)
    }

    fn expire(&mut self, now: UnixMillis) {
        self.answers.expire(&mut self.shelf, usize::MAX, now);
    }

    /// Records, entries and bytes: what a full turn must leave at 0.
    fn holds(&self) -> [usize; 3] {
        [self.answers.records(), self.answers.entries(), self.answers.bytes()]
    }
}

#[test]
fn the_same_request_again_gets_the_answer_once_there_is_one() {
    let mut store = Store::default();
    assert_eq!(store.begin(&plain(1), NOW), Begun::First);
    assert_eq!(store.begin(&plain(1), NOW), Begun::Known(Lookup::Running));
    store.finish(1, "yes", &bounds()).unwrap();
    for _ in 0..2 {
        let known = Lookup::Finished(answer("yes"));
        assert_eq!(store.begin(&plain(1), NOW), Begun::Known(known));
    }
    assert_eq!(store.begin(&plain(2), NOW), Begun::First, "another code");
}

/// The table of the module's documentation, running and finished.
#[test]
fn another_request_is_told_from_the_same_one() {
    let (same, other) = (of_body(b"{}"), of_body(b"{ }"));
    let named = |caller: &str| Request { caller: Caller::of(caller), ..plain(1) };
    let cases = [
        (request(1, None, same), request(1, None, other), Lookup::Other),
        (request(1, None, same), request(1, key("a"), same), Lookup::Other),
        (request(1, key("a"), same), request(1, None, same), Lookup::Other),
        (request(1, key("a"), same), request(1, key("b"), same), Lookup::Other),
        (request(1, key("a"), same), request(1, key("b"), other), Lookup::Other),
        (request(1, key("a"), same), request(1, key("a"), other), Lookup::Mismatch),
        (request(1, None, same), named("hospital-1"), Lookup::Other),
        (named("hospital-1"), named("hospital-2"), Lookup::Other),
        (request(1, key("a"), same), Request { key: key("a"), ..named("b") }, Lookup::Other),
    ];
    for (first, second, known) in cases {
        let mut store = Store::default();
        assert_eq!(store.begin(&first, NOW), Begun::First);
        let running = store.begin(&second, NOW);
        store.finish(1, "yes", &bounds()).unwrap();
        let finished = store.begin(&second, NOW);
        let recalled = store.answers.recall(&second, NOW);
        let known = Begun::Known(known);
        assert_eq!((&running, &finished), (&known, &known), "{first:?}, then {second:?}");
        assert_eq!(recalled.map(Begun::Known), Some(known));
    }
    let store = Store::default();
    assert_eq!(store.begin(&request(1, key("\"a\""), same), NOW), Begun::First);
    let bare = store.begin(&request(1, key("a"), same), NOW);
    assert_eq!(bare, Begun::Known(Lookup::Running), "quoted or bare, it is the same key");
}

#[test]
fn a_record_without_an_answer_goes_and_its_code_is_new_again() {
    let mut store = Store::default();
    assert_eq!(store.begin(&plain(1), NOW), Begun::First);
    store.answers.forget(&id(1));
    assert_eq!(store.holds(), [0; 3]);
    assert_eq!(store.begin(&plain(1), NOW), Begun::First);
    store.finish(1, "yes", &bounds()).unwrap();
    store.answers.forget(&id(1));
    assert_eq!(store.answers.entries(), 1, "a finished one stays");
}

#[test]
fn an_answer_is_told_until_its_time_is_over_to_the_millisecond() {
    let mut store = Store::default();
    store.begin(&plain(1), NOW);
    store.finish(1, "yes", &bounds()).unwrap();
    let (last, over) = (NOW.plus_ms(KEEP_MS - 1), NOW.plus_ms(KEEP_MS));
    store.expire(last);
    assert!(store.answers.knows(&id(1), last));
    assert_eq!(store.answers.recall(&plain(1), last), Some(Lookup::Finished(answer("yes"))));
    // Over and not removed yet: nothing is known, but the code is not a new one.
    assert!(!store.answers.knows(&id(1), over));
    assert_eq!(store.answers.recall(&plain(1), over), None);
    assert_eq!(store.begin(&plain(1), over), Begun::Known(Lookup::Other));
    store.expire(over);
    assert_eq!(store.holds(), [0; 3]);
}

#[test]
fn a_running_record_does_not_expire() {
    let mut store = Store::default();
    store.begin(&plain(1), NOW);
    let later = NOW.plus_ms(10 * KEEP_MS);
    store.expire(later);
    assert_eq!(store.begin(&plain(1), later), Begun::Known(Lookup::Running));
}

#[test]
fn what_is_removed_at_once_is_bounded() {
    let mut store = Store::default();
    for serial in 0..10 {
        store.begin(&plain(serial), NOW);
        store.finish(serial, "yes", &bounds()).unwrap();
    }
    for left in [7, 4, 1, 0, 0] {
        store.answers.expire(&mut store.shelf, 3, NOW.plus_ms(KEEP_MS));
        assert_eq!(store.answers.entries(), left);
    }
    assert_eq!(store.holds(), [0; 3]);
}

/// Each bound, met exactly and passed by one.
#[test]
fn what_finds_no_room_is_not_stored_and_its_record_goes() {
    let one = ENTRY_BYTES + answer("yes").len();
    for (bounds, why) in [
        (RetryConfig { entries_max: 2, ..bounds() }, NoRoom::Entries),
        (RetryConfig { store_bytes: 2 * one, ..bounds() }, NoRoom::Bytes),
        (RetryConfig { store_bytes: 3 * one - 1, ..bounds() }, NoRoom::Bytes),
    ] {
        let mut store = Store::default();
        for serial in 0..2 {
            store.begin(&plain(serial), NOW);
            assert_eq!(store.finish(serial, "yes", &bounds), Ok(()), "{why:?}");
        }
        assert_eq!(store.begin(&plain(2), NOW), Begun::First);
        assert_eq!(store.begin(&plain(2), NOW), Begun::Known(Lookup::Running), "full or not");
        assert_eq!(store.finish(2, "yes", &bounds), Err(why));
        assert_eq!(store.holds(), [2, 2, 2 * one]);
        store.expire(NOW.plus_ms(KEEP_MS));
        assert_eq!(store.holds(), [0; 3]);
        store.begin(&plain(2), NOW);
        assert_eq!(store.finish(2, "yes", &bounds), Ok(()), "there is room again");
    }
}

#[test]
fn a_named_caller_has_a_share_and_the_others_have_the_rest() {
    let one = ENTRY_BYTES + answer("yes").len();
    let bounds = RetryConfig { store_bytes: 100 * one, caller_share_percent: 2, ..bounds() };
    let mut store = Store::default();
    let mut pay = |caller: &Caller, serial| {
        store.begin(&Request { caller: caller.clone(), ..plain(serial) }, NOW);
        store.finish(serial, "yes", &bounds)
    };
    let (one_hospital, other) = (Caller::of("1"), Caller::of("2"));
    let paid = [0, 1, 2].map(|serial| pay(&one_hospital, serial));
    assert_eq!(paid, [Ok(()), Ok(()), Err(NoRoom::Caller)]);
    assert_eq!(pay(&other, 3), Ok(()));
    let unnamed = (4..14).filter(|serial| pay(&Caller::UNNAMED, *serial).is_ok()).count();
    assert_eq!(unnamed, 10, "who has no name has no share");
    store.expire(NOW.plus_ms(KEEP_MS));
    assert_eq!(store.holds(), [0; 3]);
    let mut pay = |serial| {
        store.begin(&Request { caller: one_hospital.clone(), ..plain(serial) }, NOW);
        store.finish(serial, "yes", &bounds)
    };
    assert_eq!([20, 21].map(&mut pay), [Ok(()); 2], "its share is free again");
}

/// Of many copies on many threads exactly one is first, whatever they come in between of.
#[test]
fn of_many_copies_at_once_one_is_first() {
    let answers = ResponseStore::new();
    let first = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut shelf = ExpiryQueue::default();
                for serial in 0..2_000 {
                    match answers.begin(&plain(serial), NOW) {
                        Begun::First => {
                            first.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            let stored = answer("yes");
                            let bounds = &bounds();
                            let id = id(serial);
                            // Full after 1,000; those go, and may be first again.
                            if answers.finish(&id, stored, &mut shelf, bounds, NOW).is_err() {
                                first.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
                            }
                        }
                        Begun::Known(Lookup::Running | Lookup::Finished(_)) => {}
                        Begun::Known(other) => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(first.into_inner(), answers.entries());
    assert!(answers.entries() <= 1_000);
}

#[derive(Clone, Debug)]
enum Step {
    Begun(u64),
    Finish(u64, usize),
    Forget(u64),
    Wait(u32),
    Expire(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..8_u64).prop_map(Step::Begun),
        3 => ((0..8_u64), (0..200_usize)).prop_map(|(serial, len)| Step::Finish(serial, len)),
        1 => (0..8_u64).prop_map(Step::Forget),
        2 => (0..400_000_u32).prop_map(Step::Wait),
        2 => (0..4_usize).prop_map(Step::Expire),
    ]
}

proptest! {
    /// Against a map: what is told is what was stored, in its time; the sums are exact and within
    /// their bounds after every step.
    #[test]
    fn it_is_a_bounded_map_that_forgets(steps in proptest::collection::vec(step(), 0..200)) {
        let bounds = RetryConfig { store_bytes: 4 * ENTRY_BYTES, entries_max: 3, ..bounds() };
        let (mut store, mut now) = (Store::default(), NOW);
        // What each code has: nothing yet, or an answer's length and end.
        let mut model: HashMap<u64, Option<(usize, UnixMillis)>> = HashMap::new();
        for step in steps {
            match step {
                Step::Begun(serial) => {
                    let expected = match model.get(&serial) {
                        None => Begun::First,
                        Some(None) => Begun::Known(Lookup::Running),
                        Some(Some((len, until))) if now < *until => {
                            Begun::Known(Lookup::Finished(answer(&"x".repeat(*len))))
                        }
                        Some(Some(_)) => Begun::Known(Lookup::Other),
                    };
                    prop_assert_eq!(store.begin(&plain(serial), now), expected);
                    model.entry(serial).or_insert(None);
                }
                Step::Finish(serial, len) if model.get(&serial) == Some(&None) => {
                    let kept = answer(&"x".repeat(len));
                    let Store { answers, shelf } = &mut store;
                    match answers.finish(&id(serial), kept, shelf, &bounds, now) {
                        Ok(()) => model.insert(serial, Some((len, now.plus_ms(KEEP_MS)))),
                        Err(_) => model.remove(&serial),
                    };
                }
                Step::Finish(..) => {}
                Step::Forget(serial) => {
                    store.answers.forget(&id(serial));
                    if model.get(&serial) == Some(&None) {
                        model.remove(&serial);
                    }
                }
                Step::Wait(ms) => now = now.plus_ms(i64::from(ms)),
                Step::Expire(most) => {
                    let mut over: Vec<_> = model
                        .iter()
                        .filter_map(|(serial, kept)| Some((kept.as_ref()?.1, *serial)))
                        .filter(|(until, _)| *until <= now)
                        .collect();
                    over.sort_unstable();
                    let before = store.answers.entries();
                    store.answers.expire(&mut store.shelf, most, now);
                    prop_assert_eq!(before - store.answers.entries(), over.len().min(most));
                    // Those of one moment go in the order in which they came, which the model
                    // does not know: it asks which are left.
                    for (_, serial) in over {
                        if store.answers.begin(&plain(serial), now) == Begun::First {
                            store.answers.forget(&id(serial));
                            model.remove(&serial);
                        }
                    }
                }
            }
            let kept: Vec<usize> = model.values().flatten().map(|(len, _)| *len).collect();
            let bytes: usize =
                kept.iter().map(|len| ENTRY_BYTES + answer(&"x".repeat(*len)).len()).sum();
            prop_assert_eq!(store.holds(), [model.len(), kept.len(), bytes]);
            prop_assert!(bytes <= bounds.store_bytes && kept.len() <= bounds.entries_max);
        }
    }
}

/// Facts of a request with this message.
fn facts(msgid: &str) -> Facts {
    let names = MessageNames {
        institution: Some("H1".into()),
        msgid: Some(msgid.into()),
        ..MessageNames::default()
    };
    let request_id = RequestIds::new([1, 2]).next();
    Facts { request_id, at: NOW, names: Some(Arc::new(names)) }
}

#[test]
fn an_entry_tells_of_its_request_and_is_found_by_its_message() {
    let mut store = Store::default();
    store.begin(&plain(1), NOW);
    assert_eq!(store.answers.tell(&id(1), NOW).unwrap().facts, None);
    store.answers.note(&id(1), facts("M1"));
    let told = |store: &Store, now| store.answers.tell(&id(1), now).map(|told| told.progress);
    assert_eq!(told(&store, NOW), Some(Progress::Running));
    assert_eq!(store.answers.of_message(Some("H1"), "M1"), [id(1)]);
    assert!(store.answers.of_message(None, "M1").is_empty());
    store.finish(1, "yes", &bounds()).unwrap();
    assert_eq!(told(&store, NOW), Some(Progress::Answered(StatusCode::OK)));
    assert_eq!(store.answers.tell(&id(1), NOW).unwrap().facts, Some(facts("M1")));
    assert!(store.answers.bytes() > ENTRY_BYTES + answer("yes").len(), "facts take memory");
    let over = NOW.plus_ms(KEEP_MS);
    assert_eq!(told(&store, over), None);
    store.expire(over);
    assert_eq!(store.holds(), [0, 0, 0]);
    assert!(!store.answers.has_messages());
}

/// A message that was sent again with another code: what was given back hides nothing.
#[test]
fn a_message_leads_to_each_of_its_redemptions() {
    let mut store = Store::default();
    for serial in [1, 2] {
        store.begin(&plain(serial), NOW);
        store.answers.note(&id(serial), facts("M1"));
    }
    assert_eq!(store.answers.of_message(Some("H1"), "M1"), [id(2), id(1)], "the latest first");
    store.answers.forget(&id(2));
    assert_eq!(store.answers.of_message(Some("H1"), "M1"), [id(1)]);
    let no_room = RetryConfig { entries_max: 0, ..bounds() };
    assert!(store.finish(1, "yes", &no_room).is_err());
    assert!(!store.answers.has_messages());
}

#[test]
fn an_unknown_outcome_is_told_as_unknown() {
    let mut headers = HeaderMap::new();
    headers.insert("yanma-outcome", http::HeaderValue::from_static("outcome_unknown"));
    let answer = StoredResponse::new(StatusCode::GATEWAY_TIMEOUT, &headers, b"", None).unwrap();
    assert_eq!(answer.progress(), Some(Progress::Unknown));
}
