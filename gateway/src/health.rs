//! Is this node ready? Its own state only: a backend that is down must not take every node of
//! a cluster out of service at once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The conditions of `/readyz`; all must hold.
#[derive(Debug, Default)]
pub struct Health {
    keys: AtomicBool,
    clock: AtomicBool,
    draining: AtomicBool,
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

    /// The gateway is leaving; there is no way back.
    pub fn set_draining(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Each condition by name, and whether it holds. The replay table exists before anything
    /// listens, so its condition holds as long as the process does.
    #[must_use]
    pub fn conditions(&self) -> [(&'static str, bool); 4] {
        [
            ("keys", self.keys.load(Relaxed)),
            ("clock", self.clock.load(Relaxed)),
            ("table", true),
            ("not_draining", !self.draining.load(Relaxed)),
        ]
    }

    /// Do all conditions hold?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conditions().iter().all(|(_, holds)| *holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_alone_makes_a_node_unready() {
        let health = Health::default();
        assert!(!health.is_ready());
        health.set_keys(true);
        assert!(!health.is_ready());
        health.set_clock(true);
        assert!(health.is_ready());
        health.set_draining();
        assert!(!health.is_ready());
    }
}
