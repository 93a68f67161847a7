//! Where everything listens: each port 0 becomes a number before anything starts.

use std::net::{SocketAddr, TcpListener};

use super::arguments::{Arguments, PagesAt};
use super::settings::Addresses;
use crate::cli::failure::Failure;

/// The addresses, and the listeners that are kept open. The gateway opens its own two after it has
/// read its configuration.
pub(super) struct Ports {
    pub(super) addresses: Addresses,
    /// Absent: a stand-in runs already.
    pub(super) backend: Option<TcpListener>,
    pub(super) pages: Option<TcpListener>,
}

impl Ports {
    /// # Errors
    /// An address is taken, or this machine has it not.
    pub(super) fn find(arguments: &Arguments) -> Result<Self, Failure> {
        let backend = match arguments.standin {
            Some(_) => None,
            None => Some(listen("--backend", arguments.backend)?),
        };
        // All sockets stay open until all ports are known. Otherwise one could get another's port.
        let gateway = listen("--listen", arguments.listen)?;
        let admin = listen("--admin", arguments.admin)?;
        let accounts = listen("--accounts", arguments.accounts)?;
        let pages = match arguments.pages {
            PagesAt::None => None,
            PagesAt::Address(address) => Some(listen("--pages", address)?),
        };
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|error| Failure::of("cannot read a port", &error))
        };
        let addresses = Addresses {
            gateway: address(&gateway)?,
            admin: address(&admin)?,
            backend: match (&backend, arguments.standin) {
                (Some(listener), _) => address(listener)?,
                (None, standin) => standin.unwrap_or(arguments.backend),
            },
            accounts: address(&accounts)?,
        };
        Ok(Self { addresses, backend, pages })
    }
}

fn listen(option: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::Other(format!(
            "{address} is taken, perhaps by another sandbox; stop what listens there or choose \
             another address: {option} 127.0.0.1:0 takes any free port"
        )),
        _ => Failure::of(format!("cannot listen on {address} ({option})"), &error),
    })
}
