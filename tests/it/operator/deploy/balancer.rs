//! HAProxy and nginx as Debian has them, with the files of `config/deploy`. Only addresses, ports and
//! paths are put in their place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{Join, join};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{config, run_tool, said};
use crate::harness::process::address;
use crate::harness::project::read;
use crate::harness::{Client, World, eventually};

/// From where clients connect, so that their address is no one else's.
pub(super) const CLIENT: &str = "127.66.6.6";

#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(super) enum Kind {
    HaProxy,
    Nginx,
}

/// A balancer that runs, killed when dropped.
pub(super) struct Balancer {
    kind: Kind,
    address: String,
    text: String,
    directory: TempDir,
    child: Child,
}

/// A client behind TLS.
pub(super) struct TlsClient {
    pub(super) client: Client<Join<ChildStdout, ChildStdin>>,
    _tunnel: Child,
}

impl Kind {
    fn file(self) -> PathBuf {
        match self {
            Self::HaProxy => config("deploy/haproxy.cfg"),
            Self::Nginx => config("deploy/nginx.conf"),
        }
    }

    fn command(self, file: &Path) -> Command {
        match self {
            Self::HaProxy => {
                let mut command = Command::new("haproxy");
                command.arg("-db").arg("-f").arg(file);
                command
            }
            Self::Nginx => {
                let mut command = Command::new("nginx");
                command.args(["-e", "stderr", "-g", "daemon off;", "-c"]).arg(file);
                command
            }
        }
    }
}

impl Balancer {
    /// In front of these two gateways.
    pub(super) async fn start(kind: Kind, gateways: [&World; 2]) -> Self {
        Self::start_changed(kind, gateways, &[]).await
    }

    /// The same with changes to the file: each text must be there.
    pub(super) async fn start_changed(
        kind: Kind,
        gateways: [&World; 2],
        changes: &[(&str, &str)],
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let here = directory.path().to_str().expect("plain letters").to_owned();
        let address = address();
        let mut text = read(&kind.file());
        let mut replace = |from: &str, to: &str| {
            assert!(text.contains(from), "{from:?} is not in {}", kind.file().display());
            text = text.replace(from, to);
        };
        for (from, to) in changes {
            replace(from, to);
        }
        replace("0.0.0.0:443", &address);
        for (documented, gateway) in ["192.0.2.11:7460", "192.0.2.12:7460"].iter().zip(gateways) {
            let admin_port = gateway.admin.rsplit_once(':').expect("a port").1;
            if kind == Kind::HaProxy {
                let check = format!("{} check port {admin_port}", gateway.address);
                replace(&format!("{documented} check port 7461"), &check);
            } else {
                replace(documented, &gateway.address);
            }
        }
        match kind {
            Kind::HaProxy => replace("/etc/haproxy/", &format!("{here}/")),
            Kind::Nginx => {
                for folder in ["/etc/nginx/", "/run/", "/var/log/nginx/"] {
                    replace(folder, &format!("{here}/"));
                }
            }
        }
        make_certificate(directory.path()).await;
        let file = directory.path().join("balancer.conf");
        fs::write(&file, &text).expect("a file");
        let log = fs::File::create(directory.path().join("log")).expect("a log");
        let child = kind
            .command(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{kind:?}: {error}; tests/run installs it"));
        let mut balancer = Self { kind, address, text, directory, child };
        balancer.listens().await;
        balancer
    }

    async fn listens(&mut self) {
        eventually("a balancer that listens", async || {
            let ended = self.child.try_wait().expect("a child of ours");
            assert!(ended.is_none(), "{:?} ended: {}", self.kind, self.log());
            TcpStream::connect(&self.address).await.ok().map(drop)
        })
        .await;
    }

    /// A new connection through TLS.
    pub(super) fn client(&self) -> TlsClient {
        let mut tunnel = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_quiet", "-connect", &self.address])
            .args(["-bind", &format!("{CLIENT}:0")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("openssl; tests/run installs it");
        let (input, output) = (tunnel.stdin.take(), tunnel.stdout.take());
        let stream = join(output.expect("a pipe"), input.expect("a pipe"));
        TlsClient { client: Client::over(stream), _tunnel: tunnel }
    }

    /// Changes nginx's file and lets it read it again, as its first lines say.
    pub(super) async fn reload_changed(&mut self, from: &str, to: &str) {
        assert!(self.text.contains(from), "{from:?} is not there");
        self.text = self.text.replace(from, to);
        fs::write(self.directory.path().join("balancer.conf"), &self.text).expect("a file");
        let old = workers(self.pid());
        kill_process(self.pid(), Signal::HUP).expect("a signal to our own child");
        eventually("new workers", async || {
            let new = workers(self.pid());
            (!new.is_empty() && new.iter().any(|one| !old.contains(one))).then_some(())
        })
        .await;
    }

    fn pid(&self) -> Pid {
        let pid = self.child.id().expect("it runs");
        Pid::from_raw(pid.try_into().expect("a process id")).expect("not 0")
    }

    /// What it has written: HAProxy's line for each request, nginx's errors.
    pub(super) fn log(&self) -> String {
        let name = |name: &str| fs::read_to_string(self.directory.path().join(name));
        name("log").unwrap_or_default() + &name("yanma.log").unwrap_or_default()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {:?} said ----\n{}--------------------", self.kind, self.log());
        }
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        // SIGTERM ends nginx's workers with their master; SIGKILL would leave them.
        let _may_have_ended = kill_process(self.pid(), Signal::TERM);
        while !workers(self.pid()).is_empty() {
            std::thread::yield_now();
        }
    }
}

fn workers(master: Pid) -> Vec<String> {
    let pid = master.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// One file with key and certificate for HAProxy, two for nginx.
async fn make_certificate(folder: &Path) {
    let (key, certificate) = (folder.join("yanma.key"), folder.join("yanma.pem"));
    let word = |path: &Path| path.to_str().expect("plain letters").to_owned();
    let made = run_tool(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=yanma.test",
            "-days",
            "2",
            "-keyout",
            &word(&key),
            "-out",
            &word(&certificate),
        ],
    )
    .await;
    assert!(made.status.success(), "{}", said(&made));
    let both = read(&certificate) + &read(&key);
    fs::write(certificate, both).expect("a file");
}
