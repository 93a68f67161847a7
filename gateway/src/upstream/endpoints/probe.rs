//! Looks whether each endpoint can be connected to, before requests find out.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::timeout};

use super::{Backend, Endpoint, NotConnected, dial};
use crate::limits;

/// Connects to each endpoint once and notes which can be reached; one for which this machine has
/// no socket is not judged. Takes at most
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
    match timeout(patience, dial(endpoint.address())).await {
        Ok(Ok(_connected)) => endpoint.record_probe(true),
        // Nothing was tried, so nothing is known.
        Ok(Err(NotConnected::NoSocket)) => {}
        Ok(Err(NotConnected::Endpoint)) | Err(_) => endpoint.record_probe(false),
    }
}
