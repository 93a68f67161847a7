//! The upgrade of a gateway: it hands over to its successor and leaves.

use std::fs;

use rustix::process::Signal;

use super::error::NodeError;
use super::{DONE_WITHIN, LOOK_EVERY, Node, Process, READY_WITHIN, log, within};
use crate::faults::child::{ChildEnd, ChildProcess};
use crate::procfs;

/// The old process logs this when the new one serves.
const HANDED_OVER: &str = " info handed_over: to process ";

impl Node {
    /// Sends SIGUSR2, and waits until the successor serves. The old process still finishes its
    /// requests, see [`Node::wait_until_gone`].
    ///
    /// # Errors
    /// [`NodeError`] if it is not ours, or does not hand over.
    pub async fn upgrade(&mut self) -> Result<Predecessor, NodeError> {
        self.check_alive()?;
        let said_before = self.said().len();
        self.signal(Signal::USR2)?;
        let look = async {
            loop {
                let said = self.said();
                let new = said.get(said_before..).unwrap_or_default();
                match successor(new).and_then(ChildProcess::found) {
                    Some(next) => return Ok(next),
                    None => self.check_alive()?,
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let next = within(READY_WITHIN, "a successor that serves", look).await?;
        self.spent_ns = self.cpu_ns();
        self.base_ns = 0;
        self.restarts += 1;
        let Process::Ours { child, .. } = &mut self.process else { return Err(NodeError::NoPid) };
        Ok(Predecessor(std::mem::replace(child, next)))
    }

    /// Waits until the old process has ended in order.
    ///
    /// # Errors
    /// [`NodeError`] if it does not leave, or with another status than 0.
    pub async fn wait_until_gone(
        &mut self,
        Predecessor(mut old): Predecessor,
    ) -> Result<(), NodeError> {
        let handed_over_ns = procfs::cpu_ns(old.pid());
        let mut cost_ns = handed_over_ns;
        let look = async {
            loop {
                cost_ns = cost_ns.max(procfs::cpu_ns(old.pid()));
                match old.ended() {
                    Some(end) => return Ok(end),
                    None => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        let end = within(DONE_WITHIN, "the end of a gateway that handed over", look).await?;
        self.spent_ns += cost_ns - handed_over_ns;
        if end == ChildEnd::Status(0) { Ok(()) } else { Err(NodeError::Ended(self.last_words())) }
    }

    fn said(&self) -> String {
        fs::read_to_string(log(&self.place)).unwrap_or_default()
    }
}

/// A process that has handed over and finishes its requests.
pub struct Predecessor(ChildProcess);

impl Predecessor {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.pid()
    }
}

fn successor(said: &str) -> Option<u32> {
    // An incomplete line may lack digits.
    let lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let mut pids = lines.filter_map(|line| line.split_once(HANDED_OVER)?.1.trim().parse().ok());
    pids.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_the_one_that_is_named_in_a_whole_line() {
        assert_eq!(successor("2027-01-15T08:00:12.345Z info handed_over: to process 123\n"), Some(123));
        assert_eq!(successor("x info handed_over: to process 12"), None);
        assert_eq!(successor("x info handed_over: to nobody\n"), None);
    }
}
