//! Handing over to a new process of the same program, without a refused connection.
//!
//! Not another socket on the same address but the listening sockets themselves pass on: what
//! queues at them belongs to the socket, so no connection is reset when the old process lets go.
//!
//! | step | old process | new process |
//! |---|---|---|
//! | 1 | on SIGUSR2 starts its own command again, a socket pair as standard input | |
//! | 2 | sends all listening sockets, each with its address | reads configuration and keyring, maps the table |
//! | 3 | | is ready as `/readyz` would say, and says so |
//! | 4 | stops accepting, says that the sockets are free, finishes what runs, ends | |
//! | 5 | | accepts |
//!
//! Between 4 and 5 connections queue for the time of one message. Whatever goes wrong before 4
//! leaves the old process as it was: an end of the new one, or no word from it in time. An old
//! process that dies before 4 has let go too: the new one sees the end of the socket and serves.

use std::{
    ffi::OsString,
    io::{self, IoSlice, IoSliceMut, Read as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Command, Stdio},
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg, sockopt,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, timeout_at},
};

use super::signals::is_process_1;
use crate::limits;
use sys::log::{self, Event, Field};

/// Set for the new process: its standard input is the socket to its predecessor.
const VARIABLE: &str = "YANMA_TAKEOVER";
/// The new process to the old one: I could serve.
const READY: u8 = b'r';
/// The old process to the new one: the sockets are yours.
const YOURS: u8 = b'y';

/// The process that the kernel ends a container with.
const ONE: u32 = 1;
/// What starts one program in a container, and ends when that ends.
const SMALL_INITS: [&str; 8] =
    ["tini", "docker-init", "dumb-init", "catatonit", "podman-init", "sh", "bash", "dash"];

/// How the process that runs now was started, so that it can be started again.
#[derive(Debug, Clone)]
pub struct CommandLine {
    words: Vec<OsString>,
    /// Who started it. Later another may be its parent.
    parent: u32,
}

/// A listening socket and the address that the configuration gives it.
pub(crate) type Named<'a> = (&'a str, BorrowedFd<'a>);

/// A new process that has the sockets and is on its way to ready.
#[derive(Debug)]
pub(crate) struct Successor {
    process: Child,
    channel: tokio::net::UnixStream,
    patience: Instant,
}

/// What a predecessor has left to this process.
#[derive(Debug)]
pub(crate) struct Inheritance {
    sockets: Vec<(String, OwnedFd)>,
    channel: UnixStream,
}

/// The process whose place this one takes; it still accepts.
#[derive(Debug)]
pub(crate) struct Predecessor(UnixStream);

impl CommandLine {
    /// Of this process. The program is named as it was when it was started, so that a link which
    /// has been set to a newer version since then is followed.
    #[must_use]
    pub fn of_this_process() -> Self {
        let parent = std::os::unix::process::parent_id();
        Self { words: std::env::args_os().collect(), parent }
    }

    /// Why a process that takes over would end with this one: the kernel ends a container with
    /// its process 1, and a small init ends with the process that it started.
    pub(crate) fn cannot_be_outlived(&self) -> Option<String> {
        if is_process_1() {
            return Some(
                "this is process 1 of its container, which ends with it, and a new process too: \
                 replace the container instead"
                    .to_owned(),
            );
        }
        let init = std::fs::read_to_string("/proc/1/comm").unwrap_or_default();
        let init = init.trim_end();
        (self.parent == ONE && SMALL_INITS.contains(&init)).then(|| {
            format!(
                "{init}, process 1 of its container, ends with this process, and the container \
                 with it: replace the container instead"
            )
        })
    }
}

