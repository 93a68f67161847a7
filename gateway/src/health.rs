//! Whether this node may be sent requests: the conditions behind `/readyz`.
//!
//! Only what the node itself can answer for counts. A backend that is down makes no node unready:
//! all nodes would leave the load balancer at once, and with them every honest answer.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

/// One thing that must hold.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub enum Condition {
    /// Some key would accept a code that is issued now.
    Keys,
    /// The wall clock is believed.
    Clock,
    /// The table of spent codes can judge a code.
    Table,
    /// The node was not told to stop.
    NotDraining,
}

impl Condition {
    /// Every condition.
    pub const ALL: [Self; 4] = [Self::Keys, Self::Clock, Self::Table, Self::NotDraining];

    /// The label of `yanma_ready`, and the name in the answer of `/readyz`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Clock => "clock",
            Self::Table => "table",
            Self::NotDraining => "not_draining",
        }
    }

    fn failing(self) -> &'static str {
        match self {
            Self::Keys => "no key of the keyring accepts a code that is issued now",
            Self::Clock => "the wall clock stepped and is not believed; check it, then restart",
            Self::Table => "the table of spent codes cannot judge codes yet",
            Self::NotDraining => "this node was told to stop and finishes what it has begun",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Keys => 1,
            Self::Clock => 2,
            Self::Table => 4,
            Self::NotDraining => 8,
        }
    }
}

/// The state of all conditions. Any thread may set and read it.
#[derive(Debug)]
pub struct Health(AtomicU8);

impl Health {
    /// A node that is starting: nothing is there yet, but nobody told it to stop.
    pub fn starting() -> Self {
        Self(AtomicU8::new(Condition::NotDraining.bit()))
    }

    /// Says whether a condition holds from now on.
    pub fn set(&self, condition: Condition, holds: bool) {
        if holds {
            self.0.fetch_or(condition.bit(), Ordering::Relaxed);
        } else {
            self.0.fetch_and(!condition.bit(), Ordering::Relaxed);
        }
    }

    /// Whether a condition holds.
    pub fn holds(&self, condition: Condition) -> bool {
        self.0.load(Ordering::Relaxed) & condition.bit() != 0
    }

    /// Whether all conditions hold.
    pub fn ready(&self) -> bool {
        Condition::ALL.into_iter().all(|condition| self.holds(condition))
    }
}

/// A line for each condition, each ending in a line feed: `keys: ok`, or what is wrong.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Condition::ALL.into_iter().try_for_each(|condition| {
            let state = if self.holds(condition) { "ok" } else { condition.failing() };
            writeln!(f, "{}: {state}", condition.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Health {
        let health = Health::starting();
        Condition::ALL.map(|condition| health.set(condition, true));
        health
    }

    #[test]
    fn a_starting_node_lacks_everything_but_is_not_draining() {
        let health = Health::starting();
        let held = Condition::ALL.map(|condition| health.holds(condition));
        assert_eq!(held, [false, false, false, true]);
        assert!(!health.ready());
    }

    #[test]
    fn each_condition_alone_makes_the_node_unready_and_is_named() {
        assert!(well().ready());
        for condition in Condition::ALL {
            let health = well();
            health.set(condition, false);
            assert!(!health.ready(), "{condition:?}");
            let told = health.to_string();
            let wrong: Vec<_> = told.lines().filter(|line| !line.ends_with(": ok")).collect();
            assert_eq!(wrong, [format!("{}: {}", condition.as_str(), condition.failing())]);
            health.set(condition, true);
            assert!(health.ready(), "{condition:?}");
        }
    }
}
