//! Looks whether each endpoint can be connected to, before requests find out.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpStream, UnixStream},
    task::JoinSet,
    time::timeout,
};

use super::{Backend, Endpoint};
use crate::{config::EndpointAddress, limits};

/// Connects to each endpoint once and notes which can be reached. Takes at most
/// [`limits::PROBE_CONNECT_MS`] for each [`limits::PROBES_MAX`] endpoints.
///
/// Cancel safe: probes under way are given up and say nothing.
pub(crate) async fn probe(backends: &[Arc<Backend>]) {
    let mut probes = JoinSet::new();
    for endpoint in backends.iter().flat_map(|backend| backend.endpoints()) {
        if probes.len() >= limits::PROBES_MAX {
            probes.join_next().await;
        }
        probes.spawn(probe_one(Arc::clone(endpoint)));
    }
    while probes.join_next().await.is_some() {}
}

async fn probe_one(endpoint: Arc<Endpoint>) {
    let patience = Duration::from_millis(limits::PROBE_CONNECT_MS);
    let reached = timeout(patience, reach(endpoint.address())).await;
    endpoint.record_probe(matches!(reached, Ok(Ok(()))));
}

async fn reach(address: &EndpointAddress) -> io::Result<()> {
    match address {
        EndpointAddress::Tcp { host, port } => {
            TcpStream::connect((host.as_str(), *port)).await.map(drop)
        }
        EndpointAddress::Unix(path) => UnixStream::connect(path).await.map(drop),
    }
}
