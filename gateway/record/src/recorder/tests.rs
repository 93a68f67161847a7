use std::{fs, path::Path, sync::Arc};

use super::*;
use crate::{
    account::{AccountChange, AccountChanges},
    decision::{BackendLabels, MessageNames, RouteLabels, RouteUse, Span, client_text},
    offline,
};

const W0: usize = 0;
const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

fn settings(directory: &Path) -> Settings {
    Settings {
        enabled: true,
        directory: directory.to_owned(),
        group: None,
        node: Some("a".to_owned()),
        when_full: WhenFull::Drop,
        unverified_one_in: 100,
        queue_entries: 32_768,
        file_mib_max: 64,
        file_hours_max: 24,
        keep_days: 0,
        free_mib_min: 0,
        sync_ms: 1_000,
        subject_key: None,
    }
}

fn labels() -> Labels {
    Labels {
        config: "0011223344556677".to_owned(),
        keyring: "8899aabbccddeeff".to_owned(),
        routes: vec![RouteLabels { path: "/pay".to_owned() }],
        backends: vec![BackendLabels {
            name: "settlement".to_owned(),
            endpoints: vec!["http://127.0.0.1:9001".to_owned()],
        }],
    }
}

/// Dropping it ends the record.
struct Begun {
    record: Record,
    _recording: Recording,
}

fn begin(settings: &Settings) -> Begun {
    begin_at(START, settings)
}

fn begin_at(start: UnixMillis, settings: &Settings) -> Begun {
    let (record, recording) = Record::begin(settings, context(start)).unwrap();
    Begun { record, _recording: recording }
}

fn context(start: UnixMillis) -> Context {
    let (clock, _) = Clock::hand_set(start);
    Context { workers: 1, labels: labels(), keys: 0, clock, on_panic: Box::new(|_| {}) }
}

fn approved(trail: Trail) -> Entry {
    entry("approved", None, trail)
}

fn entry(outcome: &'static str, error_code: Option<&'static str>, trail: Trail) -> Entry {
    Entry {
        labels: Arc::new(labels()),
        at: START,
        latency_ns: 1_234_567,
        request_id: *b"000g00k0r006c007",
        route: Some(0),
        route_use: Some(RouteUse::Redeem),
        outcome,
        error_code,
        channel: None,
        client: client_text(b"192.0.2.1"),
        trail,
        stands_for: 1,
    }
}

