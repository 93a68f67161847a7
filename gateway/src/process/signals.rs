//! The signals that the gateway obeys, and those that it only survives.
//!
//! What is not named here keeps the system's default: SIGQUIT and SIGABRT end the process at once
//! and may leave a core, for a person who looks for a fault.

use std::io;

use rustix::process::{WaitOptions, wait};
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
    /// SIGUSR1: nothing. Other servers open their log files anew; the default would end this one.
    Nothing,
}

/// What would end a process that starts, and is no wish to end it. What comes meanwhile is kept
/// and obeyed later.
#[derive(Debug)]
pub struct Survived {
    hang_up: unix::Signal,
    upgrade: unix::Signal,
    nothing: unix::Signal,
    /// SIGCHLD, for process 1 of a container alone: see [`bury`].
    orphans: Option<unix::Signal>,
    /// A write beyond RLIMIT_FSIZE. Caught, the write fails with an error, as on a full disk.
    _file_too_large: unix::Signal,
}

/// The streams of signals, caught from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    survived: Survived,
}

impl Survived {
    /// Begins to catch. Must be called within a runtime. SIGTERM and SIGINT still end the process
    /// at once: nothing is served yet.
    ///
    /// # Errors
    ///
    /// The system's error if a handler cannot be installed.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            hang_up: unix::signal(SignalKind::hangup())?,
            upgrade: unix::signal(SignalKind::user_defined2())?,
            nothing: unix::signal(SignalKind::user_defined1())?,
            orphans: is_process_1().then(|| unix::signal(SignalKind::child())).transpose()?,
            _file_too_large: unix::signal(SignalKind::from_raw(
                rustix::process::Signal::XFSZ.as_raw(),
            ))?,
        })
    }

    /// Catches also what asks for the end. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// The system's error if a handler cannot be installed.
    pub fn and_leave(self) -> io::Result<Signals> {
        Ok(Signals {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            survived: self,
        })
    }
}

impl Signals {
    /// The next signal. Cancel safe.
    pub async fn next(&mut self) -> Signal {
        loop {
            return tokio::select! {
                _ = self.terminate.recv() => Signal::Leave,
                _ = self.interrupt.recv() => Signal::Leave,
                _ = self.survived.hang_up.recv() => Signal::Reload,
                _ = self.survived.upgrade.recv() => Signal::Upgrade,
                _ = self.survived.nothing.recv() => Signal::Nothing,
                () = orphan(&mut self.survived.orphans) => {
                    bury();
                    continue;
                }
            };
        }
    }
}

/// Whether the kernel ends a container, and all that runs in it, with this process.
pub(crate) fn is_process_1() -> bool {
    std::process::id() == 1
}

/// Waits until a child has ended, where that is to be known.
async fn orphan(ended: &mut Option<unix::Signal>) {
    match ended {
        Some(ended) => drop(ended.recv().await),
        None => std::future::pending().await,
    }
}

/// Takes note of every child that has ended. The kernel gives process 1 the children of programs that
/// ended before them, such as programs that a person started in the container. Without this each stays
/// in the table of processes. Process 1 has no other children, because it starts no new process.
fn bury() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}
