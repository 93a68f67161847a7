use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::*;
use crate::format::Chain;

/// Writes the record of processes as they would.
struct Scribe {
    directory: tempfile::TempDir,
    chain: Chain,
    node: &'static str,
    process: String,
    number: u32,
    text: Vec<u8>,
}

/// What a decision says, as far as reconciling looks.
#[derive(Copy, Clone)]
struct Said {
    serial: u64,
    outcome: &'static str,
    spending: &'static str,
    sent: bool,
}

const SENT: Said = Said { serial: 1, outcome: "approved", spending: "spent", sent: true };
const USED: Said = Said { serial: 1, outcome: "code_used", spending: "none", sent: false };
const GIVEN_BACK: Said =
    Said { serial: 1, outcome: "backend_unreachable", spending: "given_back", sent: false };
const UNKNOWN: Said = Said { serial: 1, outcome: "outcome_unknown", ..SENT };

impl Scribe {
    fn new(node: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (chain, text) = (Chain::default(), Vec::new());
        Self { directory, chain, node, process: String::new(), number: 0, text }
    }

    /// A process begins, and names the end of the one before.
    fn start(&mut self, process: &str) -> &mut Self {
        let before = (self.process.clone(), self.chain);
        (self.chain, self.number, self.process) = (Chain::default(), 1, process.to_owned());
        let node = self.node;
        self.chain.append(&mut self.text, |fields| {
            fields.word("event", "start").time("time", UnixMillis::new(0)).word("node", node);
            fields.word("process", process).number("file_number", 1);
            if !before.0.is_empty() {
                fields.word("previous_process", &before.0);
                fields.number("previous_seq", before.1.seq - 1);
                fields.display("previous_hash", before.1.hash);
            }
        });
        self.write()
    }

    /// The process goes on in another file.
    fn rotate(&mut self) -> &mut Self {
        self.number += 1;
        let (process, number) = (self.process.clone(), self.number);
        self.event("continue", |fields| {
            fields.word("process", &process).number("file_number", number);
        })
    }

    fn decision(&mut self, said: Said) -> &mut Self {
        self.event("decision", |fields| {
            fields.word("route_use", "redeem").word("outcome", said.outcome);
            fields.display("redemption", format_args!("7001-1800000000-{:016x}", said.serial));
            fields.word("backend", "settlement").word("spending", said.spending);
            fields.boolean("bytes_sent", said.sent);
        })
    }

    /// The same redemption, forwarded by a route that only observes.
    fn observed(&mut self, said: Said) -> &mut Self {
        self.event("decision", |fields| {
            fields.word("route_use", "redeem").word("outcome", "observed");
            fields.display("redemption", format_args!("7001-1800000000-{:016x}", said.serial));
            fields.word("spending", "none").boolean("bytes_sent", true);
            fields.word("observed", "code_used");
        })
    }

    fn stop(&mut self) -> &mut Self {
        self.event("stop", |_| {})
    }