impl Successor {
    /// Starts a new process and sends it `sockets`. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// The system's error, and then nothing of it runs.
    pub(crate) fn start(command_line: &CommandLine, sockets: &[Named<'_>]) -> io::Result<Self> {
        let [program, arguments @ ..] = command_line.words.as_slice() else {
            return Err(io::Error::other("this process does not know its own name"));
        };
        let (ours, theirs) = UnixStream::pair()?;
        send(&ours, sockets)?;
        ours.set_nonblocking(true)?;
        let channel = tokio::net::UnixStream::from_std(ours)?;
        let mut command = Command::new(program);
        command.args(arguments).env(VARIABLE, "1").stdin(Stdio::from(OwnedFd::from(theirs)));
        let process = command.spawn()?;
        Ok(Self { process, channel, patience: Instant::now() + limits::TAKEOVER_TIME })
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it could serve. Cancel safe.
    ///
    /// # Errors
    ///
    /// A sentence; the process should then be ended with [`Successor::end`].
    pub(crate) async fn ready(&mut self) -> Result<(), String> {
        let mut word = [0];
        match timeout_at(self.patience, self.channel.read(&mut word)).await {
            Ok(Ok(1)) if word == [READY] => Ok(()),
            Ok(_) => Err("it ended before it was ready (its own messages tell why)".to_owned()),
            Err(_) => Err(format!("it was not ready within {} s", limits::TAKEOVER_TIME.as_secs())),
        }
    }

    /// Gives the sockets over for good. Nothing of this process may accept any more.
    pub(crate) async fn relieve(mut self) {
        // If it has died since, the system's service manager starts it anew; there is no way back
        // for this process, which has begun to leave.
        let _ = self.channel.write_u8(YOURS).await;
    }

    /// Ends a process that will not take over.
    pub(crate) fn end(mut self) {
        // It may have ended already. It has accepted nothing, so nothing is lost.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Hands a signal on: a keyring that is read again here must not be an old one there.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // One that has ended needs no signal.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

impl Inheritance {
    /// What a predecessor sends, if this process was started by one.
    ///
    /// # Errors
    ///
    /// The system's error, or that the variable is set but standard input is not such a socket.
    pub(crate) fn receive() -> io::Result<Option<Self>> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let channel = io::stdin().as_fd().try_clone_to_owned()?;
        if sockopt::socket_domain(&channel).ok() != Some(rustix::net::AddressFamily::UNIX) {
            return Err(io::Error::other(format!(
                "{VARIABLE} is set, but standard input is no socket of a gateway: only a gateway \
                 that hands over sets it"
            )));
        }
        let mut channel = UnixStream::from(channel);
        channel.set_nonblocking(false)?;
        let sockets = receive(&mut channel)?;
        Ok(Some(Self { sockets, channel }))
    }

    /// The socket that listens on `address`, if the predecessor had one.
    pub(crate) fn take(&mut self, address: &str) -> Option<OwnedFd> {
        let place = self.sockets.iter().position(|(known, _)| known == address)?;
        Some(self.sockets.swap_remove(place).1)
    }

    /// Everything that is wanted has been taken: what is left was dropped from the configuration.
    pub(crate) fn close_the_rest(self) -> Predecessor {
        for (address, _) in &self.sockets {
            log::event_of(
                Event::ListenerClosed,
                &[(Field::Listener, address)],
                format_args!("{address} is not in the configuration"),
            );
        }
        Predecessor(self.channel)
    }
}

impl Predecessor {
    /// Waits for `ready`, says that this process could serve, and waits until the sockets are its
    /// alone. False if it is not to serve, as `ready` says.
    ///
    /// # Errors
    ///
    /// The system's error when the socket cannot be watched. A predecessor that is gone is none:
    /// then the sockets are this process's too, ready or not.
    pub(crate) async fn take_over(self, ready: impl Future<Output = bool>) -> io::Result<bool> {
        self.0.set_nonblocking(true)?;
        let mut channel = tokio::net::UnixStream::from_std(self.0)?;
        let mut word = [0];
        tokio::select! {
            is_to_serve = ready => if !is_to_serve {
                return Ok(false);
            },
            _ = channel.read(&mut word) => return Ok(true),
        }
        if channel.write_u8(READY).await.is_ok() {
            // Its word, or its end.
            let _ = channel.read(&mut word).await;
        }
        Ok(true)
    }
}

/// One message: a line for each address, an empty line, and the sockets in the same order.
fn send(channel: &UnixStream, sockets: &[Named<'_>]) -> io::Result<()> {
    let text: String = sockets.iter().map(|(address, _)| format!("{address}\n")).collect();
    let text = text + "\n";
    let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(|(_, socket)| *socket).collect();
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("too many listening sockets"));
    }
    let sent =
        sendmsg(channel, &[IoSlice::new(text.as_bytes())], &mut control, SendFlags::empty())?;
    if sent < text.len() {
        return Err(io::Error::other("the socket pair took only a part of the message"));
    }
    Ok(())
}

fn receive(channel: &mut UnixStream) -> io::Result<Vec<(String, OwnedFd)>> {
    let mut text = vec![0; TEXT_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let bytes = recvmsg(&*channel, &mut [IoSliceMut::new(&mut text)], &mut control, flags)?.bytes;
    text.truncate(bytes);
    let descriptors: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    while !text.ends_with(b"\n\n") {
        let mut byte = [0];
        channel.read_exact(&mut byte)?;
        text.extend(byte);
    }
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    let addresses: Vec<String> = text.trim_end().lines().map(str::to_owned).collect();
    if addresses.len() != descriptors.len() {
        return Err(io::Error::other(
            "the predecessor's sockets did not all arrive: perhaps this process may have too few \
             file descriptors",
        ));
    }
    Ok(addresses.into_iter().zip(descriptors).collect())
}

/// The listeners and the admin listener.
const SOCKETS_MAX: usize = limits::LISTENERS_MAX + 1;
const SPACE: usize = rustix::cmsg_space!(ScmRights(SOCKETS_MAX));
/// An address is an IP address and port, or a socket's path.
const TEXT_BYTES_MAX: usize = SOCKETS_MAX * (limits::UNIX_PATH_BYTES_MAX + "unix:\n".len()) + 1;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn sockets_arrive_under_their_addresses() {
        let (ours, mut theirs) = UnixStream::pair().expect("a socket pair");
        let listeners: Vec<TcpListener> =
            (0..SOCKETS_MAX).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let addresses: Vec<String> = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address").to_string())
            .collect();
        let named: Vec<Named<'_>> = addresses
            .iter()
            .zip(&listeners)
            .map(|(address, listener)| (address.as_str(), listener.as_fd()))
            .collect();
        send(&ours, &named).expect("sent");
        let received = receive(&mut theirs).expect("received");
        assert_eq!(received.len(), SOCKETS_MAX);
        for (address, socket) in received {
            let listener = TcpListener::from(socket);
            assert_eq!(listener.local_addr().expect("an address").to_string(), address);
        }
    }

    #[test]
    fn a_stranger_on_the_socket_is_an_error() {
        let (mut ours, mut theirs) = UnixStream::pair().expect("a socket pair");
        io::Write::write_all(&mut ours, b"127.0.0.1:7460\n\n").expect("written");
        assert!(receive(&mut theirs).is_err());
    }
}
