//! One worker's connection to one register: what is to be written, and what answers it owes.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    task::Waker,
};

use keyring::{code::CodeIdentity, time::UnixMillis};

use super::{
    claim::{Attempt, Found, Note, Reading},
    eligibility::{Ineligible, RunId},
    layout::{ADOPT, Held, LAYOUT_KEY, Layout, Witness},
    ops::{Claim, Ticket},
    resp,
};
use crate::{limits, settings::RegisterAddress};
use clock::{Clock, Instant};

/// How a connection is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// The register has answered and said how it stands.
    Up,
    /// It was up a moment ago, or never: claims wait until it is known whether it can be had.
    Expected,
    /// It could not be had: claims do without it, and it is tried again now and then.
    Down,
}

/// An answer that is due. The register answers in the order in which it was asked.
#[derive(Copy, Clone, Debug)]
pub(super) enum Owed {
    Claim(Ticket),
    /// `GET yanma:layout`, behind the claims of a batch.
    Layout,
    /// `TIME`, last of a batch; when it was asked, by both clocks.
    Time(UnixMillis, Instant),
    Info {
        is_last: bool,
    },
    /// Our layout. With the time by which a memory that was read from somewhere begins anew.
    Adopt(Option<UnixMillis>),
    /// The memory begins anew, as the register broke a condition.
    Rebirth,
    GiveBack(Ticket),
    Ask(Ticket),
    /// AUTH and SELECT: an error is the end of the connection.
    Opening,
    /// Nobody waits for it.
    Nothing,
}

/// The sections of INFO that [`super::standing`] reads. One at a time: Redis before 7 takes one only, and
/// must be told from a broken one.
pub(super) const SECTIONS: [&[u8]; 4] = [b"server", b"replication", b"memory", b"cluster"];

pub(super) struct Link {
    pub(super) address: RegisterAddress,
    /// Group and place in it; none if it belongs to an old group only.
    pub(super) place: Option<(usize, usize)>,
    pub(super) state: Cell<State>,
    out: RefCell<Out>,
    pub(super) owed: RefCell<VecDeque<Owed>>,
    /// Those of them whose commands are written.
    flying: Cell<usize>,
    is_quick: Cell<bool>,
    /// Claims that were answered and wait for the end of their batch.
    pub(super) batch: RefCell<Vec<(Ticket, Found)>>,
    /// What is sent when the connection is up.
    pub(super) backlog: RefCell<Vec<Ticket>>,
    pub(super) held: Cell<Held>,
    pub(super) reading: Cell<Option<Reading>>,
    pub(super) info: RefCell<Vec<u8>>,
    /// Whom INFO told last, on this connection or one before.
    pub(super) run_id: Cell<RunId>,
    /// Condition 3: which process answers on this connection, and the beats that were read of it.
    pub(super) witness: Cell<Witness>,
    /// What INFO said last, since the connection began.
    pub(super) standing: Cell<Option<Ineligible>>,
    /// It broke a condition, and its memory has not begun anew since.
    pub(super) tainted: Cell<Option<Ineligible>>,
    pub(super) is_twin: Cell<bool>,
    pub(super) is_adopting: Cell<bool>,
    /// What metrics show of it.
    pub(super) shown: Cell<Option<Ineligible>>,
    pub(super) is_told_lost: Cell<bool>,
    /// The worker's coarse time of the last answer, and of the last probe.
    pub(super) heard_ms: Cell<u64>,
    pub(super) connected_ms: Cell<u64>,
    pub(super) probed_ms: Cell<u64>,
    pub(super) is_given_up: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

#[derive(Default)]
pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
    pub(super) written: usize,
    /// Claims, or a probe, whose batch has no end yet.
    is_open: bool,
    /// Its writing has begun.
    is_going_out: bool,
}

impl Out {
    /// All of it is written.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        self.is_going_out = false;
    }
}

impl Link {
    pub(super) fn new(address: RegisterAddress, place: Option<(usize, usize)>) -> Self {
        Self {
            address,
            place,
            state: Cell::new(State::Expected),
            out: RefCell::default(),
            owed: RefCell::default(),
            flying: Cell::new(0),
            is_quick: Cell::new(false),
            batch: RefCell::default(),
            backlog: RefCell::default(),
            held: Cell::new(Held::Nothing),
            reading: Cell::new(None),
            info: RefCell::default(),
            run_id: Cell::default(),
            witness: Cell::default(),
            standing: Cell::new(Some(Ineligible::Unreadable)),
            tainted: Cell::new(None),
            is_twin: Cell::new(false),
            is_adopting: Cell::new(false),
            shown: Cell::new(None),
            is_told_lost: Cell::new(false),
            heard_ms: Cell::new(0),
            connected_ms: Cell::new(0),
            probed_ms: Cell::new(0),
            is_given_up: Cell::new(false),
            task: RefCell::default(),
        }
    }

