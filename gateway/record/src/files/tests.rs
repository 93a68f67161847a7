use std::os::unix::fs::symlink;

use super::*;
use crate::line::Chain;

const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

fn place(directory: &Path) -> Place {
    Place {
        group: None,
        directory: directory.to_owned(),
        node: "a".to_owned(),
        process: "20270115T080000000Z-2".to_owned(),
        bytes_max: 1_000,
        age_ms_max: 3_600_000,
        keep_ms: None,
        free_bytes_min: 0,
        sync_ms: 1_000,
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn add(sink: &mut Sink, chain: &mut Chain, text: &str) {
    sink.announces();
    chain.append(sink.pending(), |fields| {
        fields.text("text", text.as_bytes());
    });
}

fn write(sink: &mut Sink, chain: &mut Chain, text: &str) {
    add(sink, chain, text);
    sink.flush(NOW).unwrap();
}

#[test]
fn names_read_back_and_sort_by_node_process_and_number() {
    let name = FileName::parse("a.20270115T080000000Z-2.000001.jsonl").unwrap();
    assert_eq!((name.node.as_str(), name.number), ("a", 1));
    assert_eq!(name.to_string(), "a.20270115T080000000Z-2.000001.jsonl");
    assert!(FileName { number: 999_999, ..name.clone() } > name);
    for other in ["a.b.jsonl", "a.b.x.jsonl", "a.b.1.json", "a.b.1.jsonl.zst", ".a.probe", ""] {
        assert_eq!(FileName::parse(other), None, "{other}");
    }
}

#[test]
fn a_file_is_closed_by_size_and_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(place(dir.path())).unwrap();
    let mut chain = Chain::default();
    assert_eq!(sink.announces(), Some(1));
    assert_eq!(sink.announces(), None, "announced once");
    write(&mut sink, &mut chain, "one");
    sink.rotate(NOW.plus_ms(3_599_999)).unwrap();
    assert_eq!(sink.announces(), None, "not yet");
    sink.rotate(NOW.plus_ms(3_600_000)).unwrap();
    assert_eq!(sink.announces(), Some(2), "too old");
    write(&mut sink, &mut chain, &"x".repeat(1_000));
    sink.rotate(NOW).unwrap();
    write(&mut sink, &mut chain, "three");
    assert_eq!(names(dir.path()).len(), 3, "{:?}", names(dir.path()));
}

#[test]
fn what_broke_off_goes_on_where_it_did() {
    // A file that takes nothing: the device that is always full.
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(place(dir.path())).unwrap();
    let mut chain = Chain::default();
    write(&mut sink, &mut chain, "one");
    let path = sink.path().to_owned();
    let whole = sink.file.as_ref().unwrap().file.try_clone().unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    sink.file.as_mut().unwrap().file = full;
    add(&mut sink, &mut chain, "two");
    assert_eq!(sink.flush(NOW).unwrap_err().kind(), io::ErrorKind::StorageFull);
    // Half of the line had been taken.
    let half = sink.pending.len() / 2;
    (&whole).write_all(&sink.pending[..half]).unwrap();
    sink.written = half;
    sink.file.as_mut().unwrap().file = whole;
    sink.flush(NOW).unwrap();
    let text = fs::read_to_string(path).unwrap();
    assert!(text.lines().all(|line| Sound::check(line.as_bytes()).is_ok()), "{text}");
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn a_file_that_was_removed_is_followed_by_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(place(dir.path())).unwrap();
    let mut chain = Chain::default();
    write(&mut sink, &mut chain, "one");
    fs::remove_file(sink.path()).unwrap();
    sink.rotate(NOW).unwrap();
    assert_eq!(sink.announces(), Some(2));
    write(&mut sink, &mut chain, "two");
    // Removed between the look and the write, in the middle of a line: it comes whole.
    add(&mut sink, &mut chain, "three");
    sink.written = 5;
    fs::remove_file(sink.path()).unwrap();
    sink.flush(NOW).unwrap();
    let text = fs::read_to_string(sink.path()).unwrap();
    assert!(Sound::check(text.trim_end().as_bytes()).is_ok() && text.contains("three"), "{text}");
    // Nor is a directory that is gone made again: something else may be mounted there.
    fs::remove_dir_all(dir.path()).unwrap();
    add(&mut sink, &mut chain, "four");
    assert_eq!(sink.flush(NOW).unwrap_err().kind(), io::ErrorKind::NotFound);
    fs::create_dir(dir.path()).unwrap();
    sink.flush(NOW).unwrap();
    assert!(fs::read_to_string(sink.path()).unwrap().contains("four"));
}

#[test]
fn too_little_room_counts_as_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(Place { free_bytes_min: u64::MAX, ..place(dir.path()) }).unwrap();
    let mut chain = Chain::default();
    add(&mut sink, &mut chain, "one");
    let error = sink.flush(NOW).unwrap_err();
    assert!(error.to_string().contains("record.free_mib_min"), "{error}");
    assert!(names(dir.path()).is_empty());
    sink.place.free_bytes_min = 0;
    sink.flush(NOW).unwrap();
}

