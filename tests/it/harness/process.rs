//! The real binary as a child process.

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::SystemTime;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl, fstat};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::{eventually, soon};

/// A running `yanma`, killed when dropped. Its output is shown if the test fails.
pub(crate) struct Process {
    /// Absent after an upgrade, because the new process is not a child of the test.
    child: Option<Child>,
    pid: u32,
    log: PathBuf,
    /// Both ends of the pipe at its standard error, if there is one.
    pipe: Option<(PipeReader, PipeWriter)>,
}

/// What its standard error is.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) enum StandardError {
    /// The file that standard output goes to.
    #[default]
    Log,
    /// A disk without room.
    Full,
    /// A pipe without a reader: see [`Process::hang_up`], [`Process::stand_still`].
    Pipe,
    /// The same, and the environment says that it is the journal: systemd.exec(5).
    Journal,
}

impl Process {
    /// Starts `yanma` in `directory`; both outputs go to one file there.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_in(directory, arguments, &[])
    }

    /// The same with variables of the environment.
    pub(crate) fn start_in(directory: &Path, arguments: &[&str], variables: &[Variable]) -> Self {
        Self::start_through(directory, &[], arguments, variables, StandardError::Log)
    }

    /// The same by another program, which gets the command after its own arguments.
    pub(crate) fn start_through(
        directory: &Path,
        through: &[&str],
        arguments: &[&str],
        variables: &[Variable],
        standard_error: StandardError,
    ) -> Self {
        let log = directory.join("yanma.log");
        let file = File::create(&log).expect("a log file");
        let is_pipe = matches!(standard_error, StandardError::Pipe | StandardError::Journal);
        let pipe = is_pipe.then(|| std::io::pipe().expect("a pipe"));
        let journal = match (standard_error, &pipe) {
            (StandardError::Journal, Some((_, writer))) => Some(journal_stream(writer)),
            _ => None,
        };
        let stderr = match (standard_error, &pipe) {
            (StandardError::Full, _) => Stdio::from(full()),
            (_, Some((_, writer))) => writer.try_clone().expect("a second handle").into(),
            _ => file.try_clone().expect("a second handle").into(),
        };
        let child = command(through, directory)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .envs(journal.map(|stream| ("JOURNAL_STREAM", stream)))
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(stderr)
            .spawn()
            .expect("yanma starts");
        let pid = child.id().expect("it was just started");
        Self { child: Some(child), pid, log, pipe }
    }

    /// The reader of its standard error is gone.
    pub(crate) fn hang_up(&mut self) {
        self.pipe.take().expect("standard error is a pipe");
    }

    /// The reader of its standard error stands still, and the pipe is full.
    pub(crate) fn stand_still(&self) {
        let (_, writer) = self.pipe.as_ref().expect("standard error is a pipe");
        fill(writer);
    }

    /// The reader goes on until it has read `wanted`.
    pub(crate) async fn read_until(&mut self, wanted: &'static str) -> String {
        let (mut reader, writer) = self.pipe.take().expect("standard error is a pipe");
        let read = tokio::task::spawn_blocking(move || {
            let (mut text, mut buffer) = (Vec::new(), [0; 4_096]);
            while !String::from_utf8_lossy(&text).contains(wanted) {
                let count = reader.read(&mut buffer).expect("a pipe");
                text.extend(&buffer[..count]);
            }
            (reader, String::from_utf8_lossy(&text).into_owned())
        });
        let (reader, text) = soon(wanted, read).await.expect("no panic");
        self.pipe = Some((reader, writer));
        text
    }

    /// The same with outputs of the caller's.
    pub(crate) fn start_into(
        directory: &Path,
        arguments: &[&str],
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> Self {
        let mut command = yanma(directory);
        let command = command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let child = command.spawn().expect("yanma starts");
        let pid = child.id().expect("it was just started");
        Self { child: Some(child), pid, log: directory.join("yanma.log"), pipe: None }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The memory that the process uses.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(path).expect("a child of ours");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
        kib * 1_024
    }

    /// Upgrades to a new process and returns it. This one finishes its requests and ends.
    pub(crate) async fn upgrade(&self) -> Self {
        let before = self.said().matches(HANDED_OVER).count();
        self.signal(Signal::USR2);
        let pid = eventually("a process that takes over", async || {
            let said = self.said();
            let (_, pid) =
                said.lines().filter_map(|line| line.split_once(HANDED_OVER)).nth(before)?;
            Some(pid.parse().expect("a process id"))
        })
        .await;
        Self { child: None, pid, log: self.log.clone(), pipe: None }
    }

    /// The same where it cannot say so: returns the process that is to serve, which may not be
    /// ready.
    pub(crate) async fn upgrade_unheard(&mut self) -> Self {
        self.signal(Signal::USR2);
        let pid = eventually("a process that takes over", async || child_of(self.pid)).await;
        Self { child: None, pid, log: self.log.clone(), pipe: self.pipe.take() }
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

    /// Waits for the end of a process that is not a child, whose status is unknown.
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

/// The log line before the id of the process that serves now.
const HANDED_OVER: &str = " info handed_over: to process ";

/// Whether a process runs. One that has ended and waits for its parent to notice does not.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// A process that another one has started.
pub(crate) fn child_of(parent: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children = pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let rest = stat.rsplit(')').next().unwrap_or_default();
        rest.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    });
    children.next()
}

/// What systemd says of the journal's end of a stream: its device and inode.
fn journal_stream(writer: &PipeWriter) -> String {
    let file = fstat(writer).expect("a pipe");
    format!("{}:{}", file.st_dev, file.st_ino)
}

/// A file on a disk without room.
pub(crate) fn full() -> File {
    File::options().write(true).open("/dev/full").expect("/dev/full")
}

/// A full pipe. The caller must keep both ends.
pub(crate) fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    fill(&writer);
    (reader, writer)
}

fn fill(mut writer: &PipeWriter) {
    let flags = fcntl_getfl(writer).expect("a pipe");
    fcntl_setfl(writer, flags | OFlags::NONBLOCK).expect("a pipe");
    // Single bytes at the end, because a pipe with little room takes no longer piece.
    for piece in [[b'.'; 4_096].as_slice(), b"."] {
        while writer.write(piece).is_ok() {}
    }
    fcntl_setfl(writer, flags).expect("a pipe");
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

/// Runs `yanma` to its end with outputs of the caller's.
pub(crate) async fn run_into(
    directory: &Path,
    arguments: &[&str],
    stdout: impl Into<Stdio>,
    stderr: impl Into<Stdio>,
) -> ExitStatus {
    let mut command = yanma(directory);
    let command = command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let mut child = command.spawn().expect("yanma starts");
    soon("the end of yanma", child.wait()).await.expect("a child of ours")
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
    // The developer's own environment must not change the test.
    command.current_dir(directory).env_remove("YANMA_VERIFY").env_remove("JOURNAL_STREAM");
    command.kill_on_drop(true);
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
