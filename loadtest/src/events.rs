//! What a scenario does to the gateways while they work, and the measuring at both ends.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use keyring::key::KeyState;
use tokio::sync::watch;

use crate::clock::{self, NS_PER_MS};
use crate::crew::Times;
use crate::node::{Node, NodeError};
use crate::outage::Outages;
use crate::pacer::Timer;
use crate::procfs;
use crate::scenario::{Event, Happening};
use crate::shelf::Shelf;
use crate::site::{Site, SiteError};

/// Why a scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// A gateway did not do what it should.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The keyring could not be changed.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// There is no timer.
    #[error("no timer: {0}")]
    Timer(#[from] io::Error),
}

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// When, on the monotonic clock.
    pub at_ns: u64,
    /// What, in a few words.
    pub what: String,
}

/// What was seen at the ends of the measured part.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Resident memory of each node when it began.
    pub resident_start: Vec<u64>,
    /// The same when it ended.
    pub resident_end: Vec<u64>,
    /// What each node cost.
    pub node_cpu_ns: Vec<u64>,
    /// What the tool cost.
    pub own_cpu_ns: u64,
    /// What its busiest thread cost, and how long the one waited that waited most for a core.
    pub most: procfs::Use,
    /// How long it took.
    pub wall_ns: u64,
    /// What was done.
    pub events: Vec<Done>,
}

/// Plays the events of one run.
pub struct Stage<'a> {
    /// The directory of keys.
    pub site: &'a Site,
    /// The gateways.
    pub nodes: &'a mut [Node],
    /// What the load threads sign with.
    pub shelf: &'a watch::Sender<Arc<Shelf>>,
    /// What load threads may excuse.
    pub outages: &'a Outages,
}

impl Stage<'_> {
    /// Plays the events of a run and measures between warm-up and end.
    ///
    /// # Errors
    /// [`EventError`] if something could not be done.
    pub async fn play(&mut self, events: &[Event], times: Times) -> Result<Measured, EventError> {
        let timer = Timer::new()?;
        let mut measured = Measured::default();
        wait(&timer, times.measured_ns).await?;
        let own_before = procfs::threads(std::process::id());
        let begin_ns = clock::now_ns();
        self.nodes.iter_mut().for_each(Node::measure_from_here);
        measured.resident_start = self.resident();
        for Event { at_ms, what } in events {
            wait(&timer, times.measured_ns + at_ms * NS_PER_MS).await?;
            self.happen(*what, &mut measured.events).await?;
        }
        wait(&timer, times.end_ns).await?;
        measured.wall_ns = clock::now_ns().saturating_sub(begin_ns).max(1);
        measured.node_cpu_ns = self.nodes.iter().map(Node::cpu_ns).collect();
        measured.resident_end = self.resident();
        measured.count_own(&own_before);
        Ok(measured)
    }

    async fn happen(&mut self, what: Happening, done: &mut Vec<Done>) -> Result<(), EventError> {
        match what {
            Happening::Kill => {
                self.outages.begin();
                for (number, node) in (1..).zip(self.nodes.iter_mut()) {
                    done.push(Done::now(format!("gateway {number} is killed")));
                    node.kill().await?;
                }
                self.come_back(done).await?;
            }
            Happening::Restart => {
                self.outages.begin();
                for (number, node) in (1..).zip(self.nodes.iter_mut()) {
                    done.push(Done::now(format!("gateway {number} is told to drain and end")));
                    node.restart().await?;
                }
                self.come_back(done).await?;
            }
            Happening::Reload => {
                self.reload().await?;
                done.push(Done::now("keyring and configuration read again".to_owned()));
            }
            Happening::Rotate => self.rotate(done).await?,
        }
        Ok(())
    }

    /// Waits until all gateways answer again: from then on nothing is excused any more.
    async fn come_back(&mut self, done: &mut Vec<Done>) -> Result<(), EventError> {
        let mut fence_s = 0;
        for (number, node) in (1..).zip(self.nodes.iter_mut()) {
            node.ready().await?;
            done.push(Done::now(format!("gateway {number} answers again")));
            fence_s = fence_s.max(node.fence_s().await?);
        }
        self.outages.end(clock::now_ns(), fence_s);
        Ok(())
    }

    /// The three steps in the life of a key, each in force before the next begins: gateways know a
    /// new key before codes are made with it, and no code is made with one that leaves.
    async fn rotate(&mut self, done: &mut Vec<Done>) -> Result<(), EventError> {
        let new = self.site.add_key()?;
        self.reload().await?;
        let shelf = self.publish()?;
        done.push(Done::now(format!("key {new} is active")));
        let retired = shelf.oldest(KeyState::Retiring).cloned();
        if let Some(oldest) = shelf.oldest(KeyState::Active).filter(|oldest| oldest.id != new) {
            self.site.set_state(oldest.id.get(), KeyState::Retiring)?;
            self.publish()?;
            self.reload().await?;
            done.push(Done::now(format!("key {} retires", oldest.id)));
        }
        if let Some(retired) = retired {
            // From here on its codes may be refused, and once it is published they must be.
            retired.leaving.set();
            self.site.set_state(retired.id.get(), KeyState::Revoked)?;
            self.reload().await?;
            self.publish()?;
            done.push(Done::now(format!("key {} is revoked", retired.id)));
        }
        Ok(())
    }

    async fn reload(&mut self) -> Result<(), EventError> {
        for node in self.nodes.iter() {
            node.reload().await?;
        }
        Ok(())
    }

    /// Shows the load threads the keyring as it is now.
    fn publish(&self) -> Result<Arc<Shelf>, EventError> {
        let next = Arc::new(self.shelf.borrow().read_again(self.site)?);
        self.shelf.send_replace(Arc::clone(&next));
        Ok(next)
    }

    fn resident(&self) -> Vec<u64> {
        self.nodes.iter().map(Node::resident_bytes).collect()
    }
}

impl Measured {
    fn count_own(&mut self, before: &BTreeMap<u32, procfs::Use>) {
        let after = procfs::threads(std::process::id());
        let sum = |threads: &BTreeMap<u32, procfs::Use>| -> u64 {
            threads.values().map(|thread| thread.ran_ns).sum()
        };
        self.own_cpu_ns = sum(&after).saturating_sub(sum(before));
        self.most = procfs::most(before, &after);
    }
}

impl Done {
    fn now(what: String) -> Self {
        Self { at_ns: clock::now_ns(), what }
    }
}

async fn wait(timer: &Timer, at_ns: u64) -> io::Result<()> {
    if at_ns > clock::now_ns() { timer.wait_until(at_ns).await } else { Ok(()) }
}