/// Everything that was written, in the order of names.
fn lines(directory: &Path) -> Vec<serde_json::Value> {
    let mut files: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts = files.into_iter().map(|path| fs::read_to_string(path).unwrap());
    let text: String = texts.collect();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events(lines: &[serde_json::Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

#[test]
fn the_fields_of_a_decision_and_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let begun = begin(&settings(dir.path()));
    let mut trail = Trail::of_client(Some(b"H-1\"\\"), None);
    trail.set_backend(0);
    trail.set_endpoint(Some(0));
    trail.mark_spent();
    trail.set_bytes_sent(true);
    begun.record.push(W0, entry("outcome_unknown", Some("YM1702"), trail));
    drop(begun);
    let path = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().nth(1).unwrap();
    let (_, line) = line.split_once(",\"event\"").unwrap();
    let (line, _) = line.split_once(",\"config\"").unwrap();
    assert_eq!(
        line,
        ":\"decision\",\"time\":\"2027-01-15T08:00:00.000Z\",\"node\":\"a\",\
         \"client\":\"192.0.2.1\",\"request_id\":\"000g00k0r006c007\",\
         \"client_request_id\":\"H-1\\\"\\\\\",\"trace_id\":null,\"route\":\"/pay\",\
         \"route_use\":\"redeem\",\"outcome\":\"outcome_unknown\",\"error_code\":\"YM1702\",\
         \"redemption\":null,\"key_id\":null,\"channel\":null,\"region\":null,\"kind\":null,\
         \"auth\":null,\"relation\":null,\"code_age_ms\":null,\"subject_hash\":null,\
         \"backend\":\"settlement\",\"endpoint\":\"http://127.0.0.1:9001\",\"status\":null,\
         \"spending\":\"spent\",\"bytes_sent\":true,\"latency_us\":1234,\"stands_for\":1"
    );
}

#[test]
fn a_span_is_recorded_before_the_digests_and_no_other_line_has_one() {
    let dir = tempfile::tempdir().unwrap();
    let begun = begin(&settings(dir.path()));
    let mut trail = Trail::of_client(None, Some([0x4b; 16]));
    trail.set_span(Span { id: [0xa1; 8], parent_id: [0x0b; 8], method: "POST" });
    begun.record.push(W0, approved(trail));
    begun.record.push(W0, approved(for_backend()));
    drop(begun);
    let path = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(path).unwrap();
    let [_, spanned, plain, _] = &text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(spanned.contains(&format!("\"trace_id\":\"{}\"", "4b".repeat(16))), "{spanned}");
    let span = ",\"stands_for\":1,\"span_id\":\"a1a1a1a1a1a1a1a1\",\
                \"parent_span_id\":\"0b0b0b0b0b0b0b0b\",\"method\":\"POST\",\"config\":";
    assert!(spanned.contains(span), "{spanned}");
    assert!(!plain.contains("span_id"), "{plain}");
}

#[test]
fn a_message_is_recorded_by_its_own_names_and_no_other_line_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let begun = begin(&settings(dir.path()));
    let id = "H37010000001202701151600120001";
    let name = |text: &str| Some(text.into());
    let named = |names: MessageNames| {
        let mut trail = for_backend();
        trail.set_message(Arc::new(names));
        trail
    };
    let settles = MessageNames {
        infno: name("2207"),
        msgid: name(id),
        institution: name("H\"\\"),
        omsgid: None,
    };
    let reverses =
        MessageNames { infno: name("2601"), omsgid: name(id), ..MessageNames::default() };
    let hides_a_code = MessageNames { msgid: name(&"7".repeat(40)), ..MessageNames::default() };
    for trail in [named(settles), named(reverses), named(hides_a_code), for_backend()] {
        begun.record.push(W0, approved(trail));
    }
    drop(begun);
    let lines = lines(dir.path());
    let [_, settles, reverses, hides_a_code, plain, _] = &lines[..] else { panic!("{lines:?}") };
    let said = |line: &serde_json::Value| {
        ["infno", "msgid", "institution", "omsgid"].map(|name| line.get(name).cloned())
    };
    let (text, null) = (|text: &str| Some(text.into()), Some(serde_json::Value::Null));
    assert_eq!(said(settles), [text("2207"), text(id), text("H\"\\"), None]);
    assert_eq!(said(reverses), [text("2601"), null.clone(), null.clone(), text(id)]);
    let left_out = text("(left out: a number as long as a code's)");
    assert_eq!(said(hides_a_code), [null.clone(), left_out, null, None]);
    assert_eq!(said(plain), [None, None, None, None]);
}

#[test]
fn the_key_that_a_refused_code_names_stands_before_the_digests() {
    let dir = tempfile::tempdir().unwrap();
    let begun = begin(&settings(dir.path()));
    let mut trail = for_backend();
    trail.set_claimed_key(keyring::code::KeyId::new(7001));
    begun.record.push(W0, entry("seal_invalid", Some("YM1106"), trail));
    begun.record.push(W0, approved(for_backend()));
    drop(begun);
    let path = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].contains("\"claimed_key_id\":7001,\"config\""), "{}", lines[1]);
    assert!(!lines[2].contains("claimed_key_id"), "{}", lines[2]);
}

#[test]
fn the_last_line_says_what_the_process_counted() {
    let stop_of = |outcomes: Option<Vec<(&'static str, u64)>>| {
        let dir = tempfile::tempdir().unwrap();
        let (record, recording) = Record::begin(&settings(dir.path()), context(START)).unwrap();
        match outcomes {
            Some(outcomes) => recording.end(outcomes),
            None => drop(recording),
        }
        drop(record);
        let line = lines(dir.path()).pop().unwrap();
        assert_eq!(line["event"], "stop");
        line["outcomes"].to_string()
    };
    let counted = vec![("approved", 12), ("outcome_unknown", 1)];
    assert_eq!(stop_of(Some(counted)), "{\"approved\":12,\"outcome_unknown\":1}");
    assert_eq!(stop_of(Some(Vec::new())), "{}");
    assert_eq!(stop_of(None), "{}", "a process that ended before it served");
}

