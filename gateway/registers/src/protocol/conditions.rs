//! The conditions as switches: in the product all of them hold, for the simulation each can be
//! left out, and then a schedule must be found that breaks the promise.

/// A condition of the protocol. The numbers are those of the table in [`super`].
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[cfg_attr(not(test), expect(dead_code, reason = "some are kept by what only tests leave out"))]
pub(crate) enum Condition {
    /// 1: `SET` comes before `GET yanma:layout`, that before `TIME`, on one connection.
    Order,
    /// 2: only a free register, or one that holds this attempt, is a vote.
    Vacancy,
    /// 2: only a register of the layout that this gateway holds votes.
    SameLayout,
    /// 2: a register does not judge codes of before its memory began.
    Born,
    /// 2: how long a claim is kept, and which memory is too young, goes by the kind of what is claimed.
    Kind,
    /// 2: no vote when the register's time is past the code's end of life.
    EndOfLife,
    /// 3: lost memory begins anew, born when it is found.
    Rebirth,
    /// 3: a memory that another process wrote is lost, whatever it holds.
    SameProcess,
    /// 3: a process whose beats fall has set its memory back, and lost it.
    Beats,
    /// 4: a new epoch votes only when a majority of each old group has adopted it, from then on.
    Majorities,
    /// 5: a register that may forget alone, without its layout, ineligible.
    Eligibility,
    /// 6: deadline and end of life are read again just before forwarding.
    Deadline,
    /// 7: a missing answer is no vote.
    NoGuess,
    /// 8: a claim is given back only where it is this attempt that is held.
    Compare,
    /// 9: every gateway chooses the same group for a code.
    SameGroup,
    /// 10: a register whose clock is more than a second off ours does not vote.
    Clock,
}

/// Which conditions hold.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Conditions {
    #[cfg(test)]
    pub(crate) without: &'static [Condition],
}

impl Conditions {
    /// Always true outside tests, and compiled away.
    #[cfg(not(test))]
    pub(crate) const fn hold(self, _: Condition) -> bool {
        true
    }

    #[cfg(test)]
    pub(crate) fn hold(self, rule: Condition) -> bool {
        !self.without.contains(&rule)
    }
}
