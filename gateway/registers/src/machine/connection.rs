//! One worker's connection to one register: what is to be written, what answers it owes, and what
//! it said of itself.

use std::{collections::VecDeque, mem};

use keyring::time::UnixMillis;

use super::{effects::Moment, operations::Ticket};
use crate::{
    limits,
    protocol::{
        claim::{Attempt, ClaimNote, Found, Question, RegisterReading},
        claim_id::ClaimId,
        eligibility::{Ineligible, RunId, SECTIONS},
        layout::{ADOPT, Held, LAYOUT_KEY, Layout, Witness},
        resp,
    },
    settings::RegisterAddress,
};

/// How a connection is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// The register has answered the handshake.
    Up,
    /// Connecting or reconnecting; claims are queued until that succeeds or fails.
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
    /// `TIME`, last of a batch; when it was asked.
    Time(Moment),
    Info {
        is_last: bool,
    },
    /// Our layout. With the time by which a memory that was read from somewhere begins anew.
    Adopt(Option<UnixMillis>),
    /// The memory begins anew, as the register broke a condition.
    Rebirth,
    Release(Ticket),
    Ask(Ticket),
    /// AUTH and SELECT: an error is the end of the connection.
    Opening,
    /// No operation waits for it.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) address: RegisterAddress,
    /// Group and place in it; none if it belongs to an old group only.
    pub(super) place: Option<(usize, usize)>,
    pub(super) state: State,
    out: Out,
    pub(super) owed: VecDeque<Owed>,
    /// Those of them whose commands are written.
    flying: usize,
    is_quick: bool,
    /// Claims that were answered and wait for the end of their batch.
    pub(super) batch: Vec<(Ticket, Found)>,
    /// What is sent when the connection is up.
    pub(super) backlog: Vec<Ticket>,
    pub(super) held: Held,
    pub(super) reading: Option<RegisterReading>,
    pub(super) info: Vec<u8>,
    /// What INFO told last, on this connection or one before.
    pub(super) run_id: RunId,
    /// Condition 3: which process answers on this connection, and the beats that were read of it.
    pub(super) witness: Witness,
    /// What INFO said last, since the connection began.
    pub(super) said: Option<Ineligible>,
    /// It broke a condition, and its memory has not begun anew since.
    pub(super) tainted: Option<Ineligible>,
    pub(super) is_twin: bool,
    pub(super) is_adopting: bool,
    /// What the driver was told of its eligibility.
    pub(super) shown: Option<Ineligible>,
    /// The worker's coarse time of the last answer, of the beginning, and of the last probe.
    pub(super) heard_ms: u64,
    pub(super) connected_ms: u64,
    pub(super) probed_ms: u64,
    pub(super) is_given_up: bool,
    /// The wait before the next try, if this one fails.
    pub(super) retry_ms: u64,
}

#[derive(Debug, Default)]
struct Out {
    bytes: Vec<u8>,
    written: usize,
    /// Claims, or a probe, whose batch has no end yet.
    is_open: bool,
    /// Its writing has begun.
    is_going_out: bool,
}

impl Connection {
    pub(super) fn new(address: RegisterAddress, place: Option<(usize, usize)>) -> Self {
        let [retry_ms, _] = limits::RETRY_MS;
        Self {
            address,
            place,
            state: State::Expected,
            out: Out::default(),
            owed: VecDeque::new(),
            flying: 0,
            is_quick: false,
            batch: Vec::new(),
            backlog: Vec::new(),
            held: Held::Nothing,
            reading: None,
            info: Vec::new(),
            run_id: RunId::NONE,
            witness: Witness::default(),
            said: Some(Ineligible::Unreadable),
            tainted: None,
            is_twin: false,
            is_adopting: false,
            shown: None,
            heard_ms: 0,
            connected_ms: 0,
            probed_ms: 0,
            is_given_up: false,
            retry_ms,
        }
    }

    /// Its place in its group; 0 if it has none.
    pub(super) fn place_in_group(&self) -> usize {
        self.place.map_or(0, |(_, place)| place)
    }