#[test]
fn what_is_not_genuine_is_sampled_and_none_goes_uncounted() {
    let dir = tempfile::tempdir().unwrap();
    let begun = begin(&Settings { unverified_one_in: 10, ..settings(dir.path()) });
    for _ in 0..25 {
        begun.record.push(W0, entry("code_malformed", Some("YM1002"), Trail::default()));
    }
    begun.record.push(W0, approved(for_backend()));
    drop(begun);
    let lines = lines(dir.path());
    let stands_for = lines.iter().filter_map(|line| line["stands_for"].as_u64());
    assert_eq!(stands_for.collect::<Vec<_>>(), [1, 10, 10, 1]);
    let stop = lines.last().unwrap();
    assert_eq!(
        (stop["event"].as_str(), stop["unverified_left_out"].as_u64()),
        (Some("stop"), Some(4))
    );
}

/// The queues alone: no writer takes decisions out.
fn queues_of(when_full: WhenFull) -> (Record, Arc<Queues>) {
    let settings = Settings { queue_entries: 4, when_full, ..settings(Path::new("/nowhere")) };
    let queues = Arc::new(Queues::new(&settings, 1));
    let (notices, _) = sync_channel(1);
    let (accounts, _account_events) = sync_channel(1);
    let writer = std::thread::current();
    let active = Active { queues: Arc::clone(&queues), notices, accounts, writer };
    (Record(Some(active)), queues)
}

fn for_backend() -> Trail {
    let mut trail = Trail::default();
    trail.set_backend(0);
    trail
}

#[test]
fn a_full_queue_drops_and_counts() {
    let (record, queues) = queues_of(WhenFull::Drop);
    for _ in 0..6 {
        let mut trail = for_backend();
        assert!(record.reserve(W0, &mut trail), "drop never refuses");
        record.push(W0, approved(trail));
    }
    assert_eq!((queues.queued(), queues.dropped()), (4, 2));
    assert!(record.is_well());
}

#[test]
fn a_held_place_always_fits_and_nobody_else_takes_it() {
    let (record, queues) = queues_of(WhenFull::Refuse);
    let mut held: Vec<Trail> = Vec::new();
    for _ in 0..3 {
        let mut trail = for_backend();
        assert!(record.reserve(W0, &mut trail));
        held.push(trail);
    }
    // One place is free: the second that holds none is dropped.
    record.push(W0, approved(for_backend()));
    record.push(W0, approved(for_backend()));
    assert_eq!(queues.dropped(), 1);
    assert!(!record.reserve(W0, &mut for_backend()), "no place is left");
    for trail in held {
        record.push(W0, approved(trail));
    }
    assert_eq!((queues.queued(), queues.dropped()), (4, 1));
    while queues.lanes[0].queue.pop().is_some() {}
    assert!(record.reserve(W0, &mut for_backend()));
    queues.is_failing.store(true, Relaxed);
    assert!(!record.reserve(W0, &mut for_backend()), "the disk fails");
    assert!(!record.is_well());
}

fn freeze(is_acknowledged: bool) -> AccountEvent {
    let change = AccountChange {
        operation: "freeze",
        cause: Some("hotline"),
        subject: keyring::code::Subject::new(42).unwrap(),
        relation: Some(0),
        channel: None,
        before: None,
        after: Some("2026-12-12".to_owned()),
    };
    let (writer, request) = ("hotline-12393".to_owned(), "H-1".to_owned());
    let changes = vec![change];
    AccountEvent::Changes(AccountChanges { at: START, writer, request, is_acknowledged, changes })
}

