//! A register of the simulation: what Redis does with the bytes that are sent to it, and what may
//! happen to it.

use std::{collections::HashMap, rc::Rc};

use keyring::time::UnixMillis;

use crate::protocol::{
    conditions::{Condition, Conditions},
    eligibility::RunId,
    layout::{ADOPT, LAYOUT_KEY},
    resp::COMPARE_AND_DELETE,
};

/// How many of its states a register's files hold.
const STATES_MAX: usize = 300;

/// One command, as it is written.
pub(super) type Command = Vec<u8>;

/// Values and when they expire, by key.
type Keys = HashMap<Rc<[u8]>, (Rc<[u8]>, UnixMillis)>;

pub(super) struct Register {
    /// How far its clock is ahead of true time.
    pub(super) ahead_ms: i64,
    /// It evicts keys, and INFO says so.
    pub(super) evicts: bool,
    pub(super) is_paused: bool,
    keys: Keys,
    layout: Option<Rc<str>>,
    process: RunId,
    /// Each state that its memory was in: what dumps, logs, copies and snapshots may hold.
    states: Vec<(Keys, Option<Rc<str>>)>,
}

impl Register {
    pub(super) fn new(ahead_ms: i64, evicts: bool, process: u64) -> Self {
        Self {
            ahead_ms,
            evicts,
            is_paused: false,
            keys: HashMap::new(),
            layout: None,
            process: RunId::of_test(process),
            states: Vec::new(),
        }
    }

    /// FLUSHALL, a restart with nothing in memory, a full resync: all the same to a claim.
    pub(super) fn forget(&mut self) {
        self.keys.clear();
        self.layout = None;
    }

    /// How many states there are to come back with.
    pub(super) fn states(&self) -> usize {
        self.states.len()
    }

    /// The server starts again, and reads what its memory once was.
    pub(super) fn come_back(&mut self, state: usize, process: u64) {
        self.set_back(state);
        self.process = RunId::of_test(process);
        self.is_paused = false;
    }

    /// The same within the process that runs.
    pub(super) fn set_back(&mut self, state: usize) {
        (self.keys, self.layout) = self.states[state].clone();
    }

    /// An eviction: a key goes, the layout, which is always in use, stays.
    pub(super) fn evict(&mut self, key: &[u8]) {
        self.keys.remove(key);
    }

    /// What it answers to a command.
    pub(super) fn obey(
        &mut self,
        conditions: Conditions,
        now: UnixMillis,
        command: &[u8],
    ) -> Vec<u8> {
        let parts = parts(command);
        let answer = self.answer(conditions, now, &parts);
        if matches!(parts[0], b"SET" | b"EVAL") {
            if self.states.len() == STATES_MAX {
                self.states.remove(0);
            }
            self.states.push((self.keys.clone(), self.layout.clone()));
        }
        answer
    }

    fn answer(&mut self, conditions: Conditions, now: UnixMillis, parts: &[&[u8]]) -> Vec<u8> {
        let time = now.plus_ms(self.ahead_ms);
        self.keys.retain(|_, (_, until)| *until > time);
        match parts {
            [b"SET", key, value, b"NX", b"GET", b"PX", life] => {
                let held = self.keys.get(*key).map(|(held, _)| Rc::clone(held));
                if held.is_none() {
                    let until = time.plus_ms(number(life));
                    self.keys.insert((*key).into(), ((*value).into(), until));
                }
                bulk(held.as_deref())
            }
            [b"GET", key] if *key == LAYOUT_KEY => bulk(self.layout.as_deref().map(str::as_bytes)),
            [b"TIME"] => {
                let (seconds, ms) = (time.get() / 1_000, time.get() % 1_000);
                let mut out = b"*2\r\n".to_vec();
                out.extend(bulk(Some(seconds.to_string().as_bytes())));
                out.extend(bulk(Some((ms * 1_000).to_string().as_bytes())));
                out
            }
            [b"INFO", section] => bulk(Some(self.info(section).as_bytes())),
            [b"EVAL", script, b"1", key, attempt] if *script == COMPARE_AND_DELETE => {
                let is_own = self.keys.get(*key).is_some_and(|(held, _)| held.starts_with(attempt));
                if is_own || !conditions.hold(Condition::Compare) {
                    self.keys.remove(*key);
                }
                b":1\r\n".to_vec()
            }
            [b"EVAL", script, b"1", key, arguments @ ..]
                if *script == ADOPT && *key == LAYOUT_KEY =>
            {
                self.adopt(conditions, time, arguments);
                bulk(self.layout.as_deref().map(str::as_bytes))
            }
            _ => panic!("no command of ours: {:?}", parts.first()),
        }
    }