    /// Condition 5 and what goes with it: why this register does not vote, whatever it answers.
    pub(super) fn ineligible(&self) -> Option<Ineligible> {
        self.said.or(self.tainted).or(self.is_twin.then_some(Ineligible::Twin))
    }

    /// The same, with the reasons that each answer is judged by anew. For people.
    pub(super) fn ineligible_now(&self) -> Option<Ineligible> {
        if self.state != State::Up {
            return None;
        }
        self.ineligible().or_else(|| {
            let reading = self.reading?;
            match reading.held {
                _ if !reading.clock_agrees() => Some(Ineligible::Clock),
                Held::Mine { .. } => None,
                // It is about to get ours.
                _ if self.is_adopting => None,
                _ => Some(Ineligible::Layout),
            }
        })
    }

    /// Is there room for one more command? If not, the register does not keep up.
    pub(super) fn has_room(&self) -> bool {
        self.out.bytes.len() < limits::QUEUE_BYTES_MAX && self.owed.len() < limits::OWED_MAX
    }

    /// Is it there, and does it keep up?
    pub(super) fn takes_commands(&self) -> bool {
        self.state == State::Up && self.has_room()
    }

    pub(super) fn write_claim(
        &mut self,
        id: ClaimId,
        question: &Question,
        note: &ClaimNote,
        ticket: Ticket,
    ) {
        resp::claim(&mut self.out.bytes, id, question.attempt, note);
        self.out.is_open = true;
        self.owed.push_back(Owed::Claim(ticket));
    }

    pub(super) fn write_release(&mut self, id: ClaimId, attempt: Attempt, owed: Owed) {
        self.write(owed, |out| resp::release(out, id, attempt));
    }

    pub(super) fn write_command(&mut self, owed: Owed, parts: &[&[u8]]) {
        self.write(owed, |out| resp::command(out, parts));
    }

