//! TCP and UNIX connections, read and written without a buffer between.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt as _;

use rustix::io::Errno;
use rustix::net::RecvFlags;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

use crate::net::address::Address;

/// Length of the accept queue: a gateway may open thousands of connections at once. The kernel has
/// a bound of its own.
const QUEUE: u32 = 1 << 15;

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// TCP, without Nagle's delay.
    Tcp(TcpStream),
    /// A UNIX socket.
    Unix(UnixStream),
}

impl Stream {
    /// Connects.
    ///
    /// # Errors
    /// The system's error.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        Self::connect_from(address, None).await
    }

    /// Connects from this source address. Each source address has ports of its own.
    ///
    /// # Errors
    /// The system's error.
    pub async fn connect_from(address: &Address, source: Option<Ipv4Addr>) -> io::Result<Self> {
        match (address, source) {
            (Address::Unix(path), _) => Ok(Self::Unix(UnixStream::connect(path).await?)),
            (Address::Tcp(address), None) => Self::tcp(TcpStream::connect(address).await?),
            (Address::Tcp(address), Some(source)) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
                Self::tcp(socket.connect(*address).await?)
            }
        }
    }

    /// Waits until there is something to read, or the end.
    ///
    /// # Errors
    /// The system's error.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.readable().await,
            Self::Unix(stream) => stream.readable().await,
        }
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is; the system's error.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
        }
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; the system's error.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// Writes all, waiting for room.
    ///
    /// # Errors
    /// The system's error.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.try_write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes closing send RST instead of FIN. A UNIX socket has no such thing.
    ///
    /// # Errors
    /// The system's error.
    pub fn reset_on_close(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_zero_linger(),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Whether the other side has closed the connection already. Takes no bytes out of it.
    pub fn is_over(&self) -> bool {
        let mut byte = [0; 1];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let looked = match self {
            Self::Tcp(stream) => rustix::net::recv(stream, &mut byte, flags),
            Self::Unix(stream) => rustix::net::recv(stream, &mut byte, flags),
        };
        !matches!(looked, Ok((1.., _)) | Err(Errno::AGAIN | Errno::INTR))
    }

    /// The other side's address, if it has one.
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
        }
    }

    fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }
}

/// Accepts [`Stream`]s.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A UNIX socket.
    Unix(UnixListener),
}

impl Listener {
    /// Binds an address; a socket file that is left over is replaced.
    ///
    /// # Errors
    /// The system's error.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let socket = match address {
                    SocketAddr::V4(_) => TcpSocket::new_v4()?,
                    SocketAddr::V6(_) => TcpSocket::new_v6()?,
                };
                socket.set_reuseaddr(true)?;
                socket.bind(*address)?;
                Ok(Self::Tcp(socket.listen(QUEUE)?))
            }
            Address::Unix(path) => {
                // A file that is no socket stays. Then binding fails and says why.
                let found = std::fs::symlink_metadata(path);
                if found.is_ok_and(|found| found.file_type().is_socket()) {
                    std::fs::remove_file(path)?;
                }
                Ok(Self::Unix(UnixListener::bind(path)?))
            }
        }
    }

    /// The next connection.
    ///
    /// # Errors
    /// The system's error.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => Stream::tcp(listener.accept().await?.0),
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

/// A buffer that is filled from a stream and emptied from its front.
#[derive(Debug)]
pub struct Inbox {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Inbox {
    /// Room for one message of at most so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { bytes: vec![0; bytes].into(), filled: 0 }
    }

    /// What was read and not taken.
    pub fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Waits for more bytes; false at the end.
    ///
    /// # Errors
    /// The system's error, or that the message is larger than the buffer.
    pub async fn fill(&mut self, stream: &Stream) -> io::Result<bool> {
        loop {
            stream.readable().await?;
            let room = self.bytes.get_mut(self.filled..).unwrap_or_default();
            if room.is_empty() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            match stream.try_read(room) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes bytes off the front.
    pub fn take(&mut self, count: usize) {
        let count = count.min(self.filled);
        self.bytes.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_over_when_the_other_side_has_hung_up_and_not_before() {
        let listener = Listener::bind(&Address::Tcp(([127, 0, 0, 1], 0).into())).await.unwrap();
        let Listener::Tcp(bound) = &listener else { unreachable!() };
        let near = Stream::connect(&Address::Tcp(bound.local_addr().unwrap())).await.unwrap();
        let far = listener.accept().await.unwrap();
        assert!(!near.is_over() && near.peer().is_some());
        far.write_all(b"x").await.unwrap();
        near.readable().await.unwrap();
        assert!(!near.is_over());
        near.try_read(&mut [0; 1]).unwrap();
        drop(far);
        near.readable().await.unwrap();
        assert!(near.is_over());
    }
}