#[test]
fn the_end_of_the_process_before_is_found_also_behind_half_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let here = place(dir.path());
    assert_eq!(here.previous().unwrap(), None);
    let (mut chain, mut text) = (Chain::default(), Vec::new());
    for _ in 0..3 {
        chain.append(&mut text, |fields| {
            fields.number("n", 1);
        });
    }
    let file = dir.path().join("a.20270114T080000000Z-1.000001.jsonl");
    fs::write(&file, &text).unwrap();
    // Other nodes, other files, and a newer process that wrote nothing do not count.
    fs::write(dir.path().join("b.20270115T070000000Z-1.000001.jsonl"), "x").unwrap();
    fs::write(dir.path().join("a.20270115T070000000Z-1.000001.jsonl"), "").unwrap();
    fs::write(dir.path().join("zzz"), "").unwrap();
    let previous = here.previous().unwrap().unwrap();
    assert_eq!((previous.seq, previous.hash, previous.torn), (2, chain.hash, false));
    text.extend_from_slice(b"{\"seq\":3,\"prev\":\"00");
    fs::write(&file, &text).unwrap();
    let previous = here.previous().unwrap().unwrap();
    assert_eq!((previous.seq, previous.hash, previous.torn), (2, chain.hash, true));
    assert_eq!(previous.process, "20270114T080000000Z-1");
}

#[test]
fn only_old_files_of_this_node_expire() {
    let dir = tempfile::tempdir().unwrap();
    let day_ms = 86_400_000;
    let here = Place { keep_ms: Some(184 * day_ms), ..place(dir.path()) };
    let (mut chain, mut text) = (Chain::default(), Vec::new());
    chain.append(&mut text, |_| {});
    let put = |name: &str, age_ms: i64| {
        let path = dir.path().join(name);
        fs::write(&path, &text).unwrap();
        let written = u64::try_from(NOW.get() - age_ms).unwrap();
        let written = UNIX_EPOCH + std::time::Duration::from_millis(written);
        File::options().write(true).open(path).unwrap().set_modified(written).unwrap();
    };
    put("a.20260101T080000000Z-1.000001.jsonl", 184 * day_ms);
    put("a.20260101T080000000Z-1.000002.jsonl", 184 * day_ms - 1);
    put("b.20260101T080000000Z-1.000001.jsonl", 900 * day_ms);
    put("a.20270115T080000000Z-2.000001.jsonl", 900 * day_ms);
    let expired = here.expired(NOW).unwrap();
    let [one] = &expired[..] else { panic!("{expired:?}") };
    assert_eq!(one.name, "a.20260101T080000000Z-1.000001.jsonl");
    assert_eq!((one.last.seq, one.last.hash), (0, chain.hash));
    here.remove(one).unwrap();
    here.remove(one).unwrap();
    assert_eq!(names(dir.path()).len(), 3);
    assert!(Place { keep_ms: None, ..here }.expired(NOW).unwrap().is_empty());
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    symlink("nowhere/at/all", dir.path().join("loop")).unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(Sink::new(place(&dir.path().join("file/record"))).is_err());
    assert!(Sink::new(place(&dir.path().join("new/record"))).is_ok());
}

#[test]
fn a_file_that_took_nothing_is_not_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(place(dir.path())).unwrap();
    let mut chain = Chain::default();
    add(&mut sink, &mut chain, "one");
    // As a full disk leaves it: the file is made, and its first write fails.
    let before = (0, true);
    sink.open(NOW).unwrap();
    assert_eq!((sink.number, names(dir.path()).len()), (1, 1));
    sink.take_back(before);
    assert!(names(dir.path()).is_empty() && sink.file.is_none());
    assert_eq!((sink.number, sink.announces()), (0, None), "its first line is pending still");
    sink.flush(NOW).unwrap();
    assert_eq!(names(dir.path()), ["a.20270115T080000000Z-2.000001.jsonl"]);
    let text = fs::read(sink.path()).unwrap();
    assert!(text.ends_with(b"\n") && !text.is_empty());
    // What has taken bytes stays.
    sink.take_back(before);
    assert_eq!((sink.number, names(dir.path()).len()), (1, 1));
}
