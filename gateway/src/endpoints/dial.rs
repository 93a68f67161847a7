//! Opens connections to endpoints, and tells whose fault it is if there is none.

use std::io;

use rustix::io::Errno;
use tokio::net::{TcpStream, UnixStream};

use crate::{config::EndpointAddress, io::Stream};

/// No connection to an endpoint could be had.
#[derive(Debug, Copy, Clone, Eq, PartialEq)]
pub(crate) enum NotConnected {
    /// The endpoint refused it, or nothing was heard of it.
    Endpoint,
    /// This machine had no descriptor, memory or local port for a socket: that says nothing of the
    /// endpoint.
    NoSocket,
}

impl From<io::Error> for NotConnected {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(
                Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::NOBUFS
                // No local port is left for this address.
                | Errno::ADDRNOTAVAIL
                // epoll watches as many sockets as it may.
                | Errno::NOSPC,
            ) => Self::NoSocket,
            _ => Self::Endpoint,
        }
    }
}

/// Opens a connection.
///
/// Cancel safe: a connection that is being made is closed.
pub(crate) async fn dial(address: &EndpointAddress) -> Result<Stream, NotConnected> {
    Ok(match address {
        EndpointAddress::Tcp { host, port } => {
            let socket = TcpStream::connect((host.as_str(), *port)).await?;
            socket.set_nodelay(true)?;
            Stream::Tcp(socket)
        }
        EndpointAddress::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_machine_lacks_is_not_the_endpoints_fault() {
        let of = |errno: Errno| NotConnected::from(io::Error::from(errno));
        for ours in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::ADDRNOTAVAIL] {
            assert_eq!(of(ours), NotConnected::NoSocket, "{ours}");
        }
        for theirs in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::HOSTUNREACH, Errno::AGAIN] {
            assert_eq!(of(theirs), NotConnected::Endpoint, "{theirs}");
        }
        let no_name = io::Error::other("failed to lookup address information");
        assert_eq!(NotConnected::from(no_name), NotConnected::Endpoint);
    }
}