    /// Condition 5 and what goes with it: why this register does not vote, whatever it answers.
    pub(super) fn abstains(&self) -> Option<Ineligible> {
        let twin = self.is_twin.get().then_some(Ineligible::Twin);
        self.standing.get().or(self.tainted.get()).or(twin)
    }

    /// The same with what each answer is judged by anew; for people.
    pub(super) fn abstains_now(&self) -> Option<Ineligible> {
        self.abstains().or_else(|| {
            let reading = self.reading.get()?;
            match reading.held {
                _ if !reading.clock_agrees() => Some(Ineligible::Clock),
                Held::Mine { .. } => None,
                // It is about to get ours.
                _ if self.is_adopting.get() => None,
                _ => Some(Ineligible::Layout),
            }
        })
    }

    /// Is there room for one more command? If not, the register does not keep up.
    pub(super) fn has_room(&self) -> bool {
        self.out.borrow().bytes.len() < limits::QUEUE_BYTES_MAX
            && self.owed.borrow().len() < limits::OWED_MAX
    }

    /// Is it there, and keeps up?
    pub(super) fn takes_commands(&self) -> bool {
        self.state.get() == State::Up && self.has_room()
    }

    pub(super) fn write_claim(&self, claim: &Claim, ticket: Ticket) {
        let is_first = {
            let mut out = self.out.borrow_mut();
            let Claim { identity, question, note, .. } = claim;
            resp::claim(&mut out.bytes, identity, question.attempt, note);
            !std::mem::replace(&mut out.is_open, true)
        };
        self.owed.borrow_mut().push_back(Owed::Claim(ticket));
        // Once a turn is enough: the task runs when every request of this turn has had its say.
        if is_first {
            self.wake();
        }
    }

    pub(super) fn write_give_back(&self, identity: &CodeIdentity, attempt: Attempt, owed: Owed) {
        self.write(owed, |out| resp::give_back(out, identity, attempt));
    }

    pub(super) fn write_strip(&self, identity: &CodeIdentity, note: &Note) {
        self.write(Owed::Nothing, |out| resp::strip(out, identity, note));
    }

    pub(super) fn write_look(&self, identity: &CodeIdentity, ticket: Ticket) {
        self.write(Owed::Ask(ticket), |out| resp::look(out, identity));
    }

    pub(super) fn write_command(&self, owed: Owed, parts: &[&[u8]]) {
        self.write(owed, |out| resp::command(out, parts));
    }

