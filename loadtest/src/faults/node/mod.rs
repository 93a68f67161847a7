//! Gateways under load: starts, kills, restarts, upgrades and stops them, and reads what they use.

pub mod admin;
mod data;
pub mod error;
mod upgrade;

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use self::admin::Admin;
use self::error::NodeError;
use crate::faults::child::{ChildEnd, ChildProcess};
use crate::judge::outage::Memory;
use crate::procfs;
use crate::site::config::NodePlace;

/// How often a state is polled that sends no event.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A resumed gateway has checked its table after this time: it does so four times a second.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// Tables of many keys are built before a node is ready.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// A reload of many keys, and the drain of a restart.
const DONE_WITHIN: Duration = Duration::from_secs(60);
/// A gateway reads its clock each second, so it is unready long before this.
const SOON: Duration = Duration::from_secs(10);

/// How many of its last lines are shown: enough for a panic with its place.
const LAST_LINES: usize = 4;

/// Environment variable with the path of a file. The file says by how many milliseconds a debug
/// build steps its wall clock.
const CLOCK: &str = "YANMA_TEST_CLOCK";
const RELOADED: &str = "yanma_config_last_reload_success_timestamp_seconds";
/// Steps of the wall clock that it has seen.
const STEPS: &str = "yanma_clock_steps_total";
const FENCE: &str = "yanma_replay_fence_end_timestamp_seconds";
const PASS_FENCE: &str = "yanma_pass_fence_end_timestamp_seconds";

/// One gateway.
pub struct Node {
    place: NodePlace,
    process: Process,
    /// CPU time of its ended processes, since [`Node::measure_from_here`].
    spent_ns: u64,
    /// CPU time of the running process at that moment.
    base_ns: u64,
    restarts: u64,
    /// What its next process will know of used codes.
    memory: Memory,
    /// When its data directory was copied, on the monotonic clock.
    copied_ns: u64,
}

/// How a gateway ended.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum NodeEnd {
    /// As it was told, with status 0.
    Told,
    /// As it was told, with another status.
    Failed,
    /// Before it was told.
    ByItself,
}

enum Process {
    /// Ours.
    Ours { binary: PathBuf, child: ChildProcess },
    /// Started elsewhere, perhaps with a known id.
    Stranger(Option<u32>),
}

impl Node {
    /// Starts a gateway, which is not ready yet.
    ///
    /// # Errors
    /// [`NodeError::Start`].
    pub fn start(binary: &Path, place: NodePlace) -> Result<Self, NodeError> {
        let child = spawn(binary, &place)?;
        Ok(Self::new(place, Process::Ours { binary: binary.to_owned(), child }))
    }

    /// A gateway that runs already.
    pub fn attach(place: NodePlace, pid: Option<u32>) -> Self {
        Self::new(place, Process::Stranger(pid))
    }

    fn new(place: NodePlace, process: Process) -> Self {
        let memory = Memory::Kept;
        Self { place, process, spent_ns: 0, base_ns: 0, restarts: 0, memory, copied_ns: 0 }
    }

    /// Its addresses and files.
    pub fn place(&self) -> &NodePlace {
        &self.place
    }