    pub(super) fn write(&mut self, owed: Owed, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.out.bytes);
        self.owed.push_back(owed);
    }

    /// Asks whether the register is eligible, which layout it holds and what time it has.
    pub(super) fn write_probe(&mut self) {
        self.info.clear();
        let last = SECTIONS.len() - 1;
        for (i, section) in SECTIONS.iter().enumerate() {
            self.write_command(Owed::Info { is_last: i == last }, &[b"INFO", section]);
        }
        self.read_again();
    }

    /// Has the next write end with a reading of layout and time.
    pub(super) fn read_again(&mut self) {
        self.out.is_open = true;
    }

    /// Has the register adopt our layout, begin its memory anew, or add a beat to it: what is owed
    /// for that says which. `now` is our time, where the register's agrees with it. Without it the
    /// memory names no process, so that it does not vote before clocks agree.
    pub(super) fn write_adopt(&mut self, layout: &Layout, now: Option<UnixMillis>, owed: Owed) {
        let flag = |holds: bool| if holds { b"1".as_slice() } else { b"0" };
        let is_rebirth = matches!(owed, Owed::Rebirth);
        let (fingerprint, epoch) = (layout.fingerprint.to_string(), layout.epoch.to_string());
        let witness = self.witness;
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
    pub(super) fn write_opening(&mut self) {
        if let Some(credentials) = self.address.credentials.clone() {
            let mut command = vec![b"AUTH".as_slice()];
            command.extend(credentials.user.as_ref().map(|user| user.as_bytes()));
            command.push(credentials.password.as_bytes());
            self.write_command(Owed::Opening, &command);
        }
        if self.address.database != 0 {
            let database = self.address.database.to_string();
            self.write_command(Owed::Opening, &[b"SELECT", database.as_bytes()]);
        }
        self.write_probe();
    }

    /// Has a batch no end yet?
    pub(super) fn has_open_batch(&self) -> bool {
        self.out.is_open
    }

    /// Ends the batch: `GET` and `TIME` behind all its claims (condition 1).
    ///
    /// One pair for all of them is sound. Condition 1 wants, of each claim, that the layout is read
    /// after its SET and the time after that, on one connection, which the register obeys in order.
    /// Both are so for every SET of the batch, only later: a memory that was lost in between shows
    /// in the layout, and a time that is later says sooner that a code is over.
    pub(super) fn end_batch(&mut self, now: Moment) {
        self.out.is_open = false;
        self.write_reading(now);
    }

    /// The reading itself. Only tests write it elsewhere than at the end of a batch.
    pub(super) fn write_reading(&mut self, now: Moment) {
        resp::end_of_batch(&mut self.out.bytes);
        self.owed.push_back(Owed::Layout);
        self.owed.push_back(Owed::Time(now));
    }

    /// The bytes to write; their writing begins.
    pub(super) fn unwritten(&mut self) -> &[u8] {
        self.flying = self.owed.len();
        self.out.is_going_out = !self.out.bytes.is_empty();
        self.out.bytes.get(self.out.written..).unwrap_or_default()
    }

    /// So many of them are written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.out.written += bytes;
        if self.out.written >= self.out.bytes.len() {
            self.out.bytes.clear();
            self.out.written = 0;
            self.out.is_going_out = false;
        }
    }

    /// Whether commands wait for the answer to those before, so that they go out in one write: most
    /// of what a command costs is the write. They wait for a round trip at most, as the register
    /// answers in order, and not at all if the last one took so long that two might be too long.
    pub(super) fn gathers(&self) -> bool {
        self.is_quick && self.flying > 0 && !self.out.is_going_out
    }

    /// The next answer that is due has come.
    pub(super) fn take_owed(&mut self, now_ms: u64) -> Option<Owed> {
        let owed = self.owed.pop_front()?;
        self.flying = self.flying.saturating_sub(1);
        self.heard_ms = now_ms;
        Some(owed)
    }

    /// How long the register took for a batch, of the time that a claim has.
    pub(super) fn set_took(&mut self, ns: u64, timeout_ms: i64) {
        let timeout_ns = timeout_ms.unsigned_abs() * 1_000_000;
        self.is_quick = ns < timeout_ns / limits::QUICK_PART;
    }

    /// Forgets all that belonged to a connection. Returns what was asked and not answered.
    pub(super) fn cut(&mut self) -> VecDeque<Owed> {
        self.out = Out::default();
        self.info.clear();
        self.said = Some(Ineligible::Unreadable);
        self.reading = None;
        self.witness.connection_lost();
        self.is_adopting = false;
        self.is_given_up = false;
        self.flying = 0;
        self.is_quick = false;
        let mut owed = mem::take(&mut self.owed);
        // These were answered, but what comes at the end of their batch was not.
        owed.extend(self.batch.drain(..).map(|(ticket, _)| Owed::Claim(ticket)));
        owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let host = "127.0.0.1".to_owned();
        let address = RegisterAddress { host, port: 6379, database: 0, credentials: None };
        Connection::new(address, Some((0, 0)))
    }

    fn write(connection: &mut Connection) {
        let bytes = connection.unwritten().len();
        connection.wrote(bytes);
    }

    #[test]
    fn what_is_asked_meanwhile_waits_for_a_quick_answer_and_for_no_slow_one() {
        let mut connection = connection();
        let [quick_ns, slow_ns] = [6_249_999, 6_250_000];
        let ask = |connection: &mut Connection| {
            connection.write_command(Owed::Nothing, &[b"PING"]);
        };
        ask(&mut connection);
        assert!(!connection.gathers(), "nothing is owed yet");
        write(&mut connection);
        ask(&mut connection);
        assert!(!connection.gathers(), "how long it takes is not known");
        connection.set_took(quick_ns, 50);
        assert!(connection.gathers());
        connection.set_took(slow_ns, 50);
        assert!(!connection.gathers(), "two such answers might be too long");
        connection.set_took(quick_ns, 50);
        assert!(connection.take_owed(0).is_some());
        assert!(!connection.gathers(), "all that was written is answered");
        // Half written, it must go on, whatever is owed.
        assert!(!connection.unwritten().is_empty());
        assert!(!connection.gathers());
        write(&mut connection);
        assert!(connection.gathers());
        ask(&mut connection);
        assert_eq!(connection.cut().len(), 2);
        assert!(!connection.gathers(), "a new connection owes nothing");
    }
}
