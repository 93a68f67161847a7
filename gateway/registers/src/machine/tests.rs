//! The machine by single inputs, in bytes.

use keyring::{
    code::{CodeIdentity, IssuedAt, Serial},
    time::UnixMillis,
};

use super::{Broken, Effects, Machine, Moment, Notice, State, Ticket};
use crate::{
    limits,
    protocol::{
        claim::{ClaimNote, ClaimVerdict},
        eligibility::Ineligible,
    },
    settings::{RegisterAddress, Settings},
};

const NOW: UnixMillis = UnixMillis::new(1_800_000_100_000);

fn machine() -> Machine {
    let address = |host: &str| RegisterAddress {
        host: host.to_owned(),
        port: 1,
        database: 0,
        credentials: None,
    };
    let groups = vec![["a", "b", "c"].map(address).to_vec()];
    Machine::new(&Settings { timeout_ms: 50, epoch: 1, groups, old_groups: vec![] }, 7)
}

fn moment() -> Moment {
    Moment { at: NOW, ns: 0 }
}

/// What a turn of the connection writes.
fn written(machine: &mut Machine, index: usize) -> String {
    if machine.has_open_batch(index) {
        machine.end_batch(index, moment());
    }
    let bytes = machine.unwritten(index).to_vec();
    machine.wrote(index, bytes.len());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hear(machine: &mut Machine, index: usize, replies: &str) {
    assert_eq!(machine.received(index, replies.as_bytes(), moment()), Ok(replies.len()));
}

/// Each server has a run id of its own.
fn run(index: usize) -> String {
    format!("{index}123456789abcdef0123456789abcdef01234567")
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// The replies to INFO's four sections.
fn info(index: usize, policy: &str) -> String {
    let server = format!("redis_version:7.2.0\r\nrun_id:{}\r\n", run(index));
    let memory = format!("maxmemory_policy:{policy}\r\n");
    let replication = "role:master\r\nconnected_slaves:0\r\n";
    [&server, replication, &memory, "cluster_enabled:0\r\n"].map(bulk).concat()
}

/// The replies to `GET yanma:layout` and `TIME`.
fn reading(layout: Option<String>) -> String {
    let seconds = NOW.seconds().to_string();
    let held = layout.map_or("$-1\r\n".to_owned(), |layout| bulk(&layout));
    format!("{held}*2\r\n{}{}", bulk(&seconds), bulk("0"))
}

/// Our layout in a memory that began so long ago.
fn layout(machine: &Machine, index: usize, age_ms: i64) -> String {
    let born = NOW.plus_ms(-age_ms).get();
    format!("{} 1 {born} {} {}", machine.layout.fingerprint, run(index), born * 1_000)
}

/// Up, with a memory that began so long ago.
fn rise(machine: &mut Machine, index: usize, age_ms: i64) {
    machine.connected(index);
    written(machine, index);
    let replies = info(index, "noeviction") + &reading(Some(layout(machine, index, age_ms)));
    hear(machine, index, &replies);
    assert_eq!(machine.state(index), State::Up);
}

fn claim(machine: &mut Machine) -> Ticket {
    let identity = CodeIdentity {
        key_id: "7001".parse().unwrap(),
        issued_at: IssuedAt::new(u32::try_from(NOW.seconds()).unwrap()),
        serial: Serial::new(1),
    };
    machine.claim(identity.into(), NOW.plus_ms(60_000), NOW, ClaimNote::default())
}

/// The reply to a claim of a free code, and the reading behind it.
fn vote(machine: &Machine, index: usize, age_ms: i64) -> String {
    let held = layout(machine, index, age_ms);
    "$-1\r\n".to_owned() + &reading(Some(held))
}

fn effects(machine: &mut Machine) -> Effects {
    let mut effects = Effects::default();
    machine.swap_effects(&mut effects);
    effects
}

#[test]
fn a_handshake_asks_who_answers_then_for_the_layout_then_for_the_time() {
    let mut machine = machine();
    machine.connected(0);
    let written = written(&mut machine, 0);
    let at = |text: &str| written.find(text).expect(text);
    let order = ["server", "replication", "memory", "cluster", "yanma:layout", "TIME"].map(at);
    assert!(order.is_sorted(), "{written}");
    // Claims wait for it, and go out when it is done.
    let ticket = claim(&mut machine);
    assert_eq!(self::written(&mut machine, 0), "");
    let layout = layout(&machine, 0, 60_000);
    hear(&mut machine, 0, &info(0, "noeviction"));
    assert_eq!(machine.state(0), State::Expected);
    hear(&mut machine, 0, &reading(Some(layout)));
    assert_eq!(machine.state(0), State::Up);
    let claim = self::written(&mut machine, 0);
    let at = |text: &str| claim.find(text).expect(text);
    assert!(["SET", "yanma:layout", "TIME"].map(at).is_sorted(), "{claim}");
    assert!(!machine.is_over(ticket));
}

#[test]
fn a_memory_that_is_new_is_begun_and_judges_later_codes_only() {
    let mut machine = machine();
    machine.connected(0);
    written(&mut machine, 0);
    hear(&mut machine, 0, &(info(0, "noeviction") + &reading(None)));
    let adopt = written(&mut machine, 0);
    assert!(adopt.contains("EVAL") && adopt.contains(&run(0)), "{adopt}");
    let born = layout(&machine, 0, 0);
    hear(&mut machine, 0, &bulk(&born));
    assert!(written(&mut machine, 0).ends_with("TIME\r\n"), "what it holds now is read");
    hear(&mut machine, 0, &reading(Some(born)));
    for index in [1, 2] {
        rise(&mut machine, index, 0);
    }
    let ticket = claim(&mut machine);
    for index in 0..3 {
        written(&mut machine, index);
        let vote = vote(&machine, index, 0);
        hear(&mut machine, index, &vote);
    }
    assert_eq!(machine.conclude(ticket, NOW).unwrap_err(), ClaimVerdict::Warming);
}

#[test]
fn a_register_that_may_forget_is_not_asked_until_its_memory_begins_anew() {
    let mut machine = machine();
    rise(&mut machine, 0, 60_000);
    effects(&mut machine);
    let probe = |machine: &mut Machine, now_ms: u64, policy: &str| {
        machine.tick(now_ms, NOW);
        assert!(written(machine, 0).contains("INFO"));
        let replies = info(0, policy) + &reading(Some(layout(machine, 0, 60_000)));
        hear(machine, 0, &replies);
    };
    probe(&mut machine, limits::PROBE_MS, "allkeys-lru");
    let evicts = Some(Ineligible::Eviction);
    let notice = Notice::Eligibility { index: 0, before: None, now: evicts, is_up: true };
    assert_eq!(effects(&mut machine).notices, [notice]);
    let rebirth = written(&mut machine, 0);
    assert!(rebirth.contains("EVAL") && rebirth.contains("$1\r\n1\r\n"), "{rebirth}");
    claim(&mut machine);
    assert!(!written(&mut machine, 0).contains("$3\r\nSET\r\n$"), "it is not asked");
    let anew = layout(&machine, 0, 0);
    hear(&mut machine, 0, &bulk(&anew));
    // It may not evict any more, but its memory has not begun anew since.
    written(&mut machine, 0);
    hear(&mut machine, 0, &reading(Some(anew.clone())));
    probe(&mut machine, 2 * limits::PROBE_MS, "noeviction");
    claim(&mut machine);
    assert!(!written(&mut machine, 0).contains("$3\r\nSET\r\n$"), "it is tainted");
    hear(&mut machine, 0, &bulk(&anew));
    claim(&mut machine);
    assert!(written(&mut machine, 0).contains("$3\r\nSET\r\n$"), "born anew, it votes again");
}

#[test]
fn a_reply_that_comes_late_changes_nothing() {
    let mut machine = machine();
    for index in 0..3 {
        rise(&mut machine, index, 60_000);
    }
    let ticket = claim(&mut machine);
    assert_eq!(machine.next_deadline(), Some(NOW.plus_ms(50)));
    for index in 0..3 {
        written(&mut machine, index);
    }
    let first = vote(&machine, 0, 60_000);
    hear(&mut machine, 0, &first);
    effects(&mut machine);
    machine.end_overdue(NOW.plus_ms(50));
    assert_eq!(effects(&mut machine).ended, [ticket]);
    let verdict = machine.conclude(ticket, NOW.plus_ms(50)).unwrap_err();
    assert_eq!(verdict, ClaimVerdict::Unavailable);
    assert!(written(&mut machine, 0).contains("DEL"), "its vote is taken back");
    // The place is taken again, and the late vote is not for the new claim.
    let next = claim(&mut machine);
    assert_eq!(next.key(), ticket.key());
    let late = vote(&machine, 1, 60_000);
    hear(&mut machine, 1, &late);
    assert!(!machine.is_over(next) && effects(&mut machine).ended.is_empty());
    let Err(broken) = machine.received(1, b":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", moment()) else {
        panic!("more answers than are owed")
    };
    assert_eq!(broken, Broken::Garbled);
}

#[test]
fn claims_on_a_lost_connection_are_sent_again_with_the_same_attempt_or_not_counted() {
    let mut machine = machine();
    for index in 0..3 {
        rise(&mut machine, index, 60_000);
    }
    let ticket = claim(&mut machine);
    let first = written(&mut machine, 0);
    // Answered, but what comes at the end of its batch is not.
    hear(&mut machine, 0, "$-1\r\n");
    assert!(machine.lost(0).was_up);
    rise(&mut machine, 0, 60_000);
    assert_eq!(written(&mut machine, 0), first);
    let again = vote(&machine, 0, 60_000);
    hear(&mut machine, 0, &again);
    assert!(!machine.is_over(ticket), "one of three");
    // The others are lost twice: they are down, and claims do without them.
    effects(&mut machine);
    for index in [1, 2] {
        assert!(machine.lost(index).was_up);
        assert!(!machine.is_over(ticket), "it may come back");
        assert!(!machine.lost(index).was_up);
    }
    assert_eq!(effects(&mut machine).ended, [ticket]);
    assert_eq!(machine.conclude(ticket, NOW).unwrap_err(), ClaimVerdict::Unavailable);
    let retries: Vec<u64> = (0..6).map(|_| machine.lost(1).retry_ms).collect();
    assert_eq!(retries, [200, 400, 800, 1_000, 1_000, 1_000]);
}

#[test]
fn a_silent_register_is_given_up() {
    let mut machine = machine();
    rise(&mut machine, 0, 60_000);
    machine.tick(limits::PROBE_MS, NOW);
    machine.tick(limits::SILENCE_MS, NOW);
    assert!(!machine.is_given_up(0));
    machine.tick(limits::SILENCE_MS + 1, NOW);
    assert!(machine.is_given_up(0) && effects(&mut machine).stirred.contains(&0));
    machine.lost(0);
    assert!(!machine.is_given_up(0));
}
