//! Is this node ready? Its own state only: a backend that is down must not take every node of
//! a cluster out of service at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use sys::threads::{Part, Threads};

/// The conditions of `/readyz`; all must hold.
#[derive(Debug, Default)]
pub struct Health {
    keys: AtomicBool,
    clock: AtomicBool,
    table: AtomicBool,
    tables: AtomicBool,
    draining: AtomicBool,
    record_stands: AtomicBool,
    /// The other way round, so that it holds where account states are not kept.
    accounts_load: AtomicBool,
    /// The other way round, so that it holds where there are no registers.
    clock_is_off: AtomicBool,
    /// Which threads and tasks have panicked.
    pub(crate) threads: Arc<Threads>,
}

/// One of the conditions, as it is now.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub struct Condition {
    /// The label of `yanma_ready`, and the name in the answer of `/readyz`.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// What it means that it does not, for an operator.
    pub otherwise: &'static str,
}

impl Health {
    /// Can a code that is issued now be accepted under some key?
    pub fn set_keys(&self, usable: bool) {
        self.keys.store(usable, Relaxed);
    }

    /// Is the wall clock believed?
    pub fn set_clock(&self, trusted: bool) {
        self.clock.store(trusted, Relaxed);
    }

    /// Is the table of spent codes still the one of the data directory?
    pub fn set_table(&self, kept: bool) {
        self.table.store(kept, Relaxed);
    }

    /// The verification tables were built, or could not be.
    pub fn set_key_tables(&self) {
        self.tables.store(true, Relaxed);
    }

    /// Is this node's clock within a second of a majority of each group of registers?
    pub fn set_register_clocks(&self, agree: bool) {
        self.clock_is_off.store(!agree, Relaxed);
    }

    /// Were all account states loaded once? How old they are does not count: all nodes would become
    /// unready together.
    pub fn set_accounts(&self, have_loaded: bool) {
        self.accounts_load.store(!have_loaded, Relaxed);
    }

    /// The gateway is leaving; there is no way back.
    pub fn set_draining(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Can decisions be recorded, or need they not be?
    pub fn set_record(&self, is_well: bool) {
        self.record_stands.store(!is_well, Relaxed);
    }

    /// Each condition.
    #[must_use]
    pub fn conditions(&self) -> [Condition; 9] {
        let lost = self.threads.lost();
        [
            Condition {
                name: "keys",
                holds: self.keys.load(Relaxed),
                otherwise: "no key of the keyring accepts a code that is issued now",
            },
            Condition {
                name: "clock",
                holds: self.clock.load(Relaxed),
                otherwise: "the wall clock stepped and is not believed; check it, then restart",
            },
            Condition {
                name: "register_clocks",
                holds: !self.clock_is_off.load(Relaxed),
                otherwise: "this node's clock is more than 1 s off a majority of the registers': \
                            look at NTP here and there; where this clock was set back, restart the \
                            gateway, as its time never runs back",
            },
            Condition {
                name: "table",
                holds: self.table.load(Relaxed),
                otherwise: "the data directory was removed, replaced or written over while the \
                            gateway ran: no code is spent; restart the gateway when it is right",
            },
            Condition {
                name: "verify_tables",
                holds: self.tables.load(Relaxed),
                otherwise: "verification tables are being built: codes are verified, but slowly",
            },
            Condition {
                name: "record",
                holds: !self.record_stands.load(Relaxed),
                otherwise: "the decision record cannot be written, and record.when_full is refuse",
            },
            Condition {
                name: "accounts",
                holds: !self.accounts_load.load(Relaxed),
                otherwise: "account states are being loaded: until then nothing is admitted by them",
            },
            Condition {
                name: "threads",
                holds: lost.is_none(),
                otherwise: lost.map_or("", Part::sentence),
            },
            Condition {
                name: "not_draining",
                holds: !self.draining.load(Relaxed),
                otherwise: "the gateway was told to leave and finishes what it has begun",
            },
        ]
    }

    /// Do all conditions hold?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conditions().iter().all(|condition| condition.holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(health: &Health) -> Vec<&'static str> {
        let conditions = health.conditions().into_iter();
        conditions.filter(|condition| !condition.holds).map(|condition| condition.name).collect()
    }

    #[test]
    fn every_condition_alone_makes_a_node_unready() {
        let health = Health::default();
        assert_eq!(
            (missing(&health), health.is_ready()),
            (vec!["keys", "clock", "table", "verify_tables"], false)
        );
        health.set_table(true);
        health.set_keys(true);
        assert_eq!((missing(&health), health.is_ready()), (vec!["clock", "verify_tables"], false));
        health.set_clock(true);
        assert_eq!((missing(&health), health.is_ready()), (vec!["verify_tables"], false));
        health.set_key_tables();
        assert_eq!((missing(&health), health.is_ready()), (vec![], true));
        health.set_keys(false);
        assert_eq!((missing(&health), health.is_ready()), (vec!["keys"], false));
        health.set_keys(true);
        health.set_record(false);
        assert_eq!((missing(&health), health.is_ready()), (vec!["record"], false));
        health.set_record(true);
        health.set_register_clocks(false);
        assert_eq!((missing(&health), health.is_ready()), (vec!["register_clocks"], false));
        health.set_register_clocks(true);
        health.set_accounts(false);
        assert_eq!((missing(&health), health.is_ready()), (vec!["accounts"], false));
        health.set_accounts(true);
        health.threads.ended(Part::Registers);
        assert_eq!((missing(&health), health.is_ready()), (vec![], true), "it began anew");
        health.threads.ended(Part::Tables);
        assert_eq!((missing(&health), health.is_ready()), (vec!["threads"], false));
        health.threads.ended(Part::Worker);
        let told = health.conditions().into_iter().find(|condition| condition.name == "threads");
        assert!(told.unwrap().otherwise.starts_with("worker panicked"), "the gravest first");
        health.set_draining();
        assert_eq!((missing(&health), health.is_ready()), (vec!["threads", "not_draining"], false));
    }
}