    fn write(&self, owed: Owed, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.out.borrow_mut().bytes);
        self.owed.borrow_mut().push_back(owed);
        self.wake();
    }

    /// Asks how the register stands, which layout it holds and what time it has.
    pub(super) fn write_probe(&self) {
        self.info.borrow_mut().clear();
        let last = SECTIONS.len() - 1;
        for (i, section) in SECTIONS.iter().enumerate() {
            self.write_command(Owed::Info { is_last: i == last }, &[b"INFO", section]);
        }
        self.read_again();
    }

    /// Has the next write end with a reading of layout and time.
    pub(super) fn read_again(&self) {
        self.out.borrow_mut().is_open = true;
        self.wake();
    }

    /// Has the register adopt our layout, begin its memory anew, or add a beat to it: what is owed
    /// for that says which. `now` is our time, where the register's agrees with it. Without it the
    /// memory names no process, so that it does not vote before clocks agree.
    pub(super) fn write_adopt(&self, layout: &Layout, now: Option<UnixMillis>, owed: Owed) {
        let flag = |holds: bool| if holds { b"1".as_slice() } else { b"0" };
        let is_rebirth = matches!(owed, Owed::Rebirth);
        let (fingerprint, epoch) = (layout.fingerprint.to_string(), layout.epoch.to_string());
        let witness = self.witness.get();
        let run_id = if now.is_some() { witness.process() } else { RunId::NONE };
        let (now, beats) =
            (now.map_or(0, UnixMillis::get).to_string(), witness.beats().to_string());
        let parts = [
            b"EVAL".as_slice(),
            ADOPT,
            b"1",
            LAYOUT_KEY,
            fingerprint.as_bytes(),
            epoch.as_bytes(),
            now.as_bytes(),
            flag(is_rebirth),
            flag(layout.has_old),
            run_id.as_bytes(),
            beats.as_bytes(),
        ];
        self.write_command(owed, &parts);
    }

    /// What is said on a new connection before anything else. Never printed: it holds the password.
    pub(super) fn write_opening(&self) {
        if let Some(credentials) = &self.address.credentials {
            let (user, password) = (credentials.user.as_deref(), credentials.password.as_bytes());
            match user {
                Some(user) => {
                    self.write_command(Owed::Opening, &[b"AUTH", user.as_bytes(), password]);
                }
                None => self.write_command(Owed::Opening, &[b"AUTH", password]),
            }
        }
        if self.address.database != 0 {
            let database = self.address.database.to_string();
            self.write_command(Owed::Opening, &[b"SELECT", database.as_bytes()]);
        }
        self.write_probe();
    }

    /// To be called before a write. Ends the batch, if one is open: `GET` and `TIME` behind all its
    /// claims (condition 1).
    ///
    /// One pair for all of them is sound. Condition 1 wants, of each claim, that the layout is read
    /// after its SET and the time after that, on one connection, which the register obeys in order.
    /// Both are so for every SET of the batch, only later: a memory that was lost in between shows
    /// in the layout, and a time that is later says sooner that a code is over.
    pub(super) fn end_batch(&self, clock: &Clock) {
        let mut out = self.out.borrow_mut();
        out.is_going_out = true;
        if std::mem::replace(&mut out.is_open, false) {
            resp::end_of_batch(&mut out.bytes);
            let mut owed = self.owed.borrow_mut();
            owed.push_back(Owed::Layout);
            owed.push_back(Owed::Time(clock.now(), clock.instant()));
        }
        self.flying.set(self.owed.borrow().len());
    }

    /// Whether commands wait for the answer to those before, so that they go out in one write: most
    /// of what a command costs is the write. They wait for a round trip at most, as the register
    /// answers in order, and not at all if the last one took so long that two might be too long.
    pub(super) fn gathers(&self) -> bool {
        self.is_quick.get() && self.flying.get() > 0 && !self.out.borrow().is_going_out
    }

    /// Of what was written one more has its answer.
    pub(super) fn count_answer(&self) {
        self.flying.set(self.flying.get().saturating_sub(1));
    }

    /// How long the register took for a batch, of the time that a claim has.
    pub(super) fn took(&self, ns: u64, timeout_ms: i64) {
        let timeout_ns = timeout_ms.unsigned_abs() * 1_000_000;
        self.is_quick.set(ns < timeout_ns / limits::QUICK_PART);
    }

    pub(super) fn out(&self) -> std::cell::RefMut<'_, Out> {
        self.out.borrow_mut()
    }

    /// Forgets all that belonged to a connection. Returns what was asked and not answered.
    pub(super) fn cut(&self) -> VecDeque<Owed> {
        *self.out.borrow_mut() = Out::default();
        self.info.borrow_mut().clear();
        self.standing.set(Some(Ineligible::Unreadable));
        self.reading.set(None);
        let mut witness = self.witness.get();
        witness.connection_lost();
        self.witness.set(witness);
        self.is_adopting.set(false);
        self.is_given_up.set(false);
        self.flying.set(0);
        self.is_quick.set(false);
        let mut owed = self.owed.take();
        // These were answered, but what comes at the end of their batch was not.
        owed.extend(self.batch.take().into_iter().map(|(ticket, _)| Owed::Claim(ticket)));
        owed
    }

    pub(super) fn has_task(&self, waker: &Waker) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *task = Some(waker.clone());
        }
    }

    pub(super) fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }

    /// Ends a connection that has been silent for too long.
    pub(super) fn give_up(&self) {
        self.is_given_up.set(true);
        self.wake();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Link");
        shown.field("address", &self.address).field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        let host = "127.0.0.1".to_owned();
        let address = RegisterAddress { host, port: 6379, database: 0, credentials: None };
        Link::new(address, Some((0, 0)))
    }

    /// As the task of a connection does.
    fn write(link: &Link) {
        link.end_batch(&Clock::system());
        link.out().clear();
    }

    #[test]
    fn what_is_asked_meanwhile_waits_for_a_quick_answer_and_for_no_slow_one() {
        let link = link();
        let [quick_ns, slow_ns] = [6_249_999, 6_250_000];
        let ask = || link.write_command(Owed::Nothing, &[b"PING"]);
        ask();
        assert!(!link.gathers(), "nothing is owed yet");
        write(&link);
        ask();
        assert!(!link.gathers(), "nobody knows how long it takes");
        link.took(quick_ns, 50);
        assert!(link.gathers());
        link.took(slow_ns, 50);
        assert!(!link.gathers(), "two such answers might be too long");
        link.took(quick_ns, 50);
        link.count_answer();
        assert!(!link.gathers(), "all that was written is answered");
        // Half written, it must go on, whatever is owed.
        link.end_batch(&Clock::system());
        assert!(!link.gathers());
        link.out().clear();
        assert!(link.gathers());
        assert_eq!(link.cut().len(), 2);
        assert!(!link.gathers(), "a new connection owes nothing");
    }
}
