//! The real binary as a child process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::SystemTime;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::{eventually, soon};

/// A running `yanma`, killed when dropped. What it said is shown if the test fails.
pub(crate) struct Process {
    /// Absent once another process has taken over: that one is no child of ours.
    child: Option<Child>,
    pid: u32,
    log: PathBuf,
}

impl Process {
    /// Starts `yanma` in `directory`; both outputs go to one file there.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_in(directory, arguments, &[])
    }

    /// The same with variables of the environment.
    pub(crate) fn start_in(directory: &Path, arguments: &[&str], variables: &[Variable]) -> Self {
        Self::start_through(directory, &[], arguments, variables)
    }

    /// The same by another program, which gets the command after its own arguments.
    pub(crate) fn start_through(
        directory: &Path,
        through: &[&str],
        arguments: &[&str],
        variables: &[Variable],
    ) -> Self {
        let log = directory.join("yanma.log");
        let file = File::create(&log).expect("a log file");
        let child = command(through, directory)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("yanma starts");
        let pid = child.id().expect("it was just started");
        Self { child: Some(child), pid, log }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Has it hand over; returns the process that serves now. This one goes on to its end.
    pub(crate) async fn upgrade(&self) -> Self {
        let before = self.said().matches(HANDED_OVER).count();
        self.signal(Signal::USR2);
        let pid = eventually("a process that takes over", async || {
            let said = self.said();
            let line =
                said.lines().filter_map(|line| line.strip_prefix(HANDED_OVER)).nth(before)?;
            Some(line.parse().expect("a process id"))
        })
        .await;
        Self { child: None, pid, log: self.log.clone() }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.pid();
        let pid = Pid::from_raw(pid.try_into().expect("a process id")).expect("not 0");
        kill_process(pid, signal).expect("a signal to our own child");
    }

    /// Stops the process and waits until each of its threads stands still.
    pub(crate) async fn stop(&self) {
        self.signal(Signal::STOP);
        let tasks = format!("/proc/{}/task", self.pid());
        let stands = |task: &Path| {
            let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
        };
        eventually("a process that stands still", async || {
            let mut tasks = fs::read_dir(&tasks).expect("a process of ours");
            tasks.all(|task| task.is_ok_and(|task| stands(&task.path()))).then_some(())
        })
        .await;
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("only of a child can the status be had");
        soon("the end of yanma", child.wait()).await.expect("a child of ours")
    }

    /// The end of a process that is no child of ours: its status is not for us to know.
    pub(crate) async fn gone(&mut self) {
        eventually("the end of yanma", async || (!self.is_running()).then_some(())).await;
    }

    pub(crate) fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => child.try_wait().expect("a child of ours").is_none(),
            None => lives(self.pid),
        }
    }

    /// All that it has said so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

/// What a process says, followed by the id of the one that serves now.
const HANDED_OVER: &str = "yanma: handed over to process ";

/// Whether a process runs. One that has ended and waits for its parent to notice does not.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.is_none() && lives(self.pid) {
            self.signal(Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("---- yanma said ----\n{}--------------------", self.said());
        }
    }
}

/// A variable of the environment, and its value.
pub(crate) type Variable = (&'static str, String);

/// Runs `yanma` to its end.
pub(crate) async fn run(directory: &Path, arguments: &[&str]) -> Output {
    run_in(directory, arguments, &[]).await
}

/// The same with variables of the environment.
pub(crate) async fn run_in(directory: &Path, arguments: &[&str], variables: &[Variable]) -> Output {
    let mut command = yanma(directory);
    let command = command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    let child = command.stdin(Stdio::null()).output();
    soon("the end of yanma", child).await.expect("yanma starts")
}

/// Runs `yanma`, which must succeed; returns what it printed.
pub(crate) async fn run_well(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "yanma {arguments:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn yanma(directory: &Path) -> Command {
    command(&[], directory)
}

fn command(through: &[&str], directory: &Path) -> Command {
    let mut command = match through {
        [] => Command::new(binary()),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary());
            command
        }
    };
    // What the developer's own shell forces is not what is tested.
    command.current_dir(directory).env_remove("YANMA_VERIFY").kill_on_drop(true);
    command
}

/// The gateway that cargo built last.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("yanma"))
}

/// The load tool that cargo built last.
pub(crate) fn load_tool() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("yanma-loadtest"))
}

/// A binary in the directory above this test's own.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path of this test");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps/<test>");
    let binary = profile.join(name);
    assert!(binary.exists(), "{} is missing: run {BUILD}", binary.display());
    let newer = newer_source(&binary);
    assert!(newer.is_none(), "{name} is older than {newer:?}: run {BUILD}");
    binary
}

const BUILD: &str = "`cargo build --workspace --bins` first, or tests/run";

/// A source that changed after the binary was built, by the list that cargo wrote beside it.
fn newer_source(binary: &Path) -> Option<String> {
    let list = fs::read_to_string(binary.with_extension("d")).ok()?;
    let built = modified(binary)?;
    let (_, sources) = list.split_once(": ")?;
    let changed = |source: &&str| modified(Path::new(source)).is_none_or(|time| time > built);
    sources.split_whitespace().find(changed).map(str::to_owned)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// A loopback address and port that no other test has.
///
/// The configuration must name a port, and a port that was bound and let go may be taken before
/// the gateway binds it. Linux serves all of 127.0.0.0/8, so each test process has an address of
/// its own, made from its process id, and counts ports there below those the kernel gives out.
pub(crate) fn address() -> String {
    static PORT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = PORT.fetch_add(1, Ordering::Relaxed);
    assert!(port < 30_000, "the kernel gives out ports from 32768");
    format!("127.{}.{middle}.{low}:{port}", 64 | (high & 0x3f))
}
