//! Connections that come and go, and time that passes.

use keyring::time::UnixMillis;

use super::{
    connection::{Owed, State},
    effects::{Lost, Moment},
    state::{Machine, at_mut},
};
use crate::{
    limits,
    protocol::{
        claim::Vote,
        conditions::Condition,
        layout::{self, Adopted, Held, Opening},
    },
};

impl Machine {
    /// A connection is made; its handshake is to be written.
    pub(crate) fn connected(&mut self, index: usize) {
        let now_ms = self.now_ms;
        let connection = at_mut(&mut self.connections, index);
        connection.heard_ms = now_ms;
        connection.connected_ms = now_ms;
        connection.probed_ms = now_ms;
        connection.write_opening();
    }

    /// Do commands wait for the answers to those before, so that they go out in one write?
    pub(crate) fn gathers(&self, index: usize) -> bool {
        self.connection(index).gathers()
    }

    /// Must [`Machine::end_batch`] come before the next write?
    pub(crate) fn has_open_batch(&self, index: usize) -> bool {
        self.connection(index).has_open_batch()
    }

    /// Ends the batch of claims. `now` is the moment before the write.
    pub(crate) fn end_batch(&mut self, index: usize, now: Moment) {
        at_mut(&mut self.connections, index).end_batch(now);
    }

    /// What is to be written; its writing begins.
    pub(crate) fn unwritten(&mut self, index: usize) -> &[u8] {
        at_mut(&mut self.connections, index).unwritten()
    }

    /// So many bytes of it were written.
    pub(crate) fn wrote(&mut self, index: usize, bytes: usize) {
        at_mut(&mut self.connections, index).wrote(bytes);
    }

    /// Is the connection to be closed, as it has been silent for too long?
    pub(crate) fn is_given_up(&self, index: usize) -> bool {
        self.connection(index).is_given_up
    }

    /// A connection has ended, or could not be had.
    pub(crate) fn lost(&mut self, index: usize) -> Lost {
        let [first_ms, most_ms] = limits::RETRY_MS;
        let connection = at_mut(&mut self.connections, index);
        let was_up = connection.state == State::Up;
        connection.state = if was_up { State::Expected } else { State::Down };
        let place = connection.place_in_group();
        for owed in connection.cut() {
            match owed {
                Owed::Claim(ticket) if !self.conditions.hold(Condition::NoGuess) => {
                    self.operations.vote(ticket, place, Vote::Yes { ahead_ms: 0 });
                }
                // Condition 7: in doubt. It is sent again with the same attempt.
                Owed::Claim(ticket) | Owed::Release(ticket) => connection.backlog.push(ticket),
                Owed::Ask(ticket) => self.operations.take_no_answer(ticket, place),
                _ => {}
            }
        }
        let up_ms = self.now_ms.saturating_sub(connection.connected_ms);
        if was_up {
            connection.retry_ms = first_ms;
        }
        // It was up for a while: what is in doubt is asked again at once, if there is a connection.
        let is_at_once = was_up && up_ms > most_ms;
        let retry_ms = if is_at_once { 0 } else { connection.retry_ms };
        if !is_at_once {
            connection.retry_ms = (connection.retry_ms * 2).min(most_ms);
        }
        if !was_up {
            self.send_backlog(index);
        }
        self.show(index);
        Lost { was_up, retry_ms }
    }

    /// To be called with the worker's coarse time, a few times a second: asks registers how they
    /// are, gives silent connections up, and compares the clocks. Condition 10: returns whether
    /// this node's clock is within a second of a majority of each group.
    pub(crate) fn tick(&mut self, now_ms: u64, now: UnixMillis) -> bool {
        self.now_ms = now_ms;
        for (index, connection) in self.connections.iter_mut().enumerate() {
            let silent_ms = now_ms.saturating_sub(connection.heard_ms);
            if !connection.owed.is_empty() && silent_ms > limits::SILENCE_MS {
                connection.is_given_up = true;
                self.stirred.push(index);
            } else if connection.state == State::Up
                && now_ms.saturating_sub(connection.probed_ms) >= limits::PROBE_MS
            {
                connection.probed_ms = now_ms;
                connection.write_probe();
                self.stirred.push(index);
            }
        }
        self.opening = self.seen_opening(now);
        self.groups.iter().all(|group| self.clock_agrees(group))
    }

    /// How far a register's clock was ahead of ours when it was read last, in milliseconds. `None`:
    /// this connection has not read it.
    pub(crate) fn clock_ahead_ms(&self, index: usize) -> Option<i64> {
        self.connection(index).reading.map(|reading| reading.ahead_ms())
    }

    /// Condition 4, from what the old groups' registers said in the last seconds.
    fn seen_opening(&self, now: UnixMillis) -> Option<Opening> {
        let adopted = |index: &usize| {
            let reading = self.connection(*index).reading?;
            match reading.held {
                Held::Mine { born } if now.ms_since(reading.read_at) <= limits::READING_MS_MAX => {
                    Some(Adopted { born, time: reading.time })
                }
                _ => None,
            }
        };
        let groups: Vec<Vec<Option<Adopted>>> =
            self.old_groups.iter().map(|group| group.iter().map(adopted).collect()).collect();
        layout::opening(groups.iter().map(Vec::as_slice))
    }

    /// Condition 10: is our clock within a second of so many of a group that a majority could vote?
    /// A register that is not there says nothing against us.
    fn clock_agrees(&self, group: &[usize]) -> bool {
        let is_off = |index: &&usize| {
            self.connection(**index).reading.is_some_and(|reading| !reading.clock_agrees())
        };
        group.iter().filter(is_off).count() < group.len() / 2 + 1
    }

    /// When [`Machine::end_overdue`] is to be called next.
    pub(crate) fn next_deadline(&self) -> Option<UnixMillis> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    /// Ends operations whose time is over.
    pub(crate) fn end_overdue(&mut self, now: UnixMillis) {
        while let Some((deadline, ticket)) = self.deadlines.front().copied() {
            if self.operations.get(ticket).is_some() {
                if deadline > now || !self.conditions.hold(Condition::Deadline) {
                    return;
                }
                self.operations.time_out(ticket);
            }
            self.deadlines.pop_front();
        }
    }
}
