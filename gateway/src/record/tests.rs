use std::{fs, path::Path};

use super::*;
use crate::{metrics::Outcome, refusal::Refusal, request_id::RequestIds};

const W0: WorkerId = WorkerId::new(0);
const START: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

const CONFIG: &str = "
replay.store = \"local\"
[[backend]]
name = \"settlement\"
endpoints = [\"http://127.0.0.1:9001\"]
[[route]]
path = \"/pay\"
code = \"redeem\"
backend = \"settlement\"
[record]
node = \"a\"
free_mib_min = 0
";

fn config(directory: &Path, more: &str) -> crate::config::Config {
    let text = format!("{CONFIG}directory = {directory:?}\n{more}");
    crate::config::Config::parse(&text, Path::new("/"), Path::new("test")).unwrap()
}

/// Dropping it ends the record.
struct Begun {
    record: Record,
    _recording: Recording,
    labels: Arc<Labels>,
}

fn begin(directory: &Path, more: &str) -> Begun {
    begin_at(START, directory, more)
}

fn begin_at(start: UnixMillis, directory: &Path, more: &str) -> Begun {
    let (clock, _) = Clock::hand_set(start);
    let config = config(directory, more);
    let keys = KeySet::new(vec![]).unwrap();
    let labels = Labels::new(&config, &keys);
    let labels_and_keys = (labels.clone(), &keys);
    let begun =
        Record::begin(&config.record, None, 1, labels_and_keys, &clock, &Arc::default()).unwrap();
    Begun { record: begun.0, _recording: begun.1, labels: Arc::new(labels) }
}

impl Begun {
    fn entry(&self, outcome: Outcome, trail: Trail) -> Entry {
        entry(&self.labels, outcome, trail)
    }

    fn forwarded(&self) -> Entry {
        self.entry(Outcome::Approved, mattering())
    }
}

fn entry(labels: &Arc<Labels>, outcome: Outcome, trail: Trail) -> Entry {
    Entry {
        labels: Arc::clone(labels),
        at: START,
        latency_ns: 1_234_567,
        request_id: RequestIds::new([1, 2]).next(),
        route: Some(0),
        outcome,
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
    let begun = begin(dir.path(), "");
    let mut headers = http::HeaderMap::new();
    headers.insert("x-request-id", "H-1\"\\".parse().unwrap());
    let mut trail = Trail::of_client(&headers);
    trail.set_backend(0);
    trail.goes_to(Some(0));
    trail.spent();
    trail.bytes_sent(true);
    let entry = begun.entry(Outcome::Refused(Refusal::OutcomeUnknown), trail);
    begun.record.decided(W0, entry);
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
fn what_is_not_genuine_is_sampled_and_none_goes_uncounted() {
    let dir = tempfile::tempdir().unwrap();
    let begun = begin(dir.path(), "unverified_one_in = 10\n");
    for _ in 0..25 {
        let entry = begun.entry(Outcome::Refused(Refusal::CodeMalformed), Trail::default());
        begun.record.decided(W0, entry);
    }
    begun.record.decided(W0, begun.forwarded());
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

/// The queue alone: nobody takes anything out.
fn lane_of(when_full: WhenFull) -> (Record, Arc<Inner>) {
    let dir = Path::new("/nowhere");
    let config = RecordConfig { queue_entries: 4, when_full, ..config(dir, "").record };
    let inner = Arc::new(Inner::new(&config, 1));
    let (notices, _) = sync_channel(1);
    let on = On { inner: Arc::clone(&inner), notices, writer: std::thread::current() };
    (Record(Some(on)), inner)
}

fn forwarded(trail: Trail) -> Entry {
    let config = config(Path::new("/nowhere"), "");
    let labels = Arc::new(Labels::new(&config, &KeySet::new(vec![]).unwrap()));
    entry(&labels, Outcome::Approved, trail)
}

fn mattering() -> Trail {
    let mut trail = Trail::default();
    trail.set_backend(0);
    trail
}

#[test]
fn a_full_queue_drops_and_counts() {
    let (record, inner) = lane_of(WhenFull::Drop);
    for _ in 0..6 {
        let mut trail = mattering();
        assert!(record.hold_place(W0, &mut trail), "drop never refuses");
        record.decided(W0, forwarded(trail));
    }
    assert_eq!((inner.queued(), inner.dropped()), (4, 2));
    assert!(record.is_well());
}

#[test]
fn a_held_place_always_fits_and_nobody_else_takes_it() {
    let (record, inner) = lane_of(WhenFull::Refuse);
    let mut held: Vec<Trail> = Vec::new();
    for _ in 0..3 {
        let mut trail = mattering();
        assert!(record.hold_place(W0, &mut trail));
        held.push(trail);
    }
    // One place is free: the second that holds none is dropped.
    record.decided(W0, forwarded(mattering()));
    record.decided(W0, forwarded(mattering()));
    assert_eq!(inner.dropped(), 1);
    assert!(!record.hold_place(W0, &mut mattering()), "no place is left");
    for trail in held {
        record.decided(W0, forwarded(trail));
    }
    assert_eq!((inner.queued(), inner.dropped()), (4, 1));
    while inner.lanes[0].queue.pop().is_some() {}
    assert!(record.hold_place(W0, &mut mattering()));
    inner.failing.store(true, Relaxed);
    assert!(!record.hold_place(W0, &mut mattering()), "the disk fails");
    assert!(!record.is_well());
}

#[test]
fn a_chain_goes_on_over_files_and_the_next_process_names_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let first = begin(dir.path(), "file_mib_max = 1\n");
    for _ in 0..2_500 {
        first.record.decided(W0, first.forwarded());
    }
    let keys = KeySet::new(vec![]).unwrap();
    first.record.reloaded(START, Labels::clone(&first.labels), &keys, &keys);
    first.record.reload_refused(START, "gateway.toml:1: \"no\"");
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
    drop(begin(other.path(), ""));
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
    drop(begin(dir.path(), ""));
    assert!(old.exists(), "by default nothing is deleted");
    drop(begin_at(START.plus_ms(1), dir.path(), "keep_days = 366\n"));
    assert!(old.exists(), "not old enough");
    drop(begin_at(START.plus_ms(2), dir.path(), "keep_days = 365\n"));
    assert!(!old.exists());
    let lines = lines(dir.path());
    let expired = lines.iter().find(|line| line["event"] == "expired").unwrap();
    assert_eq!(expired["expired_hash"], chain.hash.to_string());
    let files = read::find(&[dir.path().to_owned()]).unwrap();
    let verdict = reconcile::reconcile(&files, false, &mut |finding| {
        println!("{finding}");
        Ok(())
    });
    assert!(verdict.unwrap().is_clean());
}

#[test]
fn a_record_that_cannot_begin_says_why() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let config = config(&dir.path().join("file"), "");
    let keys = KeySet::new(vec![]).unwrap();
    let (clock, _) = Clock::hand_set(START);
    let labels = Labels::new(&config, &keys);
    let begun = Record::begin(&config.record, None, 1, (labels, &keys), &clock, &Arc::default());
    let error = begun.unwrap_err();
    assert!(error.to_string().starts_with("[record] directory: "), "{error}");
}
