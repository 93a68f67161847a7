//! Registers: real `redis-server` processes that save nothing by themselves, and faults in them.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::faults::child::ChildProcess;
use crate::net::address::Address;
use crate::net::stream::{Inbox, Stream};

/// The program, which `apt install redis-server` brings.
const PROGRAM: &str = "redis-server";
/// How often a state is polled that sends no event.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a server may take to answer. One with an empty memory answers at once.
const THERE_WITHIN: Duration = Duration::from_secs(30);
/// The answers that are read here are one line.
const ANSWER_BYTES_MAX: usize = 1_024;
/// Asks whether the running process of a register has a layout. A gateway that finds none, or one
/// of another process, writes it.
const IS_TOLD: &str = "EVAL \"local held = redis.call('GET', 'yanma:layout') \
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') \
    return held and string.find(held, run, 1, true) and 1 or 0\" 0";

/// One register.
pub struct Register {
    address: SocketAddr,
    dir: PathBuf,
    child: Option<ChildProcess>,
}

/// Why a register failed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// It cannot be started.
    #[error("{PROGRAM}: {0}; allowed: Redis 7 or later on the PATH (apt install redis-server)")]
    Start(io::Error),
    /// It does not answer.
    #[error("the register at {0}: {1}")]
    Mute(SocketAddr, io::Error),
    /// It takes too long.
    #[error("{what} of the register at {address} did not come within {} s", THERE_WITHIN.as_secs())]
    Late {
        /// Which.
        address: SocketAddr,
        /// What was waited for.
        what: &'static str,
    },
}

impl Register {
    /// Starts a register that listens at `address` and writes its log into `dir`; it answers when
    /// this returns.
    ///
    /// # Errors
    /// [`RegisterError`] if there is no such program, or if it does not answer.
    pub async fn start(address: SocketAddr, dir: &Path) -> Result<Self, RegisterError> {
        let mut register = Self { address, dir: dir.to_owned(), child: None };
        register.restart().await?;
        Ok(register)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child = None;
    }

    /// Sends SIGKILL if it runs, and starts it again with an empty memory.
    ///
    /// # Errors
    /// [`RegisterError`] if it does not answer.
    pub async fn restart(&mut self) -> Result<(), RegisterError> {
        self.kill();
        match fs::remove_file(self.dir.join(self.dump())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RegisterError::Start(error))
            }
            _ => self.recall().await,
        }
    }

    /// Lets it save its memory for [`Register::recall`].
    ///
    /// # Errors
    /// [`RegisterError`] if it does not answer, or cannot.
    pub async fn save(&self) -> Result<(), RegisterError> {
        self.run("SAVE").await
    }

    /// Sends SIGKILL if it runs, and starts it again with the memory that it saved last, if any.
    ///
    /// # Errors
    /// [`RegisterError`] if it does not answer.
    pub async fn recall(&mut self) -> Result<(), RegisterError> {
        self.kill();
        self.child = Some(self.spawn().map_err(RegisterError::Start)?);
        self.wait_for("an answer", "PING", "+PONG").await
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// [`RegisterError::Mute`] if it does not live.
    pub async fn pause(&self) -> Result<(), RegisterError> {
        let child = self.child.as_ref().ok_or_else(|| self.mute(io::ErrorKind::NotFound.into()))?;
        child.pause().await.map_err(|error| self.mute(error))
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// [`RegisterError::Mute`] if it does not live.
    pub fn resume(&self) -> Result<(), RegisterError> {
        let child = self.child.as_ref().ok_or_else(|| self.mute(io::ErrorKind::NotFound.into()))?;
        child.signal(Signal::CONT).map_err(|error| self.mute(error))
    }

    /// FLUSHALL.
    ///
    /// # Errors
    /// [`RegisterError`] if it does not answer.
    pub async fn flush(&self) -> Result<(), RegisterError> {
        self.run("FLUSHALL").await
    }

    async fn run(&self, command: &str) -> Result<(), RegisterError> {
        let said = self.ask(command).await.map_err(|error| self.mute(error))?;
        if said.starts_with("+OK") { Ok(()) } else { Err(self.mute(io::Error::other(said))) }
    }

    /// Waits until a gateway has written the layout into the running process.
    ///
    /// # Errors
    /// [`RegisterError`] if none does.
    pub async fn wait_until_told(&self) -> Result<(), RegisterError> {
        self.wait_for("the layout", IS_TOLD, ":1").await
    }

    async fn wait_for(
        &self,
        what: &'static str,
        command: &str,
        answer: &str,
    ) -> Result<(), RegisterError> {
        let look = async {
            while !self.ask(command).await.is_ok_and(|said| said.starts_with(answer)) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let late = |_| RegisterError::Late { address: self.address, what };
        tokio::time::timeout(THERE_WITHIN, look).await.map_err(late)
    }

    /// Sends an inline command, and returns the first line of the answer.
    async fn ask(&self, command: &str) -> io::Result<String> {
        let stream = Stream::connect(&Address::Tcp(self.address)).await?;
        stream.write_all(format!("{command}\r\n").as_bytes()).await?;
        let mut inbox = Inbox::new(ANSWER_BYTES_MAX);
        while inbox.fill(&stream).await? {
            let said = String::from_utf8_lossy(inbox.filled());
            if let Some((line, _)) = said.split_once("\r\n") {
                return Ok(line.to_owned());
            }
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    fn spawn(&self) -> io::Result<ChildProcess> {
        let log = self.dir.join(format!("register-{}.log", self.address.port()));
        let said = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(PROGRAM);
        command.args(["--bind", &self.address.ip().to_string()]);
        command.args(["--port", &self.address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--protected-mode", "no"]);
        command.args(["--maxmemory-policy", "noeviction", "--dbfilename", &self.dump()]);
        command.arg("--dir").arg(&self.dir).stdin(Stdio::null());
        ChildProcess::start(command.stdout(said.try_clone()?).stderr(said))
    }

    /// The file that SAVE writes.
    fn dump(&self) -> String {
        format!("register-{}.rdb", self.address.port())
    }

    fn mute(&self, error: io::Error) -> RegisterError {
        RegisterError::Mute(self.address, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_register_remembers_of_what_is_done_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut register = Register::start(address, dir.path()).await.unwrap();
        let set = "EVAL \"return redis.call('SET', 'yanma:layout', \
            string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'))\" 0";
        let exists = "EXISTS yanma:layout";
        assert_eq!(register.ask(set).await.unwrap(), "+OK");
        register.wait_until_told().await.unwrap();
        register.pause().await.unwrap();
        register.resume().unwrap();
        register.wait_until_told().await.unwrap();
        register.flush().await.unwrap();
        assert_eq!(register.ask(exists).await.unwrap(), ":0");
        register.ask(set).await.unwrap();
        register.save().await.unwrap();
        register.recall().await.unwrap();
        // It holds the layout of another process.
        assert_eq!(register.ask(exists).await.unwrap(), ":1");
        assert_eq!(register.ask(IS_TOLD).await.unwrap(), ":0");
        register.restart().await.unwrap();
        assert_eq!(register.ask(exists).await.unwrap(), ":0");
        register.kill();
        register.ask("PING").await.unwrap_err();
        register.resume().unwrap_err();
    }
}