    fn event(
        &mut self,
        event: &'static str,
        more: impl FnOnce(&mut crate::format::Fields<'_>),
    ) -> &mut Self {
        let node = self.node;
        self.chain.append(&mut self.text, |fields| {
            fields.word("event", event).time("time", UnixMillis::new(1_000)).word("node", node);
            more(fields);
        });
        self.write()
    }

    fn path(&self) -> PathBuf {
        let name = format!("{}.{}.{:06}.jsonl", self.node, self.process, self.number);
        self.directory.path().join(name)
    }

    fn write(&mut self) -> &mut Self {
        let path = self.path();
        let mut text = fs::read(&path).unwrap_or_default();
        text.append(&mut self.text);
        fs::write(path, text).unwrap();
        self
    }
}

fn run(directories: &[&Path], may_begin_late: bool) -> (ReconcileVerdict, Vec<String>) {
    run_with(directories, Demands { may_begin_late, ..Demands::default() })
}

fn run_with(directories: &[&Path], demands: Demands<'_>) -> (ReconcileVerdict, Vec<String>) {
    let paths: Vec<_> = directories.iter().map(|path| path.to_path_buf()).collect();
    let files = crate::offline::find(&paths).unwrap();
    let mut found = Vec::new();
    let verdict = reconcile(&files, demands, &mut |finding| {
        found.push(finding.to_string());
        Ok(())
    });
    (verdict.unwrap(), found)
}

fn of(scribe: &Scribe) -> (ReconcileVerdict, Vec<String>) {
    run(&[scribe.directory.path()], false)
}

/// Two processes; the first has two files.
fn whole() -> Scribe {
    let mut scribe = Scribe::new("a");
    scribe.start("1").decision(SENT).decision(USED).rotate();
    scribe.decision(Said { serial: 2, ..GIVEN_BACK }).decision(Said { serial: 2, ..SENT }).stop();
    scribe.start("2").decision(Said { serial: 3, ..UNKNOWN }).stop();
    scribe
}

#[test]
fn what_a_route_forwards_that_only_observes_is_no_double() {
    let mut scribe = Scribe::new("a");
    scribe.start("p1").decision(SENT).observed(SENT).observed(SENT).stop();
    let (verdict, found) = run(&[scribe.directory.path()], false);
    assert_eq!((verdict.doubles, verdict.forwarded), (0, 1), "{found:?}");
    scribe.start("p2").decision(SENT).stop();
    assert_eq!(run(&[scribe.directory.path()], false).0.doubles, 1);
}

#[test]
fn a_whole_record_is_clean_and_unknown_outcomes_are_listed() {
    let scribe = whole();
    let (verdict, found) = of(&scribe);
    assert!(verdict.is_clean(), "{found:#?}");
    assert_eq!((verdict.files, verdict.processes, verdict.decisions), (3, 2, 5));
    assert_eq!((verdict.forwarded, verdict.unknown, verdict.doubles), (3, 1, 0));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("UNKNOWN  1970-01-01T00:00:01.000Z"), "{found:?}");
    assert!(found[0].contains("7001-1800000000-0000000000000003"), "{found:?}");
}

#[test]
fn a_double_is_found_over_nodes_and_processes() {
    let (one, mut two) = (whole(), Scribe::new("b"));
    two.start("1").decision(Said { serial: 2, ..UNKNOWN }).stop();
    assert!(of(&two).0.is_clean());
    let (verdict, found) = run(&[two.directory.path(), one.directory.path()], false);
    assert_eq!((verdict.doubles, verdict.broken, verdict.forwarded), (1, 0, 3));
    let double = found.iter().find(|text| text.starts_with("DOUBLE")).unwrap();
    assert!(double.contains("7001-1800000000-0000000000000002 was forwarded twice"), "{double}");
    assert!(double.contains("a.1.000002.jsonl:3"), "{double}");
    assert!(double.contains("b.1.000001.jsonl:2"), "{double}");
}

#[test]
fn what_was_given_back_may_be_spent_again_and_what_was_spent_may_not() {
    let mut scribe = Scribe::new("a");
    scribe
        .start("1")
        .decision(GIVEN_BACK)
        .decision(GIVEN_BACK)
        .decision(SENT)
        .decision(USED)
        .stop();
    assert!(of(&scribe).0.is_clean());
    let mut scribe = Scribe::new("a");
    scribe.start("1").decision(Said { sent: false, ..SENT }).decision(SENT).stop();
    let (verdict, found) = of(&scribe);
    assert_eq!(verdict.doubles, 1);
    assert!(found[0].contains("spent twice"), "{found:?}");
}

#[test]
fn half_a_line_at_the_end_is_no_tampering_but_one_in_the_middle_is() {
    let mut scribe = Scribe::new("a");
    scribe.start("1").decision(SENT);
    scribe.text = b"{\"seq\":2,\"prev\":\"0012".to_vec();
    scribe.write();
    let (verdict, found) = of(&scribe);
    assert!(verdict.is_clean(), "{found:?}");
    assert!(found[0].contains(".jsonl:3: half a line"), "{found:?}");
    assert!(found[1].contains("has not said that it ends"), "{found:?}");
    scribe.start("2").stop();
    assert!(of(&scribe).0.is_clean(), "{:?}", of(&scribe));
    scribe.text = b"\n".to_vec();
    (scribe.process, scribe.number) = ("1".to_owned(), 1);
    scribe.write();
    assert!(!of(&scribe).0.is_clean());
}