    /// Its process id, if it is known.
    pub fn pid(&self) -> Option<u32> {
        match &self.process {
            Process::Ours { child, .. } => Some(child.pid()),
            Process::Stranger(pid) => *pid,
        }
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// [`NodeError`] if it ends, or takes too long.
    pub async fn wait_until_ready(&mut self) -> Result<(), NodeError> {
        let look = async {
            while !self.admin().is_ready().await {
                self.check_alive()?;
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        within(READY_WITHIN, "a ready gateway", look).await
    }

    /// The fence: the last second of issue whose codes it refuses because it does not remember
    /// them.
    ///
    /// # Errors
    /// [`NodeError::Mute`].
    pub async fn fence_s(&self) -> Result<i64, NodeError> {
        self.fence_of(FENCE).await
    }

    /// The fence of the table of passes: no code is exchanged up to this second.
    ///
    /// # Errors
    /// [`NodeError::Mute`].
    pub async fn pass_fence_s(&self) -> Result<i64, NodeError> {
        self.fence_of(PASS_FENCE).await
    }

    async fn fence_of(&self, metric: &str) -> Result<i64, NodeError> {
        let fence_s = self.admin().metric(metric).await.map_err(|error| self.mute(error))?;
        let fence_s = Duration::try_from_secs_f64(fence_s).unwrap_or_default().as_secs();
        Ok(i64::try_from(fence_s).unwrap_or(i64::MAX))
    }

    /// The fence after it has surely checked its table since it was resumed. If `known_s` is given,
    /// it must have raised its fence, and this waits for one above `known_s`.
    ///
    /// # Errors
    /// [`NodeError`] if it cannot be asked, or does not rise.
    pub async fn fence_after_resume(&self, known_s: Option<i64>) -> Result<i64, NodeError> {
        let Some(known_s) = known_s else {
            tokio::time::sleep(LOOKS_EVERY).await;
            return self.fence_s().await;
        };
        let look = async {
            loop {
                match self.fence_s().await? {
                    fence_s if fence_s > known_s => return Ok(fence_s),
                    _ => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        within(DONE_WITHIN, "a fence after a long pause", look).await
    }

    /// What its newest process can know of used codes. Sets it back to [`Memory::Kept`].
    pub fn take_memory(&mut self) -> Memory {
        std::mem::replace(&mut self.memory, Memory::Kept)
    }

    /// Requests that it has sent to the backend and that have not ended.
    ///
    /// # Errors
    /// [`NodeError::Mute`].
    pub async fn at_backend(&self) -> Result<f64, NodeError> {
        let in_flight = self.admin().sum("yanma_backend_in_flight").await;
        in_flight.map_err(|error| self.mute(error))
    }

    /// Waits until no request that it sent to the backend is under way.
    ///
    /// # Errors
    /// [`NodeError`] if it cannot be asked, or takes too long.
    pub async fn wait_until_quiet(&self) -> Result<(), NodeError> {
        let look = async {
            while self.at_backend().await? > 0.0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        within(DONE_WITHIN, "a quiet gateway", look).await
    }

    /// Sends SIGKILL, and starts it again at once. It is not ready yet.
    ///
    /// # Errors
    /// [`NodeError`] if it is not ours or cannot be started again.
    pub async fn kill(&mut self) -> Result<(), NodeError> {
        self.begin_anew(Signal::KILL).await
    }

    /// Sends SIGTERM, and starts it again when it has ended.
    ///
    /// # Errors
    /// [`NodeError`] if it is not ours or cannot be started again.
    pub async fn restart(&mut self) -> Result<(), NodeError> {
        self.begin_anew(Signal::TERM).await
    }

    /// Sends SIGSTOP, and waits until it is stopped.
    ///
    /// # Errors
    /// [`NodeError`] if it is not ours.
    pub async fn pause(&self) -> Result<(), NodeError> {
        let Process::Ours { child, .. } = &self.process else { return Err(NodeError::NoPid) };
        child.pause().await.map_err(|error| self.mute(error))
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// [`NodeError`] if its process is not known.
    pub fn resume(&self) -> Result<(), NodeError> {
        self.signal(Signal::CONT)
    }

    /// Sets its wall clock ahead of ours, or behind if negative, and waits until it has seen that.
    ///
    /// # Errors
    /// [`NodeError`] if that cannot be written, or is not seen.
    pub async fn step_clock(&self, ahead_ms: i64) -> Result<(), NodeError> {
        let mute = |error| self.mute(error);
        let before = self.admin().metric(STEPS).await.map_err(mute)?;
        let path = clock_file(&self.place);
        // Replaced whole, because the gateway may read the file at any moment.
        let aside = path.with_extension("clock.new");
        let written = std::fs::write(&aside, ahead_ms.to_string());
        let moved = written.and_then(|()| std::fs::rename(&aside, &path));
        moved.map_err(|error| NodeError::Data { path, error })?;
        let look = async {
            while self.admin().metric(STEPS).await.map_err(mute)? <= before {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        within(DONE_WITHIN, "a step of the clock (only debug builds have the seam)", look).await
    }

    /// Waits up to ten seconds until it says that it is not ready. Returns whether it does.
    pub async fn becomes_unready(&self) -> bool {
        let look = async {
            while self.admin().is_ready().await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(SOON, look).await.is_ok()
    }

    /// Sends SIGHUP, and waits until it has read keyring and configuration again.
    ///
    /// # Errors
    /// [`NodeError`] if it cannot be told, or does not say that it has.
    pub async fn reload(&self) -> Result<(), NodeError> {
        let mute = |error| self.mute(error);
        let before = self.admin().metric(RELOADED).await.map_err(mute)?;
        self.signal(Signal::HUP)?;
        let look = async {
            // The timestamp only grows, and differs for any two reloads.
            while self.admin().metric(RELOADED).await.map_err(mute)? <= before {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok(())
        };
        within(DONE_WITHIN, "a reload", look).await
    }

    /// Lets it drain and end; `None` if it was not started here.
    ///
    /// # Errors
    /// [`NodeError`] if it does not end.
    pub async fn end(&mut self) -> Result<Option<NodeEnd>, NodeError> {
        if let Process::Stranger(_) = self.process {
            return Ok(None);
        }
        if self.check_alive().is_err() {
            return Ok(Some(NodeEnd::ByItself));
        }
        self.signal(Signal::CONT)?;
        self.signal(Signal::TERM)?;
        let is_told = self.wait_until_ended().await? == ChildEnd::Status(0);
        Ok(Some(if is_told { NodeEnd::Told } else { NodeEnd::Failed }))
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        let said = std::fs::read_to_string(log(&self.place)).unwrap_or_default();
        let lines: Vec<&str> = said.lines().rev().take(LAST_LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }

    /// Counts its CPU time from here on.
    pub fn measure_from_here(&mut self) {
        self.spent_ns = 0;
        self.base_ns = self.pid().map_or(0, procfs::cpu_ns);
    }

    /// CPU time of all its processes since [`Node::measure_from_here`].
    pub fn cpu_ns(&self) -> u64 {
        let now_ns = self.pid().map_or(0, procfs::cpu_ns);
        self.spent_ns + now_ns.saturating_sub(self.base_ns)
    }

    /// Resident memory.
    pub fn resident_bytes(&self) -> u64 {
        self.pid().map_or(0, procfs::resident_bytes)
    }

    fn admin(&self) -> Admin {
        Admin(self.place.admin)
    }

    fn mute(&self, error: io::Error) -> NodeError {
        NodeError::Mute(self.place.admin, error)
    }

    async fn begin_anew(&mut self, signal: Signal) -> Result<(), NodeError> {
        self.stop(signal).await?;
        self.start_again()
    }

    async fn stop(&mut self, signal: Signal) -> Result<(), NodeError> {
        self.check_alive()?;
        self.spent_ns = self.cpu_ns();
        self.signal(signal)?;
        let end = self.wait_until_ended().await?;
        if signal == Signal::TERM && end != ChildEnd::Status(0) {
            return Err(NodeError::Ended(self.last_words()));
        }
        Ok(())
    }

    fn start_again(&mut self) -> Result<(), NodeError> {
        let Process::Ours { binary, child } = &mut self.process else {
            return Err(NodeError::NoPid);
        };
        *child = spawn(binary, &self.place)?;
        self.base_ns = 0;
        self.restarts += 1;
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<(), NodeError> {
        let pid = self.pid().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.ok_or(NodeError::NoPid)?, signal).map_err(|error| self.mute(error.into()))
    }

    /// Waits until it has ended.
    async fn wait_until_ended(&mut self) -> Result<ChildEnd, NodeError> {
        let Process::Ours { child, .. } = &mut self.process else { return Err(NodeError::NoPid) };
        let look = async { Ok(child.wait().await) };
        within(DONE_WITHIN, "the end of a gateway", look).await
    }

    fn check_alive(&mut self) -> Result<(), NodeError> {
        let Process::Ours { child, .. } = &mut self.process else { return Ok(()) };
        match child.ended() {
            None => Ok(()),
            Some(_) => Err(NodeError::Ended(self.last_words())),
        }
    }
}

fn spawn(binary: &Path, place: &NodePlace) -> Result<ChildProcess, NodeError> {
    let failed = |error| NodeError::Start { binary: binary.to_owned(), error };
    let said = OpenOptions::new().create(true).append(true).open(log(place)).map_err(failed)?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(&place.config).stdin(Stdio::null());
    command.stdout(said.try_clone().map_err(failed)?).stderr(said);
    // Only a debug build obeys it. The file exists once the clock is stepped.
    command.env(CLOCK, clock_file(place));
    ChildProcess::start(&mut command).map_err(failed)
}

/// The file that says by how much a node's wall clock is stepped.
fn clock_file(place: &NodePlace) -> PathBuf {
    place.config.with_extension("clock")
}

/// Its log, beside its configuration.
fn log(place: &NodePlace) -> PathBuf {
    place.config.with_extension("log")
}

async fn within<T>(
    patience: Duration,
    what: &'static str,
    event: impl Future<Output = Result<T, NodeError>>,
) -> Result<T, NodeError> {
    let late = |_| NodeError::Late { what, seconds: patience.as_secs() };
    tokio::time::timeout(patience, event).await.map_err(late)?
}
