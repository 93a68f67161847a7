//! How the stand-in treats settlements, until it is told otherwise.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::fault::Fault;

/// How long a slow settlement takes. Less than what the sandbox's gateway waits.
pub(super) const SLOW: Duration = Duration::from_secs(2);

/// How the stand-in treats what moves money. All else works, unless it is down.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Condition {
    /// As it should.
    #[default]
    Works,
    /// After two seconds.
    Slow,
    /// It fails so.
    Fails(Fault),
    /// Nothing listens, and no connection is left.
    Down,
}

/// Sets the stand-in's [`Condition`], from any thread. Clones are one switch.
#[derive(Clone, Debug)]
pub struct Switch(Arc<watch::Sender<Condition>>);

impl Condition {
    /// `works`, `slow`, `down`, or a value of `Sandbox-Fault`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Slow => "slow",
            Self::Fails(fault) => fault.name(),
            Self::Down => "down",
        }
    }

    /// `None`: there is no such condition.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "works" => Some(Self::Works),
            "slow" => Some(Self::Slow),
            "down" => Some(Self::Down),
            _ => Fault::named(name).map(Self::Fails),
        }
    }
}

impl Default for Switch {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Condition::Works)))
    }
}

impl Switch {
    /// What holds for the next settlement.
    pub fn condition(&self) -> Condition {
        *self.0.borrow()
    }

    /// Requests that are under way keep what held when they came, unless it is [`Condition::Down`].
    pub fn set(&self, condition: Condition) {
        self.0.send_replace(condition);
    }

    /// Waits until it is down, or until it is not. Cancel safe.
    pub(super) async fn until_down(&self, is_down: bool) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = changes.wait_for(|condition| (*condition == Condition::Down) == is_down).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_one_switch_and_each_name_means_one_condition() {
        let switch = Switch::default();
        let other = switch.clone();
        assert_eq!(other.condition(), Condition::Works);
        for name in
            ["slow", "stall", "stall-booked", "half", "reset-booked", "error", "down", "works"]
        {
            switch.set(Condition::named(name).unwrap());
            assert_eq!(other.condition().name(), name);
        }
        assert_eq!(Condition::named("fast"), None);
    }
}
