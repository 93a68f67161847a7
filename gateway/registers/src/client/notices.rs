//! What the machine notices is counted, and the operator is told. Each worker has a connection of
//! its own to each register; the first worker tells.

use std::{cell::Cell, io, sync::Arc};

use sys::log::{self, Event, Field};

use crate::{
    counts::Counts,
    machine::{Machine, Notice},
    settings::RegisterAddress,
};

/// Where notices go.
#[derive(Debug)]
pub(super) struct Notices {
    worker: usize,
    counts: Arc<Counts>,
    /// By the machine's index.
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    address: RegisterAddress,
    is_told_lost: Cell<bool>,
}

impl Notices {
    pub(super) fn new<'a>(
        worker: usize,
        counts: Arc<Counts>,
        addresses: impl Iterator<Item = &'a RegisterAddress>,
    ) -> Self {
        let known = |address: &RegisterAddress| Known {
            address: address.clone(),
            is_told_lost: Cell::new(false),
        };
        Self { worker, counts, known: addresses.map(known).collect() }
    }

    /// A connection has ended.
    pub(super) fn lost(&self, index: usize, was_up: bool, end: &io::Error) {
        if let Some(counts) = self.counts.register(index) {
            counts.count_error(self.worker);
            if was_up {
                counts.add_connections(self.worker, -1);
            }
        }
        let known = self.known(index);
        if !was_up && self.worker == 0 && !known.is_told_lost.replace(true) {
            let what = format_args!("register {} cannot be reached: {end}", known.address);
            log::event_of(Event::RegisterLost, &[(Field::Register, &known.address)], what);
        }
    }

    /// Takes in what the machine knows of the registers' clocks.
    pub(super) fn take_clocks(&self, machine: &Machine) {
        for (index, counts) in self.counts.registers().iter().enumerate() {
            counts.set_clock_ahead_ms(self.worker, machine.clock_ahead_ms(index));
        }
    }

    /// Counts what the machine noticed, and tells it.
    pub(super) fn take(&self, notice: Notice) {
        let count = |index| self.counts.register(index);
        match notice {
            Notice::Refused { index } => {
                if let Some(counts) = count(index) {
                    counts.count_error(self.worker);
                }
            }
            Notice::Answered { index, ns } => {
                if let Some(counts) = count(index) {
                    counts.observe_ns(self.worker, ns);
                }
            }
            Notice::Up { index } => {
                if let Some(counts) = count(index) {
                    counts.add_connections(self.worker, 1);
                }
                let known = self.known(index);
                if self.worker == 0 && known.is_told_lost.replace(false) {
                    let what = format_args!("register {} answers again", known.address);
                    log::event_of(
                        Event::RegisterAnswers,
                        &[(Field::Register, &known.address)],
                        what,
                    );
                }
            }
            Notice::Eligibility { index, before, now, is_up } => {
                if let Some(counts) = count(index) {
                    for (why, by) in [(before, -1), (now, 1)] {
                        if let Some(why) = why {
                            counts.add_ineligible(self.worker, why, by);
                        }
                    }
                }
                let address = &self.known(index).address;
                match now {
                    _ if self.worker > 0 => {}
                    Some(why) => {
                        let why = why.sentence();
                        let what = format_args!("register {address} does not vote: it {why}");
                        log::event_of(Event::RegisterAbstains, &[(Field::Register, address)], what);
                    }
                    None if is_up => {
                        let what = format_args!("register {address} votes again");
                        log::event_of(Event::RegisterVotes, &[(Field::Register, address)], what);
                    }
                    None => {}
                }
            }
            Notice::Inherited { index } => log::event_of(
                Event::RegisterMemoryKept,
                &[(Field::Register, &self.known(index).address)],
                format_args!(
                    "register {} came back with what it kept from before: that counts as lost, \
                     and it does not vote on codes issued until 15 s from now",
                    self.known(index).address
                ),
            ),
            Notice::QuorumFailed { group } => self.counts.quorum_failed(self.worker, group),
        }
    }

    fn known(&self, index: usize) -> &Known {
        self.known.get(index).expect("an address for each connection")
    }
}
