//! What one worker has of the registers, and how an operation goes to one of them.

use std::{collections::VecDeque, mem};

use keyring::time::UnixMillis;

use super::{
    connection::{Connection, Owed, State},
    effects::{Effects, Notice},
    operations::{Operation, Operations, Release, Ticket, Work},
};
use crate::{
    protocol::{
        conditions::Conditions,
        layout::{Held, Layout, Opening},
    },
    settings::{RegisterAddress, Settings},
};

/// What one worker has of the registers.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) conditions: Conditions,
    pub(crate) layout: Layout,
    pub(super) timeout_ms: i64,
    /// Those of groups come first, in the order of the settings, as in the counts.
    pub(super) connections: Vec<Connection>,
    /// Indexes into `connections`.
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) old_groups: Vec<Vec<usize>>,
    pub(super) opening: Option<Opening>,
    pub(super) operations: Operations,
    /// When operations run out of time. All have the same time, so they run out in order.
    pub(super) deadlines: VecDeque<(UnixMillis, Ticket)>,
    /// The next attempt. It begins at 128 random bits, so that no two workers meet.
    pub(super) next_attempt: u128,
    /// The worker's coarse time.
    pub(super) now_ms: u64,
    pub(super) stirred: Vec<usize>,
    has_timer: bool,
    pub(super) notices: Vec<Notice>,
}

impl Machine {
    /// Nothing is connected. `first_attempt` is random.
    pub(crate) fn new(settings: &Settings, first_attempt: u128) -> Self {
        let mut connections: Vec<Connection> = Vec::new();
        let groups = settings.groups.iter().enumerate().map(|(group, registers)| {
            let connection = |(place, address): (usize, &RegisterAddress)| {
                connections.push(Connection::new(address.clone(), Some((group, place))));
                connections.len() - 1
            };
            registers.iter().enumerate().map(connection).collect()
        });
        let groups = groups.collect();
        let old_groups = settings.old_groups.iter().map(|registers| {
            let index = |address: &RegisterAddress| {
                let known = |one: &Connection| one.address.to_string() == address.to_string();
                connections.iter().position(known).unwrap_or_else(|| {
                    connections.push(Connection::new(address.clone(), None));
                    connections.len() - 1
                })
            };
            registers.iter().map(index).collect()
        });
        let old_groups = old_groups.collect();
        Self {
            conditions: Conditions::default(),
            layout: Layout::new(settings),
            timeout_ms: settings.timeout_ms,
            connections,
            groups,
            old_groups,
            opening: None,
            operations: Operations::default(),
            deadlines: VecDeque::new(),
            next_attempt: first_attempt,
            now_ms: 0,
            stirred: Vec::new(),
            has_timer: false,
            notices: Vec::new(),
        }
    }

    /// Where each connection goes.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &RegisterAddress> {
        self.connections.iter().map(|connection| &connection.address)
    }

    /// How a connection is.
    #[cfg(test)]
    pub(crate) fn state(&self, index: usize) -> State {
        self.connection(index).state
    }

    /// Swaps what the driver is to do for an empty [`Effects`], whose room is used again.
    pub(crate) fn swap_effects(&mut self, effects: &mut Effects) {
        mem::swap(&mut self.operations.ended, &mut effects.ended);
        mem::swap(&mut self.stirred, &mut effects.stirred);
        mem::swap(&mut self.notices, &mut effects.notices);
        effects.has_timer = mem::take(&mut self.has_timer);
    }

    pub(super) fn begin(&mut self, operation: Operation, deadline: UnixMillis) -> Ticket {
        let ticket = self.operations.enter(operation);
        self.deadlines.push_back((deadline, ticket));
        self.has_timer |= self.deadlines.len() == 1;
        ticket
    }

    pub(super) fn begin_and_send(&mut self, operation: Operation, deadline: UnixMillis) -> Ticket {
        let group = operation.group;
        let ticket = self.begin(operation, deadline);
        for place in 0..self.group(group).len() {
            let index = *at(self.group(group), place);
            self.send(index, ticket);
        }
        ticket
    }

    /// Asks one register for an operation: now, when its connection is there again, or not at all.
    pub(super) fn send(&mut self, index: usize, ticket: Ticket) {
        let operation = self.operations.get(ticket).filter(|operation| !operation.is_over());
        let Some(operation) = operation else { return };
        let connection = at_mut(&mut self.connections, index);
        let (_, place) = connection.place.expect("only registers of a group are asked");
        if connection.state == State::Expected {
            return connection.backlog.push(ticket);
        }
        // Condition 5: a register that may forget is not asked for its vote.
        let may_vote = connection.ineligible().is_none() && connection.held != Held::Foreign;
        match &operation.work {
            Work::Claim(claim) if connection.takes_commands() && may_vote => {
                // Once a turn is enough: the connection is looked at when every request of this
                // turn has claimed.
                if !connection.has_open_batch() {
                    self.stirred.push(index);
                }
                connection.write_claim(claim.id, &claim.question, &claim.note, ticket);
            }
            Work::Release(release) if connection.takes_commands() => {
                let Release { id, attempt, .. } = release;
                connection.write_release(*id, *attempt, Owed::Release(ticket));
                self.stirred.push(index);
            }
            _ => self.operations.take_no_answer(ticket, place),
        }
    }

    pub(super) fn send_backlog(&mut self, index: usize) {
        for ticket in mem::take(&mut at_mut(&mut self.connections, index).backlog) {
            self.send(index, ticket);
        }
    }

    /// Notes why a register does not vote, if that has changed.
    pub(super) fn show(&mut self, index: usize) {
        let connection = at_mut(&mut self.connections, index);
        let now = connection.ineligible_now();
        let before = mem::replace(&mut connection.shown, now);
        if now != before {
            let is_up = connection.state == State::Up;
            self.notices.push(Notice::Eligibility { index, before, now, is_up });
        }
    }

    pub(super) fn group(&self, group: usize) -> &[usize] {
        at::<Vec<usize>>(&self.groups, group)
    }

    pub(super) fn connection(&self, index: usize) -> &Connection {
        at(&self.connections, index)
    }
}

pub(super) fn at<T>(all: &[T], index: usize) -> &T {
    all.get(index).expect("a group, or a connection, of the settings")
}

pub(super) fn at_mut<T>(all: &mut [T], index: usize) -> &mut T {
    all.get_mut(index).expect("a connection of the settings")
}