#[test]
fn the_end_of_a_dead_process_cannot_be_cut_off() {
    let scribe = whole();
    let path = scribe.directory.path().join("a.1.000002.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let cut = text.trim_end().rsplit_once('\n').unwrap().0;
    fs::write(&path, format!("{cut}\n")).unwrap();
    let (verdict, found) = of(&scribe);
    assert_eq!(verdict.broken, 1, "{found:#?}");
    assert!(found.iter().any(|text| text.contains("whose record ends before that")), "{found:?}");
}

#[test]
fn a_line_with_a_hash_of_its_own_does_not_fit_the_next_one() {
    let mut scribe = Scribe::new("a");
    scribe.start("1").decision(SENT);
    let path = scribe.path();
    let whole = fs::read(&path).unwrap();
    let start = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let chain = scribe.chain;
    // The same number after the same line, another text: sound in itself.
    scribe.chain = Chain { seq: 1, ..Chain::default() };
    scribe.chain.hash = CheckedLine::check(&whole[..start - 1]).unwrap().hash;
    fs::write(&path, &whole[..start]).unwrap();
    scribe.decision(Said { serial: 9, ..SENT });
    scribe.chain = chain;
    scribe.stop();
    let (verdict, found) = of(&scribe);
    assert_eq!(verdict.broken, 1, "{found:#?}");
    assert!(found[0].contains(".jsonl:3: not written after the line"), "{found:?}");
}

#[test]
fn a_missing_file_is_found_unless_it_was_deleted_for_its_age() {
    let scribe = whole();
    fs::remove_file(scribe.directory.path().join("a.1.000001.jsonl")).unwrap();
    let (verdict, found) = of(&scribe);
    assert_eq!(verdict.broken, 1, "{found:#?}");
    assert!(found.iter().any(|text| text.contains("lines 0 to 2 of node a")), "{found:?}");
    assert!(run(&[scribe.directory.path()], true).0.is_clean());

    let mut scribe = whole();
    let first = scribe.directory.path().join("a.1.000001.jsonl");
    let text = fs::read_to_string(&first).unwrap();
    let last = CheckedLine::check(text.lines().last().unwrap().as_bytes()).unwrap();
    fs::remove_file(first).unwrap();
    scribe.start("3").event("expired", |fields| {
        fields.word("expired_process", "1").number("expired_seq", last.seq);
        fields.display("expired_hash", last.hash);
    });
    let (verdict, found) = of(&scribe);
    assert!(verdict.is_clean(), "{found:#?}");
    // That one file expired excuses no other.
    fs::remove_file(scribe.directory.path().join("a.2.000001.jsonl")).unwrap();
    assert!(!of(&scribe).0.is_clean());
}

/// What is done to one file of [`whole`], and what must be said. The files of a.1 are two.
#[test]
fn what_was_taken_away_is_told_wherever_it_stood() {
    let cut_off = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let (begin, _) = text.trim_end().rsplit_once('\n').unwrap();
        fs::write(path, format!("{begin}\n")).unwrap();
    };
    let empty = |path: &Path| fs::write(path, "").unwrap();
    let blank = |path: &Path| fs::write(path, "\n\n").unwrap();
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    type Change<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Change<'_>, &str); 8] = [
        ("a.1.000001.jsonl", &empty, "a.1.000001.jsonl: an empty file"),
        ("a.1.000002.jsonl", &empty, "a.1.000002.jsonl: an empty file"),
        ("a.2.000001.jsonl", &empty, "a.2.000001.jsonl: an empty file"),
        ("a.2.000001.jsonl", &blank, "a.2.000001.jsonl:1: it has not the form"),
        ("a.1.000001.jsonl", &remove, "lines 0 to 2 of node a, process 1 are missing"),
        ("a.1.000002.jsonl", &remove, "whose record ends before that"),
        ("a.1.000001.jsonl", &cut_off, "line, lines 2 to 2 of node a, process 1 are missing"),
        ("a.1.000002.jsonl", &cut_off, "whose record ends before that"),
    ];
    for (file, change, says) in cases {
        let scribe = whole();
        change(&scribe.directory.path().join(file));
        let (verdict, found) = of(&scribe);
        assert!(!verdict.is_clean(), "{file}: {says}");
        let told = |text: &String| text.starts_with("BROKEN") && text.contains(says);
        assert!(found.iter().any(told), "{file}: {found:#?}\ndoes not say {says:?}");
    }
    let scribe = whole();
    for file in ["a.1.000001.jsonl", "a.1.000002.jsonl"] {
        remove(&scribe.directory.path().join(file));
    }
    let (verdict, found) = of(&scribe);
    assert_eq!(verdict.broken, 1, "{found:#?}");
    assert!(found.iter().any(|text| text.contains("whose files are missing")), "{found:#?}");
    // Of the newest process only what it did not come to say is known.
    let scribe = whole();
    cut_off(&scribe.directory.path().join("a.2.000001.jsonl"));
    let (verdict, found) = of(&scribe);
    assert!(verdict.is_clean(), "{found:#?}");
    assert!(found.iter().any(|text| text.contains("has not said that it ends")), "{found:#?}");
}

