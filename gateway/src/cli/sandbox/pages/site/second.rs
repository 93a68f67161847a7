//! The second gateway, which the switchboard starts and ends.

use std::{
    process::{Child, ExitStatus},
    rc::Rc,
};

use tokio::task::spawn_blocking;

use super::front::Front;

/// A gateway in a process of its own.
pub(in crate::cli::sandbox::pages) struct Second {
    /// Held for as long as it shall run.
    #[expect(dead_code, reason = "dropping it ends the gateway")]
    pub(in crate::cli::sandbox::pages) process: Process,
    pub(in crate::cli::sandbox::pages) front: Rc<Front>,
}

/// A process that ends when its standard input does. Dropping this ends it.
pub(in crate::cli::sandbox::pages) struct Process(Option<Child>);

impl Process {
    pub(in crate::cli::sandbox::pages) const fn new(child: Child) -> Self {
        Self(Some(child))
    }

    /// How it ended, if it has.
    pub(in crate::cli::sandbox::pages) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.as_mut()?.try_wait().ok()?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        drop(child.stdin.take());
        // On another thread, because it takes its time to leave.
        spawn_blocking(move || child.wait());
    }
}
