//! Processes that this tool has started, and the successors that they start. Each is followed by
//! its id, signalled and waited for.

use std::io;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, waitpid};

use crate::procfs;

/// How often a state is polled that sends no event.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process.
#[derive(Debug)]
pub struct ChildProcess {
    pid: Pid,
    ended: Option<ChildEnd>,
}

/// How a process ended.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ChildEnd {
    /// With this status.
    Status(i32),
    /// By a signal, or in a way that this tool could not see.
    Otherwise,
}

impl ChildProcess {
    /// Starts a program.
    ///
    /// # Errors
    /// The system's error.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        // A process that a child starts and leaves behind becomes a child of ours.
        set_child_subreaper(Some(rustix::process::getpid()))?;
        Self::of(&command.spawn()?)
    }

    /// A process that another one started.
    pub fn found(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        Some(Self { pid, ended: None })
    }

    fn of(child: &Child) -> io::Result<Self> {
        Self::found(child.id()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ChildEnd> {
        if self.ended.is_none() {
            self.ended = match waitpid(Some(self.pid), WaitOptions::NOHANG) {
                Ok(None) => None,
                Ok(Some((_, status))) => {
                    Some(status.exit_status().map_or(ChildEnd::Otherwise, ChildEnd::Status))
                }
                // It is not our child yet, because its parent has not ended.
                Err(Errno::CHILD) if procfs::is_alive(self.pid()) => None,
                Err(_) => Some(ChildEnd::Otherwise),
            };
        }
        self.ended
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> ChildEnd {
        loop {
            match self.ended() {
                Some(end) => return end,
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// The system's error.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.pid, signal)?)
    }

    /// Sends SIGSTOP, and waits until the process is stopped.
    ///
    /// # Errors
    /// The system's error.
    pub async fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        while procfs::is_running(self.pid()) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Sends SIGKILL, and waits for the end if the process is our child.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            // An error means that it has ended already.
            let _ = self.signal(Signal::KILL);
            let _ = waitpid(Some(self.pid), WaitOptions::empty());
        }
    }
}

/// A process ends when this value is dropped.
impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ChildProcess {
        ChildProcess::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[tokio::test]
    async fn an_end_is_seen_with_its_status() {
        assert_eq!(shell("exit 3").wait().await, ChildEnd::Status(3));
        let mut killed = shell("exec sleep 600");
        assert_eq!(killed.ended(), None);
        killed.kill();
        assert_eq!(killed.wait().await, ChildEnd::Otherwise);
    }

    #[tokio::test]
    async fn a_grandchild_is_followed_over_the_end_of_its_parent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display();
        let mut parent = shell(&format!("sh -c 'read x; exit 7' <&0 & echo $! >{path}; wait"));
        let mut pid = String::new();
        while pid.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
            pid = std::fs::read_to_string(file.path()).unwrap();
        }
        let mut child = ChildProcess::found(pid.trim().parse().unwrap()).unwrap();
        parent.kill();
        child.wait().await;
    }

    #[tokio::test]
    async fn a_stopped_process_stands() {
        let child = shell("while :; do :; done");
        child.pause().await.unwrap();
        assert!(procfs::is_alive(child.pid()) && !procfs::is_running(child.pid()));
    }
}
