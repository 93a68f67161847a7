use std::{
    fs,
    io::Write as _,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use http_body::Body as _;
use http_body_util::BodyExt as _;
use keyring::time::UnixMillis;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use super::*;

const CHAIN: &str = "20270115T080000000Z-1";

fn feed() -> Rc<Feed> {
    let (clock, _) = Clock::hand_set(UnixMillis::new(1_800_000_000_000));
    Rc::new(Feed::new(clock, Arrivals::default(), vec!["aa".to_owned()]))
}

fn decision(seq: u64) -> String {
    let time = "2027-01-15T08:00:00.500Z";
    format!(
        "{{\"seq\":{seq},\"event\":\"decision\",\"time\":\"{time}\",\"node\":\"a\",\"outcome\":\"approved\"}}"
    )
}

fn take(feed: &Feed, chain: &str, texts: &[String]) {
    let chain = Rc::from(chain);
    feed.take(texts.iter().map(|text| (&chain, text.as_str())));
}

fn decide(feed: &Feed, seqs: std::ops::Range<u64>) {
    take(feed, CHAIN, &seqs.map(decision).collect::<Vec<_>>());
}

/// An event as a browser takes it: its name, its id, its data.
#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Event {
    fn parse(text: &str) -> Self {
        assert!(text.ends_with("\n\n"), "{text:?}");
        let field = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
        };
        let data = field("data").map_or(Value::Null, |data| serde_json::from_str(&data).unwrap());
        Self { name: field("event").unwrap_or_default(), id: field("id"), data }
    }
}

fn poll(body: &mut EventStream) -> Poll<Option<String>> {
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(body).poll_frame(&mut context).map(|frame| {
        let bytes = frame?.unwrap().into_data().unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    })
}

/// All events that are there, and whether the stream has ended.
fn drain(body: &mut EventStream) -> (Vec<Event>, bool) {
    let mut events = Vec::new();
    loop {
        match poll(body) {
            Poll::Ready(Some(text)) => {
                events.extend(text.split_inclusive("\n\n").map(Event::parse));
            }
            Poll::Ready(None) => return (events, true),
            Poll::Pending => return (events, false),
        }
    }
}

