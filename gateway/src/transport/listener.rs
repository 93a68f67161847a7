//! Sockets: listeners, accepted connections, and one stream type over TCP and UNIX sockets.
//!
//! Backends and clients may use either kind. Everything above this module sees only bytes.

use std::{
    io,
    net::IpAddr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderValue;
use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream},
};

use crate::{config::Address, limits, refusal::shape::Shape};
use sys::disk::{self, Group};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Who is at the other end of an accepted connection.
#[derive(Debug, Copy, Clone)]
pub(crate) enum Peer {
    /// The client's address, sent to the backend in `X-Forwarded-For`.
    Ip(IpAddr),
    /// A process on this machine.
    Local,
}

/// An accepted socket on its way from the accepting thread to a worker. No runtime owns it yet.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Registers the socket with the runtime of the calling thread.
    pub(crate) fn into_stream(self) -> io::Result<Stream> {
        match self {
            Accepted::Tcp(socket) => TcpStream::from_std(socket).map(Stream::Tcp),
            Accepted::Unix(socket) => UnixStream::from_std(socket).map(Stream::Unix),
        }
    }
}

/// A bound listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    label: String,
    refusals: Shape,
    /// Another process listens on the socket now.
    is_let_go: AtomicBool,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    /// With the socket file, which is removed when the last process stops listening.
    Unix(UnixListener, Option<SocketFile>),
}

/// The file of our socket, and its identity: another process may have put its own file at that
/// path.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: [u64; 2],
}

impl SocketFile {
    fn at(path: &Path) -> Option<Self> {
        let id = socket_id(path).ok().flatten()?;
        Some(Self { path: path.to_owned(), id })
    }

    fn remove(&self) -> io::Result<()> {
        match socket_id(&self.path)? {
            Some(found) if found == self.id => std::fs::remove_file(&self.path),
            _ => Ok(()),
        }
    }
}

impl Listener {
    /// Binds and listens. A UNIX socket is open to this user and to `group`. Must be called within
    /// a runtime.
    ///
    /// # Errors
    ///
    /// The system's error if the address is in use or may not be bound.
    pub fn bind(address: &Address, group: Option<Group>) -> io::Result<Self> {
        let socket = match address {
            Address::Tcp(address) => {
                let socket =
                    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                socket.set_reuseaddr(true)?;
                socket.bind(*address)?;
                Socket::Tcp(socket.listen(limits::LISTEN_BACKLOG)?)
            }
            Address::Unix(path) => {
                remove_stale(path)?;
                let listener = UnixListener::bind(path)?;
                disk::share_socket(path, group)?;
                Socket::Unix(listener, SocketFile::at(path))
            }
        };
        Ok(Self::of(socket, address))
    }

    /// Takes over a socket that already listens on `address`. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// The system's error if the runtime cannot watch the socket.
    pub(crate) fn adopt(address: &Address, socket: OwnedFd) -> io::Result<Self> {
        let socket = match address {
            Address::Tcp(_) => {
                let listener = std::net::TcpListener::from(socket);
                listener.set_nonblocking(true)?;
                Socket::Tcp(TcpListener::from_std(listener)?)
            }
            Address::Unix(path) => {
                let listener = std::os::unix::net::UnixListener::from(socket);
                listener.set_nonblocking(true)?;
                Socket::Unix(UnixListener::from_std(listener)?, SocketFile::at(path))
            }
        };
        Ok(Self::of(socket, address))
    }

    fn of(socket: Socket, address: &Address) -> Self {
        let (label, refusals) = (address.to_string(), Shape::default());
        Self { socket, label, refusals, is_let_go: AtomicBool::new(false) }
    }

    /// Refusals before a route is known go out in this shape.
    pub(crate) fn refusing_in(mut self, refusals: Shape) -> Self {
        self.refusals = refusals;
        self
    }

    /// Another process listens on the socket now, so its file stays.
    pub(crate) fn let_go(&self) {
        self.is_let_go.store(true, Relaxed);
    }

    /// Removes the socket file, unless another process listens there. A file that cannot be removed
    /// is recognised as stale at the next start.
    pub(crate) fn remove_file(&self) {
        if let Socket::Unix(_, Some(file)) = &self.socket
            && !self.is_let_go.load(Relaxed)
        {
            let _ = file.remove();
        }
    }

