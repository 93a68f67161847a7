//! A look at all registers, for `yanma check`: once, without a worker, a second each at most.

use std::{io, path::Path, time::Duration};

use keyring::time::UnixMillis;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::Node,
    limits,
    protocol::{
        claim::RegisterReading,
        conditions::Conditions,
        eligibility::{Ineligible, Info, RunId, SECTIONS},
        layout::{Held, LAYOUT_KEY, Layout, Witness},
        resp::{self, Reply},
    },
    settings::{RegisterAddress, Settings},
};
use clock::Clock;

/// What was found, a sentence each.
#[derive(Debug, Default)]
pub struct Preflight {
    /// What must not be, whatever else is.
    pub refusals: Vec<String>,
    /// What may pass.
    pub warnings: Vec<String>,
    /// Registers that answered and may vote.
    pub voting: usize,
}

/// What one register said.
struct Seen {
    info: Info,
    reading: RegisterReading,
    /// Where the node of our id runs, if one does.
    node_at: Option<Vec<u8>>,
}

/// Asks every register of the configuration how it stands.
///
/// # Errors
/// The system has no sockets, or the data directory cannot be read.
pub fn preflight(config: &Settings, data_dir: &Path) -> io::Result<Preflight> {
    let node = Node::find(data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let layout = Layout::new(config);
    let mut preflight = Preflight::default();
    let mut runs: Vec<(RunId, String)> = Vec::new();
    for address in config.groups.iter().flatten() {
        let seen = match runtime.block_on(look(address, &layout, node.as_ref())) {
            Ok(seen) => seen,
            Err(error) => {
                preflight.warnings.push(format!("register {address} cannot be reached: {error}"));
                continue;
            }
        };
        preflight.take(address, &layout, &seen, &mut runs);
        let is_elsewhere =
            |at: Vec<u8>| node.as_ref().is_some_and(|node| at != node.place.as_bytes());
        if seen.node_at.is_some_and(is_elsewhere) {
            preflight.refuse_once(Node::conflict(data_dir));
        }
    }
    Ok(preflight)
}

impl Preflight {
    /// Takes in what a register said.
    fn take(
        &mut self,
        address: &RegisterAddress,
        layout: &Layout,
        seen: &Seen,
        runs: &mut Vec<(RunId, String)>,
    ) {
        let before = self.refusals.len();
        let name = address.to_string();
        if let Some(why) = seen.info.ineligible {
            self.refusals.push(format!("register {name} {}", why.sentence()));
        }
        let id = seen.info.run_id;
        if let Some((_, other)) = runs.iter().find(|(run, _)| *run == id && id != RunId::default())
        {
            self.refusals.push(format!(
                "registers {other} and {name} are one server (run_id {id:?}): each register has \
                 one vote and must be a server of its own"
            ));
        }
        match seen.reading.held {
            Held::Foreign => {
                self.refusals.push(format!("register {name} {}", Ineligible::Layout.sentence()));
            }
            Held::Lower if !layout.has_old => self.refusals.push(format!(
                "register {name} holds the layout of an earlier epoch: name its groups as \
                 [[replay.old_group]], so that it can change over"
            )),
            _ => {}
        }
        if seen.info.persists {
            self.warnings.push(format!(
                "register {name} keeps its memory on disk, or has read it from there: that is of no \
                 use, because a restart loses a register's memory whatever it reads, and it costs \
                 time and memory: set save \"\" and appendonly no, and remove the files. Snapshots of \
                 its machine and copies that may take its place are dangerous: a register that goes \
                 on from one forgets spent codes"
            ));
        }
        if !seen.reading.clock_agrees() {
            self.warnings.push(format!("register {name} {}", Ineligible::Clock.sentence()));
        }
        self.voting += usize::from(self.refusals.len() == before);
        runs.push((id, name));
    }

    fn refuse_once(&mut self, sentence: String) {
        if !self.refusals.contains(&sentence) {
            self.refusals.push(sentence);
        }
    }
}

async fn look(address: &RegisterAddress, layout: &Layout, node: Option<&Node>) -> io::Result<Seen> {
    let patience = Duration::from_millis(limits::CONNECT_MS);
    match timeout(patience, talk(address, layout, node)).await {
        Ok(seen) => seen,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn talk(address: &RegisterAddress, layout: &Layout, node: Option<&Node>) -> io::Result<Seen> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    let mut talk = Talk { stream, bytes: Vec::new() };
    let database = address.database.to_string();
    if let Some(credentials) = &address.credentials {
        let mut command = vec![b"AUTH".as_slice()];
        command.extend(credentials.user.as_ref().map(|user| user.as_bytes()));
        command.push(credentials.password.as_bytes());
        talk.ask(&command, |reply| opened(&reply)).await??;
    }
    if address.database != 0 {
        talk.ask(&[b"SELECT", database.as_bytes()], |reply| opened(&reply)).await??;
    }
    let mut info = Vec::new();
    for section in SECTIONS.into_iter().chain([b"persistence".as_slice()]) {
        let text = talk.ask(&[b"INFO", section], |reply| bytes(&reply)).await?;
        info.extend(text.unwrap_or_default());
    }
    let node_at = match node {
        Some(node) => talk.ask(&[b"GET", node.key.as_bytes()], |reply| bytes(&reply)).await?,
        None => None,
    };
    let held = talk.ask(&[b"GET", LAYOUT_KEY], |reply| bytes(&reply)).await?;
    let clock = Clock::system();
    let asked_at = clock.now();
    let time = talk.ask(&[b"TIME"], |reply| match reply {
        Reply::Pair(seconds, micros) => resp::time_ms(seconds, micros).map(UnixMillis::new),
        _ => None,
    });
    let time = time.await?.ok_or(io::ErrorKind::InvalidData)?;
    let info = Info::read(&info);
    let mut witness = Witness::default();
    witness.set_process(info.run_id);
    let held = layout.read(Conditions::default(), held.as_deref(), &mut witness);
    let reading = RegisterReading { held, time, asked_at, read_at: clock.now() };
    Ok(Seen { info, reading, node_at })
}

fn opened(reply: &Reply<'_>) -> io::Result<()> {
    match reply {
        Reply::Status => Ok(()),
        // The register's own words; it does not repeat what it was told.
        Reply::Error(text) => Err(io::Error::other(String::from_utf8_lossy(text).into_owned())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn bytes(reply: &Reply<'_>) -> Option<Vec<u8>> {
    match reply {
        Reply::Bytes(bytes) => Some(bytes.to_vec()),
        _ => None,
    }
}

/// One command, one answer.
struct Talk {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Talk {
    async fn ask<T>(
        &mut self,
        command: &[&[u8]],
        take: impl FnOnce(Reply<'_>) -> T,
    ) -> io::Result<T> {
        let mut out = Vec::new();
        resp::command(&mut out, command);
        self.stream.write_all(&out).await?;
        loop {
            let parsed = resp::parse(&self.bytes).map_err(|_| io::ErrorKind::InvalidData)?;
            if let Some((reply, length)) = parsed {
                let taken = take(reply);
                self.bytes.drain(..length);
                return Ok(taken);
            }
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