fn names(events: &[Event]) -> String {
    events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn seqs(events: &[Event]) -> Vec<u64> {
    let decisions = events.iter().filter(|event| event.name == "decision");
    decisions.map(|event| event.data["seq"].as_u64().unwrap()).collect()
}

#[test]
fn a_stream_says_hello_then_the_last_decisions_then_each_new_one() {
    let feed = feed();
    take(&feed, CHAIN, &["{\"seq\":0,\"event\":\"start\"}".to_owned()]);
    decide(&feed, 1..3);
    let mut body = EventStream::open(&feed, None).unwrap();
    let (events, has_ended) = drain(&mut body);
    assert_eq!((names(&events).as_str(), has_ended), ("hello decision decision", false));
    let hello = &events[0].data;
    assert_eq!(hello["now_unix_ms"], 1_800_000_000_000_i64);
    assert_eq!(hello["is_resumed"], false);
    assert_eq!(hello["counters"]["outcomes"], json!({"approved": 2}));
    assert_eq!(events[1].id.as_deref(), Some("20270115T080000000Z-1:1"));
    assert_eq!(events[1].data, serde_json::from_str::<Value>(&decision(1)).unwrap());
    decide(&feed, 3..5);
    let (events, _) = drain(&mut body);
    assert_eq!(seqs(&events), [3, 4]);
    assert!(drain(&mut body).0.is_empty());
}

#[test]
fn each_line_comes_once_and_in_order_however_often_a_browser_comes_again() {
    let feed = feed();
    let mut last: Option<String> = None;
    let mut found = Vec::new();
    decide(&feed, 0..1);
    for round in 0..40_u64 {
        let begin = 1 + round * 7;
        let mut body = EventStream::open(&feed, last.as_deref()).unwrap();
        decide(&feed, begin..begin + 7);
        // It takes some of the events, and the connection breaks.
        for _ in 0..round % 11 {
            let Poll::Ready(Some(text)) = poll(&mut body) else { break };
            let event = Event::parse(&text);
            if event.name == "hello" {
                assert_eq!(event.data["is_resumed"], last.is_some());
                continue;
            }
            last = event.id.or(last);
            found.push(event.data["seq"].as_u64().unwrap());
        }
    }
    let mut body = EventStream::open(&feed, last.as_deref()).unwrap();
    found.extend(seqs(&drain(&mut body).0));
    assert_eq!(found, (0..281).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_resumed_begins_with_the_last_lines() {
    let feed = feed();
    let first_lines = u64::try_from(bounds::FIRST_LINES).unwrap();
    decide(&feed, 0..first_lines + 10);
    let last = (10..first_lines + 10).collect::<Vec<_>>();
    let beyond = format!("{CHAIN}:9999");
    for id in [None, Some(""), Some("nonsense"), Some("other-1:3"), Some(&*beyond)] {
        let (events, _) = drain(&mut EventStream::open(&feed, id).unwrap());
        assert_eq!(events[0].data["is_resumed"], false, "{id:?}");
        assert_eq!(seqs(&events), last, "{id:?}");
    }
    // More than the ring holds: the oldest are gone, and their ids are unknown.
    let ring = u64::try_from(bounds::RING_LINES).unwrap();
    decide(&feed, first_lines + 10..3 * ring);
    let gone = format!("{CHAIN}:{}", 2 * ring - 2);
    let (events, _) = drain(&mut EventStream::open(&feed, Some(&gone)).unwrap());
    assert_eq!(seqs(&events).len(), bounds::FIRST_LINES);
    let oldest = format!("{CHAIN}:{}", 2 * ring - 1);
    let mut body = EventStream::open(&feed, Some(&oldest)).unwrap();
    assert_eq!(seqs(&drain(&mut body).0), (2 * ring..3 * ring).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_is_too_slow_is_ended_and_resumes_without_a_loss() {
    let feed = feed();
    let mut slow = EventStream::open(&feed, None).unwrap();
    decide(&feed, 0..5);
    let (events, _) = drain(&mut slow);
    let last = events.last().unwrap().id.clone();
    let mut other = EventStream::open(&feed, last.as_deref()).unwrap();
    decide(&feed, 5..5 + bounds::BEHIND_MAX);
    assert_eq!(seqs(&drain(&mut other).0).len(), 2_048);
    assert_eq!(feed.streams(), 2);
    decide(&feed, 5 + bounds::BEHIND_MAX..6 + bounds::BEHIND_MAX);
    assert_eq!(feed.streams(), 1);
    let (events, has_ended) = drain(&mut slow);
    assert!(events.is_empty() && has_ended);
    let (events, has_ended) = drain(&mut other);
    assert_eq!((seqs(&events).len(), has_ended), (1, false));
    let mut again = EventStream::open(&feed, last.as_deref()).unwrap();
    let expected = (5..6 + bounds::BEHIND_MAX).collect::<Vec<_>>();
    assert_eq!(seqs(&drain(&mut again).0), expected);
    // The place that the slow one had is another's now.
    drop(slow);
    assert_eq!(feed.streams(), 2);
}

#[test]
fn the_ninth_stream_finds_no_place_until_another_ends() {
    let feed = feed();
    let mut open: Vec<_> = (0..8).map(|_| EventStream::open(&feed, None).unwrap()).collect();
    assert_eq!(EventStream::open(&feed, None).unwrap_err(), Crowded);
    open.pop();
    open.push(EventStream::open(&feed, None).unwrap());
    assert_eq!(EventStream::open(&feed, None).unwrap_err(), Crowded);
    // A browser that sleeps takes nothing.
    for _ in 0..=bounds::IDLE_BEATS {
        feed.beat(None);
        assert!(!drain(&mut open[0]).1);
    }
    assert_eq!(feed.streams(), 1);
    assert!(drain(&mut open[1]).1);
}

#[test]
fn counters_come_each_second_and_a_comment_each_fifteen() {
    let feed = feed();
    let mut body = EventStream::open(&feed, None).unwrap();
    drain(&mut body);
    let mut found = String::new();
    for _ in 0..15 {
        feed.beat(Some(&json!({"table": {"entries": 7}})));
        let (events, _) = drain(&mut body);
        assert_eq!(events[0].data["gateway"]["table"]["entries"], 7);
        found = names(&events);
    }
    assert_eq!(found, "counters ", "the last one is a comment");
    // A reader that was away gets the newest alone.
    feed.beat(None);
    feed.beat(None);
    feed.state_changed();
    let (events, _) = drain(&mut body);
    assert_eq!(names(&events), "counters state");
    assert!(events[0].data["gateway"].is_null());
}

#[test]
fn a_phone_is_told_once_its_code_is_spent() {
    let feed = feed();
    feed.show_code("3", "7001-1-2");
    let mut body = EventStream::open(&feed, None).unwrap();
    drain(&mut body);
    let line = |seq: u64, spending: &str| {
        format!(
            "{{\"seq\":{seq},\"event\":\"decision\",\"redemption\":\"7001-1-2\",\
             \"subject_hash\":\"aa\",\"spending\":\"{spending}\"}}"
        )
    };
    take(&feed, CHAIN, &[line(1, "none"), line(2, "spent"), line(3, "none")]);
    let (events, _) = drain(&mut body);
    assert_eq!(names(&events), "decision phone decision decision");
    assert_eq!(
        (&events[1].data["phone"], &events[1].data["code_id"]),
        (&json!("3"), &json!("7001-1-2"))
    );
    assert_eq!(feed.spent_by("7001-1-2").unwrap().id(), format!("{CHAIN}:2"));
    let lines: Vec<String> = feed.lines_of("aa").iter().map(|line| line.id()).collect();
    assert_eq!(lines, [3, 2, 1].map(|seq| format!("{CHAIN}:{seq}")));
    assert_eq!(feed.last(1)[0].text(), line(3, "none"));
}

/// A decision that another process writes is told while a stream waits. The gateway is not there.
#[test]
fn the_record_is_followed_from_before_its_directory_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("record");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = free.local_addr().unwrap();
    drop(free);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async {
        let sources = Sources {
            records: vec![record.clone()],
            admin,
            arrivals: Arrivals::default(),
            clock: Clock::system(),
            people: Vec::new(),
        };
        let feed = start(sources).unwrap();
        let mut body = open(&feed, None).await.unwrap();
        fs::create_dir(&record).unwrap();
        let path = record.join(format!("a.{CHAIN}.000001.jsonl"));
        let mut file = fs::File::create(path).unwrap();
        let many = 3 * u64::try_from(bounds::BATCH_LINES).unwrap();
        for seq in 0..many {
            writeln!(file, "{}", decision(seq)).unwrap();
        }
        let mut found = Vec::new();
        let mut has_counters = false;
        while found.len() < usize::try_from(many).unwrap() || !has_counters {
            let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
            let event = Event::parse(str::from_utf8(&frame).unwrap());
            has_counters |= event.name == "counters";
            found.extend(seqs(&[event]));
        }
        assert_eq!(found, (0..many).collect::<Vec<_>>());
    };
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(30), test).await.unwrap();
    });
}