    /// The address as the configuration writes it, for metrics and messages.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The shape of a refusal before a route is known.
    pub(crate) fn refusals(&self) -> Shape {
        self.refusals
    }

    /// Waits for the next connection. Cancel safe: a connection is either returned or still queued.
    pub(crate) async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (socket, peer) = listener.accept().await?;
                // A reply is one write. Waiting for an acknowledgement would only delay it.
                socket.set_nodelay(true)?;
                Ok((Accepted::Tcp(socket.into_std()?), Peer::of(peer.ip())))
            }
            Socket::Unix(listener, _) => {
                let (socket, _) = listener.accept().await?;
                Ok((Accepted::Unix(socket.into_std()?), Peer::Local))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(listener) => listener.as_fd(),
            Socket::Unix(listener, _) => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.remove_file();
    }
}

/// Device and inode number of the socket at a path. `None` for anything else there, a link
/// included.
fn socket_id(path: &Path) -> io::Result<Option<[u64; 2]>> {
    let found = std::fs::symlink_metadata(path)?;
    Ok(found.file_type().is_socket().then(|| [found.dev(), found.ino()]))
}

/// Removes a socket file without a listener. A socket with a listener stays. A file of another kind
/// stays too, although the system also refuses a connection to it.
fn remove_stale(path: &Path) -> io::Result<()> {
    match socket_id(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(None) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something that is no socket is there, and is not replaced",
            ));
        }
        Ok(Some(_)) => {}
    }
    // Does not block, so that a listener with a full queue does not delay the start.
    let probe = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&socket2::SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(io::Error::from(io::ErrorKind::AddrInUse)),
    }
}

impl Stream {
    /// Waits until there is something to read: bytes, a hang-up, or an error, which the read then
    /// returns.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Stream::Tcp(socket) => socket.poll_read_ready(cx),
            Stream::Unix(socket) => socket.poll_read_ready(cx),
        }
        .map(drop)
    }

    /// Whether bytes wait in the socket, even if the runtime has not seen them yet. After a stall,
    /// timers may fire before sockets.
    pub(crate) fn has_unread(&self) -> bool {
        self.look().is_ok_and(|bytes| bytes > 0)
    }

    /// Whether no byte of the peer waits to be read, and the peer has not hung up.
    pub(crate) fn is_silent(&self) -> bool {
        self.look() == Err(Errno::WOULDBLOCK)
    }

    /// How many bytes the kernel would deliver now, at most one. 0: the peer has hung up.
    fn look(&self) -> Result<usize, Errno> {
        let socket = match self {
            Stream::Tcp(socket) => socket.as_fd(),
            Stream::Unix(socket) => socket.as_fd(),
        };
        let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        recv(socket, &mut [0_u8; 1], look).map(|(_, read)| read)
    }

    /// Closes by RST, for TCP. A peer that reads to the end of the connection then knows that the
    /// answer is not whole.
    pub(crate) fn reset(self) {
        if let Stream::Tcp(socket) = self {
            // If this fails, the connection is broken already.
            let _ = socket.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Stream::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            Stream::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Stream::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}

impl Peer {
    /// A listener on `[::]` sees IPv4 clients as `::ffff:192.0.2.1` (RFC 4291, 2.5.5.2). This keeps
    /// the IPv4 address itself, for reports and comparisons.
    pub(crate) fn of(ip: IpAddr) -> Self {
        Self::Ip(ip.to_canonical())
    }

    /// The value of `X-Forwarded-For`.
    pub(crate) fn forwarded_for(self) -> Option<HeaderValue> {
        let Peer::Ip(ip) = self else { return None };
        let value = HeaderValue::from_maybe_shared(Bytes::from(ip.to_string()));
        Some(value.expect("an address is visible ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_client_is_told_as_one_whatever_socket_it_came_by() {
        for (seen, told) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::1", "::1"),
        ] {
            let value = Peer::of(seen.parse().unwrap()).forwarded_for().unwrap();
            assert_eq!(value, told);
        }
    }
}