    fn info(&self, section: &[u8]) -> String {
        match section {
            b"server" => format!("redis_version:7.0.15\r\nrun_id:{:?}\r\n", self.process),
            b"replication" => "role:master\r\nconnected_slaves:0\r\n".to_owned(),
            b"memory" => {
                let policy = if self.evicts { "allkeys-lru" } else { "noeviction" };
                format!("maxmemory_policy:{policy}\r\n")
            }
            _ => "cluster_enabled:0\r\n".to_owned(),
        }
    }

    /// What the script `ADOPT` does.
    fn adopt(&mut self, conditions: Conditions, time: UnixMillis, arguments: &[&[u8]]) {
        let [fingerprint, epoch, now, rebirth, has_old, run, seen] = arguments else {
            panic!("the script has seven arguments")
        };
        let [fingerprint, run] = [fingerprint, run].map(|text| str::from_utf8(text).unwrap());
        let (epoch, seen) = (number(epoch), number(seen));
        let born = time.get().max(number(now));
        let mut written = (born, (born * 1_000).max(seen + 1));
        let held: Vec<&str> = self.layout.as_deref().unwrap_or_default().split(' ').collect();
        let numbers = |text: &str| text.parse::<i64>().unwrap();
        match held.as_slice() {
            [mine, its_epoch, since, named, count]
                if *mine == fingerprint && numbers(its_epoch) == epoch =>
            {
                let (since, count) = (numbers(since), numbers(count));
                if *named == run || !conditions.hold(Condition::SameProcess) {
                    let is_kept =
                        *rebirth != b"1" && (count >= seen || !conditions.hold(Condition::Beats));
                    written = if is_kept {
                        (since, count + 1)
                    } else {
                        (born.max(since), written.1.max(count + 1))
                    };
                }
            }
            [_, its_epoch, ..] if *has_old != b"1" || numbers(its_epoch) >= epoch => return,
            _ => {}
        }
        let (born, beats) = written;
        let born = if conditions.hold(Condition::Rebirth) { born } else { 1 };
        self.layout = Some(format!("{fingerprint} {epoch} {born} {run} {beats}").into());
    }
}

/// The first command in `bytes`, and the rest.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, mut rest) = line(bytes)?;
    for _ in 0..number(&count[1..]) {
        let (length, string) = line(rest)?;
        rest = &string[usize::try_from(number(&length[1..])).unwrap() + 2..];
    }
    Some(bytes.split_at(bytes.len() - rest.len()))
}

fn parts(command: &[u8]) -> Vec<&[u8]> {
    let (count, mut rest) = line(command).expect("a command has lines");
    let part = |_| {
        let (length, string) = line(rest).expect("a string has a length");
        let (part, after) = string.split_at(usize::try_from(number(&length[1..])).unwrap());
        rest = &after[2..];
        part
    };
    (0..number(&count[1..])).map(part).collect()
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\r')?;
    Some((&bytes[..end], &bytes[end + 2..]))
}

fn number(text: &[u8]) -> i64 {
    str::from_utf8(text).unwrap().parse().unwrap()
}

fn bulk(text: Option<&[u8]>) -> Vec<u8> {
    let Some(text) = text else { return b"$-1\r\n".to_vec() };
    let mut out = format!("${}\r\n", text.len()).into_bytes();
    out.extend(text);
    out.extend(b"\r\n");
    out
}