#[test]
fn a_copy_is_read_once() {
    let scribe = whole();
    let path = scribe.directory.path();
    let text = fs::read_to_string(path.join("a.1.000001.jsonl")).unwrap();
    let (begin, _) = text.trim_end().rsplit_once('\n').unwrap();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("a.1.000001.jsonl"), format!("{begin}\n")).unwrap();
    let (verdict, found) = run(&[other.path(), path], false);
    assert!(verdict.is_clean() && verdict.decisions == 5, "{found:#?}");
}

/// The anchors of all files of a scribe, by way of their text.
fn anchors_of(scribe: &Scribe) -> Vec<Anchor> {
    let files = crate::offline::find(&[scribe.directory.path().to_owned()]).unwrap();
    let (found, without) = anchors(&files).unwrap();
    assert!(without.is_empty(), "{without:?}");
    let list = tempfile::NamedTempFile::new().unwrap();
    let text: String = found.iter().map(|anchor| format!("{anchor}\n")).collect();
    fs::write(list.path(), text).unwrap();
    read_anchors(list.path()).unwrap()
}

/// [`whole`], but what is said of one redemption; all hashes fit, as they would if who can write the
/// files had made all of them anew.
fn written_anew() -> Scribe {
    let mut scribe = Scribe::new("a");
    scribe.start("1").decision(Said { serial: 9, ..SENT }).decision(USED).rotate();
    scribe.decision(Said { serial: 2, ..GIVEN_BACK }).decision(Said { serial: 2, ..SENT }).stop();
    scribe.start("2").decision(Said { serial: 3, ..UNKNOWN }).stop();
    scribe
}

#[test]
fn a_record_that_was_written_anew_is_clean_in_itself_and_not_beside_its_anchors() {
    let scribe = whole();
    let kept = anchors_of(&scribe);
    assert_eq!(kept.len(), 2, "one a process: {kept:?}");
    let demands = Demands { anchors: &kept, ..Demands::default() };
    let (verdict, found) = run_with(&[scribe.directory.path()], demands);
    assert!(verdict.is_clean() && verdict.anchors_proven == 2, "{found:#?}");

    let forged = written_anew();
    assert!(of(&forged).0.is_clean());
    let (verdict, found) = run_with(&[forged.directory.path()], demands);
    assert_eq!((verdict.broken, verdict.anchors_proven), (2, 0), "{found:#?}");
    let told = |text: &String| text.contains("node a, process 1 is not the one of 1970-");
    assert!(found.iter().any(told), "{found:#?}");
}

#[test]
fn a_chain_may_go_on_after_its_anchor_and_may_not_end_before_it() {
    let mut scribe = Scribe::new("a");
    scribe.start("1").decision(SENT);
    let early = anchors_of(&scribe);
    scribe.decision(Said { serial: 2, ..SENT }).rotate().decision(Said { serial: 3, ..SENT });
    let late = anchors_of(&scribe);
    for kept in [&early, &late] {
        let demands = Demands { anchors: kept, ..Demands::default() };
        let (verdict, found) = run_with(&[scribe.directory.path()], demands);
        assert!(verdict.is_clean() && verdict.anchors_proven == 1, "{found:#?}");
    }
    // What the process did not come to say cannot be known, but what it had said is.
    fs::remove_file(scribe.path()).unwrap();
    assert!(of(&scribe).0.is_clean());
    let demands = Demands { anchors: &late, may_begin_late: true };
    let (verdict, found) = run_with(&[scribe.directory.path()], demands);
    assert_eq!(verdict.broken, 1, "{found:#?}");
    assert!(found.iter().any(|text| text.contains("ends before it")), "{found:#?}");
}

