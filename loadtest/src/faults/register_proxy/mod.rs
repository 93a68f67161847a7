//! The links from gateways to registers: a proxy in front of each register. It lets bytes through,
//! or it cuts, holds or delays them for one gateway or for all.
//!
//! All gateways have the same address for a register, as the design demands. The kernel knows which
//! gateway's process holds the other end of a connection.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot, watch};

use crate::net::address::Address;
use crate::net::stream::{Listener, Stream};
use crate::procfs;

/// Bytes of one read.
const PIECE: usize = 16 * 1_024;
/// Requests of [`RegisterProxies::set`] that may wait for the proxies' thread.
const ASKED_MAX: usize = 16;

/// What happens to the bytes of a link.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum LinkState {
    /// They pass.
    #[default]
    Open,
    /// Open connections are reset, and new ones too.
    Cut,
    /// They are held, and pass when the link is open again, as after TCP's retransmission.
    Held,
    /// They pass after this time.
    Late(Duration),
}

/// A register's address for gateways, and its own.
#[derive(Copy, Clone, Debug)]
pub struct ProxyEnds {
    /// Where gateways connect.
    pub listen: SocketAddr,
    /// Where the register is.
    pub register: SocketAddr,
}

/// Proxies that run until this is dropped.
pub struct RegisterProxies {
    link_states: Arc<LinkStates>,
    ask: mpsc::Sender<oneshot::Sender<()>>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

struct LinkStates {
    /// The gateways' configuration files. A gateway's process is found by this argument.
    nodes: Vec<PathBuf>,
    /// For each register, the state for each node.
    states: Vec<Vec<watch::Sender<LinkState>>>,
}

impl RegisterProxies {
    /// Listens for the gateways that were started with these configuration files.
    ///
    /// # Errors
    /// The system's error if it cannot listen.
    pub fn start(ends: Vec<ProxyEnds>, nodes: Vec<PathBuf>) -> io::Result<Self> {
        let of_a_register = || nodes.iter().map(|_| watch::Sender::default()).collect();
        let states = ends.iter().map(|_| of_a_register()).collect();
        let link_states = Arc::new(LinkStates { nodes, states });
        let (ask, mut asked) = mpsc::channel::<oneshot::Sender<()>>(ASKED_MAX);
        let (stop, mut stopped) = watch::channel(false);
        let (started, starting) = std::sync::mpsc::sync_channel(1);
        let shared = Arc::clone(&link_states);
        let thread = std::thread::Builder::new().name("links".to_owned()).spawn(move || {
            let runtime =
                Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async move {
                let mut listeners = Vec::new();
                for end in &ends {
                    match Listener::bind(&Address::Tcp(end.listen)).await {
                        Ok(listener) => listeners.push(listener),
                        Err(error) => return drop(started.send(Err(error))),
                    }
                }
                for (number, (listener, end)) in listeners.into_iter().zip(ends).enumerate() {
                    tokio::task::spawn_local(accept(listener, end, number, Arc::clone(&shared)));
                }
                let _ = started.send(Ok(()));
                loop {
                    tokio::select! {
                        question = asked.recv() => match question {
                            // This thread runs all proxies, so none of them is in the middle of a
                            // step now.
                            Some(question) => drop(question.send(())),
                            None => return,
                        },
                        _ = stopped.changed() => return,
                    }
                }
            });
        })?;
        starting.recv().map_err(io::Error::other)??;
        Ok(Self { link_states, ask, stop, thread: Some(thread) })
    }

    /// Changes the link to a register for one node or all, and waits until the change is in force.
    pub async fn set(&self, register: usize, node: Option<usize>, link: LinkState) {
        let states = self.link_states.states.get(register).into_iter().flatten().enumerate();
        for (_, state) in states.filter(|(number, _)| node.is_none_or(|node| node == *number)) {
            state.send_replace(link);
        }
        let (question, answer) = oneshot::channel();
        if self.ask.send(question).await.is_ok() {
            let _ = answer.await;
        }
    }
}

impl Drop for RegisterProxies {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed where it happened.
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: Listener,
    ends: ProxyEnds,
    register: usize,
    link_states: Arc<LinkStates>,
) {
    loop {
        let Ok(client) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let link_states = Arc::clone(&link_states);
        tokio::task::spawn_local(async move {
            let peer = client.peer();
            // The search reads the open files of all processes. Other connections must not wait for
            // it.
            let link =
                tokio::task::spawn_blocking(move || link_states.of(register, peer, ends.listen));
            let Ok(Some(link)) = link.await else { return };
            // Either way both connections are closed, so both ends see it.
            let _ = carry(client, ends.register, link).await;
        });
    }
}

impl LinkStates {
    /// The link of a connection. One that belongs to no known gateway takes the link of the first.
    fn of(
        &self,
        register: usize,
        peer: Option<SocketAddr>,
        listen: SocketAddr,
    ) -> Option<watch::Receiver<LinkState>> {
        let node = self.node_of(peer?, listen).unwrap_or(0);
        Some(self.states.get(register)?.get(node)?.subscribe())
    }

    fn node_of(&self, peer: SocketAddr, listen: SocketAddr) -> Option<usize> {
        if self.nodes.len() < 2 {
            return None;
        }
        let socket = procfs::socket(v4(peer)?, v4(listen)?)?;
        let holds = |config: &PathBuf| {
            procfs::with_argument(config).into_iter().any(|pid| procfs::holds(pid, socket))
        };
        self.nodes.iter().position(holds)
    }
}

fn v4(address: SocketAddr) -> Option<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    }
}

async fn carry(
    client: Stream,
    register: SocketAddr,
    link: watch::Receiver<LinkState>,
) -> io::Result<()> {
    let mut own = link.clone();
    if let Err(error) = pass(&mut own).await {
        client.reset_on_close()?;
        return Err(error);
    }
    let server = match Stream::connect(&Address::Tcp(register)).await {
        Ok(server) => server,
        Err(error) => {
            client.reset_on_close()?;
            return Err(error);
        }
    };
    let is_cut = Rc::new(RefCell::new(false));
    let ended = tokio::select! {
        // Bytes that a gateway sent before it closed still arrive.
        biased;
        ended = pump(&client, &server, link.clone()) => ended,
        ended = pump(&server, &client, link) => ended,
        _ = own.wait_for(|link| *link == LinkState::Cut) => {
            is_cut.replace(true);
            Ok(())
        }
    };
    if ended.is_err() || *is_cut.borrow() {
        client.reset_on_close()?;
        server.reset_on_close()?;
    }
    ended
}

async fn pump(from: &Stream, to: &Stream, mut link: watch::Receiver<LinkState>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        from.readable().await?;
        let length = match from.try_read(&mut piece) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        // An end of the stream is held like bytes.
        pass(&mut link).await?;
        let read = piece.get(..length).unwrap_or_default();
        if read.is_empty() {
            return Ok(());
        }
        to.write_all(read).await?;
    }
}

/// Waits until bytes may pass.
async fn pass(link: &mut watch::Receiver<LinkState>) -> io::Result<()> {
    let late = match *link.borrow() {
        LinkState::Late(late) => late,
        _ => Duration::ZERO,
    };
    if !late.is_zero() {
        tokio::time::sleep(late).await;
    }
    let open = link.wait_for(|link| *link != LinkState::Held).await.map_err(io::Error::other)?;
    if *open == LinkState::Cut { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
