//! Plays the events of a scenario: what happens to gateways and registers while they work.

use std::io;
use std::sync::Arc;

use keyring::key::KeyState;
use tokio::sync::watch;

use crate::clock::timer::Timer;
use crate::clock::{self, NS_PER_MS};
use crate::faults::measured::{Done, Measured};
use crate::faults::node::Node;
use crate::faults::node::error::NodeError;
use crate::faults::register::RegisterError;
use crate::faults::registers::Registers;
use crate::judge::outage::Outages;
use crate::scenario::event::{Event, Happening, ToGateway};
use crate::scenario::times::Times;
use crate::site::Site;
use crate::site::active_keys::ActiveKeys;
use crate::site::error::SiteError;

/// Why a scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A gateway failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A register failed.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The keyring could not be changed.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// There is no timer.
    #[error("no timer: {0}")]
    Timer(#[from] io::Error),
}

/// Plays the events of one run.
pub struct FaultInjector<'a> {
    /// The directory of keys.
    pub site: &'a Site,
    /// The gateways.
    pub nodes: &'a mut [Node],
    /// The registers, if gateways ask any.
    pub registers: Option<&'a mut Registers>,
    /// What the load threads sign with.
    pub active_keys: &'a watch::Sender<Arc<ActiveKeys>>,
    /// Where faults are noted for the load threads.
    pub outages: &'a Outages,
}