#[test]
fn what_is_archived_elsewhere_is_said_and_what_is_missing_is_broken() {
    let scribe = whole();
    let kept = anchors_of(&scribe);
    for file in ["a.1.000001.jsonl", "a.1.000002.jsonl"] {
        fs::remove_file(scribe.directory.path().join(file)).unwrap();
    }
    let demands = Demands { anchors: &kept, ..Demands::default() };
    let (verdict, found) = run_with(&[scribe.directory.path()], demands);
    let missing = |text: &&String| text.contains("anchored at") && text.starts_with("BROKEN");
    assert_eq!(found.iter().filter(missing).count(), 1, "{found:#?}");
    assert_eq!(verdict.anchors_proven, 1);
    let demands = Demands { may_begin_late: true, ..demands };
    let (verdict, found) = run_with(&[scribe.directory.path()], demands);
    assert!(verdict.is_clean() && verdict.anchors_proven == 1, "{found:#?}");
    let said = |text: &String| text.starts_with("NOTE") && text.contains("it is not proven");
    assert!(found.iter().any(said), "{found:#?}");
}

#[test]
fn an_anchored_line_that_was_damaged_is_missing() {
    let scribe = whole();
    let kept = anchors_of(&scribe);
    let path = scribe.directory.path().join("a.1.000002.jsonl");
    let text = fs::read_to_string(&path).unwrap().replace("\"stop\"", "\"drop\"");
    fs::write(path, text).unwrap();
    let demands = Demands { anchors: &kept, may_begin_late: true };
    let (verdict, found) = run_with(&[scribe.directory.path()], demands);
    assert!(!verdict.is_clean() && verdict.anchors_proven == 1, "{found:#?}");
    assert!(found.iter().any(|text| text.contains("is damaged or missing")), "{found:#?}");
}

#[test]
fn a_finding_tells_programs_what_it_tells_a_person() {
    let scribe = whole();
    let files = crate::offline::find(&[scribe.directory.path().to_owned()]).unwrap();
    let mut found = Vec::new();
    let keep = &mut |finding| {
        found.push(finding);
        Ok(())
    };
    reconcile(&files, Demands::default(), keep).unwrap();
    let [unknown] = &found[..] else { panic!("{found:?}") };
    assert_eq!(unknown.kind, FindingKind::Unknown);
    assert!(unknown.place.as_ref().is_some_and(|place| place.ends_with("a.2.000001.jsonl:2")));
    let decision = unknown.decision.as_ref().unwrap();
    assert_eq!(decision.redemption, "7001-1800000000-0000000000000003");
    assert_eq!((&*decision.outcome, &*decision.node), ("outcome_unknown", "a"));
    assert!(decision.bytes_sent && decision.msgid.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Finds a change of any byte or line, except those that a stop of the machine can leave.
    #[test]
    fn any_change_is_found(
        file in 0_usize..3,
        at: proptest::sample::Index,
        flip in 1_u8..,
        how in 0_u8..5,
    ) {
        let scribe = whole();
        let files = ["a.1.000001.jsonl", "a.1.000002.jsonl", "a.2.000001.jsonl"];
        let path = scribe.directory.path().join(files[file]);
        let mut bytes = fs::read(&path).unwrap();
        let mut lines: Vec<Vec<u8>> =
            bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let (line, last) = (at.index(lines.len()), lines.len() - 1);
        match how {
            0 => {
                // The last line feed alone is what a stop can take away.
                let at = at.index(bytes.len() - 1);
                bytes[at] ^= flip;
                lines = vec![bytes];
            }
            // The newest line of all may be missing: its process then has not said that it ends.
            1 if file == 2 && line == last => return Ok(()),
            1 => drop(lines.remove(line)),
            2 => lines.swap(line, (line + 1) % (last + 1)),
            3 => lines.insert(line, lines[line].clone()),
            _ => lines[line] = lines[line].iter().rev().copied().collect(),
        }
        fs::write(&path, lines.concat()).unwrap();
        let (verdict, found) = of(&scribe);
        prop_assert!(verdict.broken > 0, "{found:#?}");
    }
}
