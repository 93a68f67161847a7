//! Opens connections to endpoints, and tells whose fault it is if there is none.

use std::io;

use rustix::io::Errno;
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use crate::{config::EndpointAddress, transport::listener::Stream};
use sys::descriptors;

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
        if is_lack(&error) { Self::NoSocket } else { Self::Endpoint }
    }
}

/// Does the error say what this machine lacks?
fn is_lack(error: &io::Error) -> bool {
    descriptors::are_used_up(error)
        || matches!(
            Errno::from_io_error(error),
            Some(
                Errno::NOMEM
                    | Errno::NOBUFS
                    // No local port is left for this address.
                    | Errno::ADDRNOTAVAIL
                    // epoll watches as many sockets as it may.
                    | Errno::NOSPC,
            )
        )
}

/// Opens a connection.
///
/// Cancel safe: a connection that is being made is closed.
pub(crate) async fn dial(address: &EndpointAddress) -> Result<Stream, NotConnected> {
    Ok(match address {
        EndpointAddress::Tcp { host, port } => {
            let socket = TcpStream::connect((host.as_str(), *port)).await.map_err(whose_fault)?;
            socket.set_nodelay(true)?;
            Stream::Tcp(socket)
        }
        EndpointAddress::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
    })
}

/// The resolver has errors of its own, and hides behind them that it had no descriptor.
fn whose_fault(error: io::Error) -> NotConnected {
    let is_hidden =
        error.raw_os_error().is_none() && TcpSocket::new_v4().is_err_and(|lack| is_lack(&lack));
    if is_hidden { NotConnected::NoSocket } else { error.into() }
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