#[test]
fn a_change_of_an_account_has_a_line_and_with_refuse_a_place_before() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { when_full: WhenFull::Refuse, ..settings(dir.path()) };
    let begun = begin(&settings);
    begun.record.reserve_account_event().unwrap().record(freeze(true));
    let places: Vec<_> =
        std::iter::from_fn(|| begun.record.reserve_account_event()).take(1_000).collect();
    assert!((limits::ACCOUNT_EVENTS_MAX - 1..=limits::ACCOUNT_EVENTS_MAX).contains(&places.len()));
    drop(places);
    begun.record.reserve_account_event().unwrap().record(freeze(false));
    begun.record.0.as_ref().unwrap().queues.is_failing.store(true, Relaxed);
    assert!(begun.record.reserve_account_event().is_none(), "not recordable, not changed");
    drop(begun);
    let lines = lines(dir.path());
    let accounts: Vec<_> = lines.iter().filter(|line| line["event"] == "account").collect();
    let said = |line: &serde_json::Value| (line["acknowledged"].clone(), line["after"].clone());
    assert_eq!(said(accounts[0]), (true.into(), "2026-12-12".into()));
    assert_eq!(said(accounts[1]), (false.into(), "2026-12-12".into()));
    assert_eq!(
        (&accounts[0]["writer"], &accounts[0]["op"]),
        (&"hotline-12393".into(), &"freeze".into())
    );
    assert!(!accounts[0].to_string().contains(":42"), "no person is named");
}

#[test]
fn a_chain_goes_on_over_files_and_the_next_process_names_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let first = begin(&Settings { file_mib_max: 1, ..settings(dir.path()) });
    for _ in 0..2_500 {
        first.record.push(W0, approved(for_backend()));
    }
    let keys = KeySet::new(vec![]).unwrap();
    first.record.note_reload(START, labels(), &keys, &keys);
    first.record.note_refused_reload(START, "gateway.toml:1: \"no\"");
    drop(first);
    let before = lines(dir.path());
    let seen = events(&before);
    assert_eq!((seen[0], seen[seen.len() - 1]), ("start", "stop"));
    assert_eq!(seen.iter().filter(|event| **event == "decision").count(), 2_500);
    assert!(seen.contains(&"continue") && seen.contains(&"reload_refused"), "{seen:?}");
    for (one, next) in before.iter().zip(&before[1..]) {
        assert_eq!(next["prev"], one["hash"]);
        assert_eq!(next["seq"].as_u64().unwrap(), one["seq"].as_u64().unwrap() + 1);
    }
    // The hand-set clock stands still: another process id would tell the two apart.
    let other = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().replace("20270115", "20270114");
        fs::copy(&path, other.path().join(name)).unwrap();
    }
    drop(begin(&settings(other.path())));
    let after = lines(other.path());
    let start = after.iter().rfind(|line| line["event"] == "start").unwrap();
    assert_eq!(start["previous_hash"], before.last().unwrap()["hash"]);
    assert_eq!(start["previous_seq"], before.last().unwrap()["seq"]);
    assert_eq!(start["previous_torn"], false);
}

#[test]
fn what_is_deleted_for_its_age_is_named_before_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let old = dir.path().join("a.20260101T080000000Z-1.000001.jsonl");
    let (mut chain, mut text) = (Chain::default(), Vec::new());
    chain.append(&mut text, |fields| {
        fields.word("event", "start").time("time", START).word("node", "a");
        fields.word("process", "20260101T080000000Z-1");
    });
    fs::write(&old, text).unwrap();
    let year = std::time::Duration::from_secs(1_800_000_000 - 365 * 86_400);
    let file = fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + year).unwrap();
    drop(begin(&settings(dir.path())));
    assert!(old.exists(), "by default nothing is deleted");
    drop(begin_at(START.plus_ms(1), &Settings { keep_days: 366, ..settings(dir.path()) }));
    assert!(old.exists(), "not old enough");
    drop(begin_at(START.plus_ms(2), &Settings { keep_days: 365, ..settings(dir.path()) }));
    assert!(!old.exists());
    let lines = lines(dir.path());
    let expired = lines.iter().find(|line| line["event"] == "expired").unwrap();
    assert_eq!(expired["expired_hash"], chain.hash.to_string());
    let files = offline::find(&[dir.path().to_owned()]).unwrap();
    let verdict = offline::reconcile(&files, offline::Demands::default(), &mut |finding| {
        println!("{finding}");
        Ok(())
    });
    assert!(verdict.unwrap().is_clean());
}

#[test]
fn a_record_that_cannot_begin_says_why() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let begun = Record::begin(&settings(&dir.path().join("file")), context(START));
    let error = begun.unwrap_err();
    assert!(error.to_string().starts_with("[record] directory: "), "{error}");
}
