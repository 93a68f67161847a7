//! The signals that the gateway obeys.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What a signal asks for.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub enum Signal {
    /// SIGTERM or SIGINT: finish what runs and leave.
    Leave,
    /// SIGHUP: read configuration and keyring again.
    Reload,
    /// SIGUSR2: hand over to a new process.
    Upgrade,
}

/// The streams of signals, caught from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
    upgrade: unix::Signal,
}

impl Signals {
    /// Begins to catch. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// The system's error if a handler cannot be installed.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hang_up: unix::signal(SignalKind::hangup())?,
            upgrade: unix::signal(SignalKind::user_defined2())?,
        })
    }

    /// The next signal. Cancel safe.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Leave,
            _ = self.interrupt.recv() => Signal::Leave,
            _ = self.hang_up.recv() => Signal::Reload,
            _ = self.upgrade.recv() => Signal::Upgrade,
        }
    }
}
