//! What a register's replies mean: each goes to what is owed, in order.

use keyring::time::UnixMillis;

use super::{
    connection::{Owed, State},
    effects::{Broken, Moment, Notice},
    state::{Machine, at, at_mut},
};
use crate::protocol::{
    claim::{self, Attempt, Found, RegisterReading, Vote},
    conditions::Condition,
    eligibility::{Ineligible, Info, RunId},
    layout::{self, Held},
    resp::{self, Reply},
};

impl Machine {
    /// Takes in each whole reply in `bytes`. `now` is the moment after they were read. Returns how
    /// many bytes that were.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub(crate) fn received(
        &mut self,
        index: usize,
        bytes: &[u8],
        now: Moment,
    ) -> Result<usize, Broken> {
        let mut length = 0;
        loop {
            let rest = bytes.get(length..).unwrap_or_default();
            let parsed = resp::parse(rest).map_err(|_| Broken::Garbled)?;
            let Some((reply, n)) = parsed else { return Ok(length) };
            length += n;
            let now_ms = self.now_ms;
            let owed = at_mut(&mut self.connections, index).take_owed(now_ms);
            self.take_reply(index, owed.ok_or(Broken::Garbled)?, reply, now)?;
        }
    }

    fn take_reply(
        &mut self,
        index: usize,
        owed: Owed,
        reply: Reply<'_>,
        now: Moment,
    ) -> Result<(), Broken> {
        if let Reply::Error(_) = reply {
            self.notices.push(Notice::Refused { index });
        }
        let connection = at_mut(&mut self.connections, index);
        match owed {
            Owed::Claim(ticket) => match found(reply) {
                Some(found) => connection.batch.push((ticket, found)),
                None => self.operations.vote(ticket, connection.place_in_group(), Vote::None),
            },
            Owed::Layout => {
                let held = match reply {
                    Reply::Nil => None,
                    Reply::Bytes(bytes) => Some(bytes),
                    // It has no memory to speak of yet (LOADING), or must not be read.
                    _ => return Err(unexpected(reply)),
                };
                connection.held = self.layout.read(self.conditions, held, &mut connection.witness);
            }
            Owed::Time(asked) => {
                let Reply::Pair(seconds, micros) = reply else { return Err(unexpected(reply)) };
                let ms = resp::time_ms(seconds, micros).ok_or(Broken::Garbled)?;
                self.take_reading(index, UnixMillis::new(ms), asked, now);
            }
            Owed::Info { is_last } => {
                if let Reply::Bytes(text) = reply {
                    connection.info.extend_from_slice(text);
                }
                if is_last {
                    let info = Info::read(&connection.info);
                    self.take_info(index, &info, now.at);
                }
            }
            Owed::Adopt(inherited_at) => self.take_adopted(index, reply, inherited_at),
            Owed::Rebirth => {
                if matches!(reply, Reply::Bytes(_)) && connection.said.is_none() {
                    connection.tainted = None;
                }
                connection.read_again();
                self.stirred.push(index);
            }
            Owed::Release(ticket) => self.operations.take_released(ticket),
            Owed::Ask(ticket) => self.operations.take_answer(ticket, reply),
            Owed::Opening if reply != Reply::Status => return Err(unexpected(reply)),
            Owed::Opening | Owed::Nothing => {}
        }
        Ok(())
    }

    /// The end of a batch: what the register holds and what time it has.
    fn take_reading(&mut self, index: usize, time: UnixMillis, asked: Moment, now: Moment) {
        let connection = at_mut(&mut self.connections, index);
        let reading =
            RegisterReading { held: connection.held, time, asked_at: asked.at, read_at: now.at };
        connection.reading = Some(reading);
        let ns = now.ns.saturating_sub(asked.ns);
        connection.set_took(ns, self.timeout_ms);
        if !connection.batch.is_empty() {
            self.notices.push(Notice::Answered { index, ns });
        }
        self.adopt(index, &reading);
        self.judge_batch(index, &reading);
        self.rise(index);
    }

    /// Condition 3: a gateway that finds no layout, or one that another process left, writes it. It
    /// does not with a clock that disagrees: a birth far in the future would keep the register from
    /// voting until then. Nor for a process that INFO does not name.
    fn adopt(&mut self, index: usize, reading: &RegisterReading) {
        let connection = at_mut(&mut self.connections, index);
        if self.layout.wants_to_adopt(reading.held)
            && reading.clock_agrees()
            && connection.witness.process() != RunId::NONE
            && !std::mem::replace(&mut connection.is_adopting, true)
        {
            let inherited_at = (reading.held == Held::Inherited).then_some(reading.read_at);
            let owed = Owed::Adopt(inherited_at);
            connection.write_adopt(&self.layout, Some(reading.read_at), owed);
            self.stirred.push(index);
        }
    }

    /// A server that cannot write the layout, as one that is full, is asked again by the next probe.
    fn take_adopted(&mut self, index: usize, reply: Reply<'_>, inherited_at: Option<UnixMillis>) {
        let connection = at_mut(&mut self.connections, index);
        connection.is_adopting = false;
        let Reply::Bytes(held) = reply else { return };
        connection.read_again();
        self.stirred.push(index);
        let is_ours = |at: UnixMillis| layout::born(held).is_some_and(|born| born >= at);
        if inherited_at.is_some_and(is_ours) {
            self.notices.push(Notice::Inherited { index });
        }
    }

    fn judge_batch(&mut self, index: usize, reading: &RegisterReading) {
        let connection = at_mut(&mut self.connections, index);
        let Some((_, place)) = connection.place else { return };
        let may_vote = connection.ineligible().is_none();
        for (ticket, found) in connection.batch.drain(..) {
            let Some(question) = self.operations.question(ticket) else { continue };
            let vote = if may_vote {
                let (layout, opening) = (&self.layout, self.opening);
                claim::judge(self.conditions, layout, opening, question, found, reading)
            } else {
                Vote::None
            };
            self.operations.vote(ticket, place, vote);
        }
    }

    /// Condition 5: takes in what the register says of itself.
    fn take_info(&mut self, index: usize, info: &Info, now: UnixMillis) {
        let place = at(&self.connections, index).place;
        let is_older_twin = self.connections.iter().any(|other| {
            other.run_id == info.run_id && other.place < place && other.place.is_some()
        });
        let says = info.ineligible.filter(|_| self.conditions.hold(Condition::Eligibility));
        let connection = at_mut(&mut self.connections, index);
        connection.said = says;
        connection.run_id = info.run_id;
        connection.witness.set_process(info.run_id);
        connection.is_twin |= is_older_twin && says != Some(Ineligible::Unreadable);
        if says.is_some() {
            connection.tainted = says;
        }
        // Keys may be gone that its layout does not tell of, so its memory begins anew, and again
        // each second until nothing is wrong with it any more.
        let reading = connection.reading;
        let agrees = reading.is_some_and(|reading| reading.clock_agrees());
        let now = agrees.then_some(now);
        if connection.tainted.is_some() {
            connection.write_adopt(&self.layout, now, Owed::Rebirth);
            self.stirred.push(index);
        } else if let Some(RegisterReading { held: Held::Mine { .. }, .. }) = reading
            && agrees
        {
            // A beat, so that a memory that is set back shows. A gateway that misses it reads the
            // next one.
            connection.write_adopt(&self.layout, now, Owed::Nothing);
            self.stirred.push(index);
        }
    }

    /// After the first reading the connection is up: what waited for it goes out.
    fn rise(&mut self, index: usize) {
        let connection = at_mut(&mut self.connections, index);
        if connection.state != State::Up {
            connection.state = State::Up;
            self.notices.push(Notice::Up { index });
            self.send_backlog(index);
        }
        self.show(index);
    }
}

/// What a `SET ... NX GET` found; `None` if it was not carried out.
fn found(reply: Reply<'_>) -> Option<Found> {
    match reply {
        Reply::Nil => Some(Found::Free),
        Reply::Bytes(bytes) => Some(match bytes.first_chunk() {
            Some(attempt) => Found::Attempt(Attempt(*attempt)),
            None => Found::Foreign,
        }),
        _ => None,
    }
}

fn unexpected(reply: Reply<'_>) -> Broken {
    match reply {
        Reply::Error(text) => Broken::Refused(String::from_utf8_lossy(text).into_owned()),
        _ => Broken::Garbled,
    }
}
