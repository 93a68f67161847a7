//! The registers of a run, the proxies before them, and the faults in both.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::faults::register::{Register, RegisterError};
use crate::faults::register_proxy::{LinkState, ProxyEnds, RegisterProxies};
use crate::judge::outage::{Change, Outages};
use crate::scenario::event::ToRegister;

/// The registers of a run and the proxies before them.
pub struct Registers {
    servers: Vec<Register>,
    proxies: RegisterProxies,
}

/// Why registers could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RegistersError {
    /// A register failed.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The proxies cannot listen.
    #[error("the ways to the registers: {0}")]
    Proxies(#[from] io::Error),
}

impl Registers {
    /// Starts registers, and proxies for gateways that are started with these configuration files.
    /// Logs go to `dir`.
    ///
    /// # Errors
    /// [`RegistersError`].
    pub async fn start(
        ends: Vec<ProxyEnds>,
        nodes: Vec<PathBuf>,
        dir: &Path,
    ) -> Result<Self, RegistersError> {
        let mut servers = Vec::new();
        for end in &ends {
            servers.push(Register::start(end.register, dir).await?);
        }
        Ok(Self { servers, proxies: RegisterProxies::start(ends, nodes)? })
    }

    /// Waits until gateways have written the layout into all of them.
    ///
    /// # Errors
    /// [`RegisterError`] if they do not.
    pub async fn wait_until_told(&self) -> Result<(), RegisterError> {
        for server in &self.servers {
            server.wait_until_told().await?;
        }
        Ok(())
    }

    pub(super) async fn inject(
        &mut self,
        number: usize,
        node: Option<usize>,
        what: ToRegister,
        outages: &Outages,
        tell: &mut impl FnMut(String),
    ) -> Result<(), RegisterError> {
        let Some(server) = self.servers.get_mut(number) else { return Ok(()) };
        let change = |change| outages.note_register(number, node, change);
        let name = format!("register {}", number + 1);
        let seen_by = node.map_or(String::new(), |node| format!(" for gateway {}", node + 1));
        match what {
            ToRegister::Kill => {
                change(Change::Failing);
                tell(format!("{name} is killed"));
                server.kill();
                change(Change::Failed);
            }
            ToRegister::Restart => {
                change(Change::Failing);
                tell(format!("{name} is started again, empty"));
                server.kill();
                change(Change::Forgetting);
                change(Change::Returning);
                server.restart().await?;
                server.wait_until_told().await?;
                change(Change::BornAgain);
                tell(format!("{name} knows again what it is"));
            }
            ToRegister::Save => {
                tell(format!("{name} saves what it remembers"));
                server.save().await?;
            }
            // It counts as a loss of memory whatever it reads, because another process has
            // remembered.
            ToRegister::Recall => {
                change(Change::Failing);
                tell(format!("{name} is started again with what it saved"));
                server.kill();
                change(Change::Forgetting);
                change(Change::Returning);
                server.recall().await?;
                server.wait_until_told().await?;
                change(Change::BornAgain);
                tell(format!("{name} knows again what it is"));
            }
            ToRegister::Pause => {
                change(Change::Failing);
                tell(format!("{name} is stopped"));
                server.pause().await?;
                change(Change::Failed);
            }
            ToRegister::Resume => {
                change(Change::Returning);
                server.resume()?;
                change(Change::Returned);
                tell(format!("{name} goes on"));
            }
            ToRegister::Flush => {
                change(Change::Failing);
                tell(format!("{name} is emptied"));
                server.flush().await?;
                change(Change::Forgetting);
                server.wait_until_told().await?;
                change(Change::BornAgain);
                tell(format!("{name} knows again what it is"));
            }
            ToRegister::Cut => {
                change(Change::Failing);
                tell(format!("{name} is cut off{seen_by}"));
                self.proxies.set(number, node, LinkState::Cut).await;
                change(Change::Failed);
            }
            ToRegister::Blackhole => {
                change(Change::Failing);
                tell(format!("{name} says and hears nothing{seen_by}"));
                self.proxies.set(number, node, LinkState::Held).await;
                change(Change::Failed);
            }
            ToRegister::Delay { ms, may_be_late } => {
                if may_be_late {
                    change(Change::Failing);
                }
                tell(format!("{name} is {ms} ms away{seen_by}"));
                self.proxies.set(number, node, LinkState::Late(Duration::from_millis(ms))).await;
            }
            ToRegister::Mend => {
                change(Change::Returning);
                self.proxies.set(number, node, LinkState::Open).await;
                change(Change::Returned);
                tell(format!("{name} can be reached{seen_by}"));
            }
        }
        Ok(())
    }
}
