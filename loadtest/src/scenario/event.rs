//! Events: what happens to gateways and registers, and when.

/// Something that happens.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Time after the warm-up.
    pub at_ms: u64,
    /// What.
    pub what: Happening,
}

/// What happens, and to which gateway or register. Numbers count from 0.
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
        /// The only gateway that sees it, for an event of the link between them.
        node: Option<usize>,
        /// What.
        what: ToRegister,
    },
}

/// What can happen to a gateway.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ToGateway {
    /// It gets SIGKILL and is started again at once.
    Kill,
    /// It gets SIGTERM and is started again when it has ended.
    Restart,
    /// SIGHUP.
    Reload,
    /// A new key becomes active, the oldest retires, and the key that retired before is revoked.
    Rotate,
    /// It gets SIGUSR2, starts its successor, hands over and leaves. Nothing may fail.
    Upgrade,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// Its wall clock is from now on ahead of ours, or behind if negative.
    Clock {
        /// Milliseconds.
        step_ms: i64,
    },
    /// Its data directory is copied, for one of the next two events.
    Copy,
    /// It gets SIGKILL, the copy takes the place of the data directory, and it is started again.
    RollBack,
    /// The copy takes the place of the data directory while the gateway runs.
    Swap,
    /// The data directory is deleted while the gateway runs.
    Delete,
}

/// What can happen to a register.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ToRegister {
    /// It gets SIGKILL and stays away.
    Kill,
    /// It gets SIGKILL if it runs, and is started again with an empty memory.
    Restart,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// Connections to it are reset, and new ones too.
    Cut,
    /// No byte passes in either direction, and connections stay open.
    Blackhole,
    /// All bytes pass with a delay.
    Delay {
        /// Milliseconds, each way.
        ms: u64,
        /// A claim may run out of time by it. A shorter delay is distance, and excuses nothing.
        may_be_late: bool,
    },
    /// The link is open again. Held bytes arrive.
    Mend,
    /// FLUSHALL.
    Flush,
    /// SAVE: its memory is written to disk.
    Save,
    /// It gets SIGKILL if it runs, and is started again with the memory that it saved last.
    Recall,
}

impl Happening {
    /// Whether it needs a gateway that this tool has started.
    pub fn needs_ours(&self) -> bool {
        !self.needs_signal()
    }

    /// Whether it needs only a gateway whose process id is known.
    pub fn needs_signal(&self) -> bool {
        matches!(self, Self::Gateway { what: ToGateway::Reload | ToGateway::Rotate, .. })
    }
}
