//! What happens to gateways and registers, and when.

/// Something that happens.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// After the warm-up.
    pub at_ms: u64,
    /// What.
    pub what: Happening,
}

/// What happens, and to whom. Numbers count from 0.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Happening {
    /// To one gateway, or to all.
    Gateway {
        /// Which.
        node: Option<usize>,
        /// What.
        what: ToGateway,
    },
    /// To a register.
    Register {
        /// Which.
        register: usize,
        /// The only gateway that sees it, where it is a matter of the way between them.
        node: Option<usize>,
        /// What.
        what: ToRegister,
    },
}

/// What can happen to a gateway.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ToGateway {
    /// SIGKILL, and started again at once.
    Kill,
    /// SIGTERM, and started again when it has ended.
    Restart,
    /// SIGHUP.
    Reload,
    /// A new key becomes active, the oldest retires, the one that retired before is revoked.
    Rotate,
    /// SIGUSR2: it starts its successor, hands over and leaves. Nothing may fail.
    Upgrade,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// Its wall clock is from now on so far ahead of ours, or behind it.
    Clock {
        /// Milliseconds.
        step_ms: i64,
    },
    /// A copy of its data directory is taken, for one of the next two.
    Copy,
    /// SIGKILL, the copy is put in the place of the data directory, and started again.
    RollBack,
    /// The copy takes the place of the data directory while the gateway runs.
    Swap,
    /// The data directory is deleted while the gateway runs.
    Delete,
}

/// What can happen to a register.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ToRegister {
    /// SIGKILL; it stays away.
    Kill,
    /// SIGKILL if it runs, and started again, empty.
    Restart,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// Connections to it are reset, and new ones refused.
    Cut,
    /// Nothing passes, either way, and nobody is told.
    Blackhole,
    /// All that passes is so late.
    Delay {
        /// Milliseconds, each way.
        ms: u64,
    },
    /// The way is as it was: what was held on it arrives.
    Mend,
    /// FLUSHALL.
    Flush,
    /// SAVE: what it remembers now is on its disk.
    Save,
    /// SIGKILL if it runs, and started again with what it saved last.
    Recall,
}

impl Happening {
    /// Whether it needs a gateway that this tool has started, not one that runs already.
    pub fn needs_ours(&self) -> bool {
        !self.needs_signal()
    }

    /// Whether it can be done to any gateway whose process is known.
    pub fn needs_signal(&self) -> bool {
        matches!(self, Self::Gateway { what: ToGateway::Reload | ToGateway::Rotate, .. })
    }
}
