//! Programs that are started, waited for, and asked what CPU time they took.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use loadtest::procfs;

/// A program with its children, killed when dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`, what it says going to `log`, and waits until `port` takes connections.
    ///
    /// # Errors
    /// It does not start, ends, or does not listen within a minute.
    pub fn start(command: &mut Command, log: &Path, port: u16) -> io::Result<Self> {
        let said = File::create(log)?;
        let child =
            command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn().map_err(
                |error| io::Error::other(format!("{:?}: {error}", command.get_program())),
            )?;
        let mut process = Self { child };
        process.wait_for(port).map_err(|error| {
            let said = fs::read_to_string(log).unwrap_or_default();
            io::Error::other(format!("{:?}: {error}\n{said}", command.get_program()))
        })?;
        Ok(process)
    }

    #[expect(clippy::disallowed_methods, reason = "no peer tells when it listens")]
    fn wait_for(&mut self, port: u16) -> io::Result<()> {
        for _ in 0..1000 {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("ended: {status}")));
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other(format!("port {port} is not open after a minute")))
    }

    /// Waits until a gateway is ready, and until it takes codes that are issued now.
    ///
    /// Ready means that keys and tables are; and codes of the second in which a gateway started
    /// are refused for ever, because it cannot know whether they were spent before.
    ///
    /// # Errors
    /// It is not ready after a minute.
    #[expect(clippy::disallowed_methods, reason = "it is the wall clock that must pass a second")]
    pub fn wait_until_it_redeems(&self, admin_port: u16) -> io::Result<()> {
        for _ in 0..1000 {
            if is_ready(admin_port).unwrap_or(false) {
                std::thread::sleep(Duration::from_millis(3_000));
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("the gateway is not ready after a minute"))
    }

    /// Waits until registers that are new judge codes which are issued now.
    #[expect(clippy::disallowed_methods, reason = "it is the wall clock that must pass 15 s")]
    pub fn wait_until_registers_judge(&self) {
        std::thread::sleep(Duration::from_secs(17));
    }

    /// Nanoseconds that the program's threads and those of its children have run, as the
    /// scheduler counts them.
    ///
    /// # Errors
    /// It has ended, or this system does not count.
    pub fn cpu_ns(&self) -> io::Result<u64> {
        Ok(family(self.child.id())?.into_iter().map(procfs::cpu_ns).sum())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // nginx's master takes its workers along only if it is asked, and asked it ends.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(&pid).status();
        let _ = self.child.wait();
    }
}

fn is_ready(admin_port: u16) -> io::Result<bool> {
    let mut admin = TcpStream::connect(("127.0.0.1", admin_port))?;
    admin.write_all(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    admin.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

/// A process and its children.
fn family(pid: u32) -> io::Result<Vec<u32>> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let children = children.split_whitespace().filter_map(|text| text.parse().ok());
    Ok(std::iter::once(pid).chain(children).collect())
}
