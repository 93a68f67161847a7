//! A machine of its own for the unit: Debian's systemd as process 1 of a PID namespace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{config, said};
use crate::harness::process::binary;
use crate::harness::project::root;
use crate::harness::{eventually, soon};

/// What units of the system name, and this machine does without.
const TARGETS: &[&str] =
    &["sysinit", "basic", "shutdown", "network-online", "time-sync", "multi-user", "machine"];

/// A systemd that runs, killed when dropped.
pub(super) struct Machine {
    /// The process 1, by its number outside.
    init: u32,
    cgroup: PathBuf,
    child: Child,
    _folder: TempDir,
}

impl Machine {
    /// `folder` holds `etc` and `usr` as the package and the operator leave them. Absent where this
    /// user may have no such namespace; the reason is printed.
    pub(super) async fn start(folder: TempDir) -> Option<Self> {
        let cgroup = own_cgroup()?;
        write_units(folder.path());
        let script = root().join("tests/it/operator/deploy/machine.sh");
        let log = fs::File::create(folder.path().join("machine.log")).expect("a log");
        // The shell enters the group of processes before the namespace makes that its root.
        let enter = "echo $$ > \"$0/cgroup.procs\" && exec unshare --pid --mount --uts --ipc --cgroup \
                     --fork --kill-child --mount-proc sh \"$@\"";
        let mut child = Command::new("sh")
            .args(["-c", enter])
            .args([cgroup.as_path(), script.as_path(), folder.path(), binary()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("sh");
        let pid = child.id().expect("it runs");
        let machine = eventually("a machine", async || {
            if child.try_wait().expect("a child of ours").is_some() {
                return Some(None);
            }
            let init = init_of(pid)?;
            systemctl(init, &["is-active", "machine.target"])
                .await
                .status
                .success()
                .then_some(Some(init))
        })
        .await;
        let Some(init) = machine else {
            let why = fs::read_to_string(folder.path().join("machine.log")).unwrap_or_default();
            eprintln!("NO SYSTEMD HERE, the unit is not started: {why}");
            remove(&cgroup);
            return None;
        };
        Some(Self { init, cgroup, child, _folder: folder })
    }

    /// Runs `systemctl` there.
    pub(super) async fn systemctl(&self, arguments: &[&str]) -> Output {
        systemctl(self.init, arguments).await
    }

    /// The same, which must succeed.
    pub(super) async fn order(&self, arguments: &[&str]) {
        let output = self.systemctl(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}\n{}", said(&output), self.log());
    }

    /// A property of the unit.
    pub(super) async fn property(&self, name: &str) -> String {
        let output = self.systemctl(&["show", "--value", "--property", name, "yanma"]).await;
        said(&output).trim().to_owned()
    }

    /// Waits until a property has a value.
    pub(super) async fn becomes(&self, name: &str, value: &str) {
        let is_so = async || (self.property(name).await == value).then_some(());
        eventually(&format!("{name}={value}"), is_so).await;
    }

    /// A file there.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.init))
    }

    /// What the unit's processes have written.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.path("/run/yanma.log")).unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the unit said ----\n{}--------------------", self.log());
        }
        let init = i32::try_from(self.init).ok().and_then(Pid::from_raw);
        // The kernel ends all that runs there with its process 1, and `unshare` ends after that.
        let _ = kill_process(init.expect("not 0"), Signal::KILL);
        let unshare = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if unshare.is_some() {
            let _ = waitpid(unshare, WaitOptions::empty());
        }
        remove(&self.cgroup);
    }
}

async fn systemctl(init: u32, arguments: &[&str]) -> Output {
    let mut command = Command::new("nsenter");
    command.args(["--target", &init.to_string(), "--mount", "--pid", "--cgroup", "systemctl"]);
    let output = command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    soon("systemctl", output).await.expect("nsenter of util-linux")
}

/// A new group of processes below this test's own.
fn own_cgroup() -> Option<PathBuf> {
    let all = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let below = |prefix: &str, mount: &str| {
        let path = all.lines().find_map(|line| line.split_once(':')?.1.strip_prefix(prefix))?;
        let mount = Path::new(mount);
        mount.join("cgroup.procs").exists().then(|| mount.join(path.trim_start_matches('/')))
    };
    let named = below("name=systemd:", "/sys/fs/cgroup/systemd");
    let Some(own) = named.or_else(|| below(":", "/sys/fs/cgroup")) else {
        eprintln!("NO SYSTEMD HERE, the unit is not started: no group of processes for it");
        return None;
    };
    let made = own.join(format!("yanma-test-{}", std::process::id()));
    match fs::create_dir_all(&made) {
        Ok(()) => Some(made),
        Err(error) => {
            eprintln!("NO SYSTEMD HERE, the unit is not started: {}: {error}", made.display());
            None
        }
    }
}

/// Removes a group and those below it, as soon as their processes have ended.
fn remove(cgroup: &Path) {
    let inside = fs::read_dir(cgroup).into_iter().flatten().flatten();
    for entry in inside.filter(|entry| entry.path().is_dir()) {
        remove(&entry.path());
    }
    for _ in 0..1_000 {
        match fs::remove_dir(cgroup) {
            Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => {
                std::thread::yield_now();
            }
            _ => return,
        }
    }
}

/// The child of `unshare`, once it is systemd.
fn init_of(unshare: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).ok()?;
    let init: u32 = children.split_whitespace().next()?.parse().ok()?;
    let name = fs::read_to_string(format!("/proc/{init}/comm")).ok()?;
    (name.trim_end() == "systemd").then_some(init)
}

/// The unit as it lies in `config`, and empty targets. Beside it stands where its output goes, because
/// there is no journal.
fn write_units(folder: &Path) {
    let units = folder.join("units");
    fs::create_dir(&units).expect("a directory");
    for name in TARGETS {
        let text = "[Unit]\nDefaultDependencies=no\n";
        fs::write(units.join(format!("{name}.target")), text).expect("a target");
    }
    let unit = fs::read_to_string(config("yanma.service")).expect("the unit");
    let output = "StandardOutput=append:/run/yanma.log\nStandardError=append:/run/yanma.log\n";
    let unit = unit.replacen("[Service]\n", &format!("[Service]\n{output}"), 1);
    fs::write(units.join("yanma.service"), unit).expect("the unit");
}
