//! Looks every other second whether each endpoint can be connected to.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Endpoint, Endpoints};
use crate::config::EndpointAddress;

const PROBE_PERIOD: Duration = Duration::from_secs(2);
/// Probes at once: each holds a file descriptor for as long as `connect_ms`.
const PROBES_MAX: usize = 64;

/// Probes all endpoints of the configuration in force, for ever. For the admin thread's runtime,
/// so that a name that resolves slowly stops no worker.
///
/// Cancel safe: probes under way are given up and say nothing.
pub async fn probe_loop(endpoints: Arc<Endpoints>) {
    let mut ticks = interval(PROBE_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        probe_all(&endpoints).await;
    }
}

pub(super) async fn probe_all(endpoints: &Endpoints) {
    let mut probes = JoinSet::new();
    for backend in endpoints.backends() {
        for endpoint in backend.endpoints() {
            if probes.len() >= PROBES_MAX {
                probes.join_next().await;
            }
            let connect_time = Duration::from_millis(backend.connect_ms);
            probes.spawn(probe(Arc::clone(endpoint), connect_time));
        }
    }
    while probes.join_next().await.is_some() {}
}

async fn probe(endpoint: Arc<Endpoint>, connect_time: Duration) {
    let connected = timeout(connect_time, connect(&endpoint.config().address)).await;
    endpoint.record_probe(matches!(connected, Ok(Ok(()))));
}

/// Connects and closes again.
async fn connect(address: &EndpointAddress) -> io::Result<()> {
    match address {
        EndpointAddress::Tcp { host, port } => {
            TcpStream::connect((host.as_str(), *port)).await.map(drop)
        }
        EndpointAddress::Unix(path) => UnixStream::connect(path).await.map(drop),
    }
}