impl FaultInjector<'_> {
    /// Plays the events of a run and measures between warm-up and end.
    ///
    /// # Errors
    /// [`EventError`] if something could not be done.
    pub async fn play(&mut self, events: &[Event], times: Times) -> Result<Measured, EventError> {
        let timer = Timer::new()?;
        wait(&timer, times.measured_ns).await?;
        let mut measured = Measured::begin(self.nodes);
        for Event { at_ms, what } in events {
            wait(&timer, times.measured_ns + at_ms * NS_PER_MS).await?;
            self.inject(*what, &mut measured.events).await?;
        }
        wait(&timer, times.end_ns).await?;
        measured.end(self.nodes);
        Ok(measured)
    }

    async fn inject(&mut self, what: Happening, done: &mut Vec<Done>) -> Result<(), EventError> {
        let mut tell = |what: String| {
            self.outages.note_event();
            done.push(Done { at_ns: clock::now_ns(), what });
        };
        match what {
            Happening::Register { register, node, what } => {
                let Some(registers) = self.registers.as_mut() else { return Ok(()) };
                Ok(registers.inject(register, node, what, self.outages, &mut tell).await?)
            }
            Happening::Gateway { what: ToGateway::Rotate, .. } => self.rotate(&mut tell).await,
            Happening::Gateway { node, what } => {
                let chosen = |number: &usize| node.is_none_or(|node| node == *number);
                let chosen: Vec<usize> = (0..self.nodes.len()).filter(chosen).collect();
                for number in &chosen {
                    self.begin(*number, what, &mut tell).await?;
                }
                if matches!(what, ToGateway::Kill | ToGateway::Restart | ToGateway::RollBack) {
                    for number in chosen {
                        self.come_back(number, &mut tell).await?;
                    }
                }
                Ok(())
            }
        }
    }

    async fn begin(
        &mut self,
        number: usize,
        what: ToGateway,
        tell: &mut impl FnMut(String),
    ) -> Result<(), EventError> {
        let Some(node) = self.nodes.get_mut(number) else { return Ok(()) };
        let outages = self.outages;
        let name = format!("gateway {}", number + 1);
        match what {
            ToGateway::Kill => {
                outages.begin(number);
                tell(format!("{name} is killed"));
                node.kill().await?;
            }
            ToGateway::Restart => {
                outages.begin(number);
                tell(format!("{name} is told to drain and end"));
                node.restart().await?;
            }
            ToGateway::RollBack => {
                outages.begin(number);
                tell(format!("{name} is killed, and its data directory put back"));
                node.roll_back().await?;
            }
            ToGateway::Upgrade => {
                tell(format!("{name} is told to hand over"));
                let old = node.upgrade().await?;
                tell(format!("{name} is a new process"));
                node.wait_until_gone(old).await?;
                tell(format!("{name}'s old process has left"));
                node.wait_until_ready().await?;
                let (fence_s, memory) = (node.fence_s().await?, node.take_memory());
                outages.hand_over(number, fence_s, memory);
            }
            ToGateway::Pause => {
                outages.pause(number);
                tell(format!("{name} is stopped"));
                node.pause().await?;
            }
            ToGateway::Resume => {
                let is_long = outages.resume(number);
                tell(format!("{name} goes on"));
                node.resume()?;
                let known_s = is_long.then(|| outages.fence_s(number));
                let fence_s = node.fence_after_resume(known_s).await?;
                outages.end_waking(number, fence_s);
                tell(format!("{name} has looked at its table"));
            }
            ToGateway::Clock { step_ms } => {
                let is_too_much = outages.step_clock(number, step_ms);
                tell(format!("{name}'s wall clock is {step_ms} ms off"));
                node.step_clock(step_ms).await?;
                if is_too_much && !node.becomes_unready().await {
                    outages.report_broken(format!(
                        "{name} calls itself ready though its clock was stepped to {step_ms} ms off"
                    ));
                }
            }
            ToGateway::Copy => {
                node.copy_data()?;
                tell(format!("{name}'s data directory is copied"));
            }
            ToGateway::Swap => {
                outages.lead_astray(number);
                node.swap_data().await?;
                tell(format!("{name}'s data directory is another one"));
            }
            ToGateway::Delete => {
                outages.lead_astray(number);
                node.delete_data()?;
                tell(format!("{name}'s data directory is gone"));
            }
            ToGateway::Reload => {
                node.reload().await?;
                tell(format!("{name} has read keyring and configuration again"));
            }
            ToGateway::Rotate => {}
        }
        Ok(())
    }

    /// Waits until a gateway answers again. From then on nothing is excused any more.
    async fn come_back(
        &mut self,
        number: usize,
        tell: &mut impl FnMut(String),
    ) -> Result<(), EventError> {
        let Some(node) = self.nodes.get_mut(number) else { return Ok(()) };
        node.wait_until_ready().await?;
        let (fence_s, memory) = (node.fence_s().await?, node.take_memory());
        self.outages.end(number, fence_s, memory);
        tell(format!("gateway {} answers again", number + 1));
        Ok(())
    }

    /// A new key, one that retires, one that is revoked. Each step is in force before the next
    /// begins. Gateways know a new key before codes are made with it. No code is made with a key
    /// that is about to retire.
    async fn rotate(&mut self, tell: &mut impl FnMut(String)) -> Result<(), EventError> {
        let new = self.site.add_key()?;
        self.reload().await?;
        let active_keys = self.publish()?;
        tell(format!("key {new} is active"));
        let retired = active_keys.oldest(KeyState::Retiring).cloned();
        if let Some(oldest) = active_keys.oldest(KeyState::Active).filter(|oldest| oldest.id != new)
        {
            self.site.set_state(oldest.id.get(), KeyState::Retiring)?;
            self.publish()?;
            self.reload().await?;
            tell(format!("key {} retires", oldest.id));
        }
        if let Some(retired) = retired {
            // From here on its codes may be refused. Once the change is published they must be.
            retired.leaving.set();
            self.site.set_state(retired.id.get(), KeyState::Revoked)?;
            self.reload().await?;
            self.publish()?;
            tell(format!("key {} is revoked", retired.id));
        }
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), EventError> {
        for node in self.nodes.iter() {
            node.reload().await?;
        }
        Ok(())
    }

    /// Gives the load threads the keyring as it is now.
    fn publish(&self) -> Result<Arc<ActiveKeys>, EventError> {
        let next = Arc::new(self.active_keys.borrow().read_again(self.site)?);
        self.active_keys.send_replace(Arc::clone(&next));
        Ok(next)
    }
}

async fn wait(timer: &Timer, at_ns: u64) -> io::Result<()> {
    if at_ns > clock::now_ns() { timer.wait_until(at_ns).await } else { Ok(()) }
}
