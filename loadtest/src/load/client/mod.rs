//! Connections to gateways, and the places on them that take one request at a time.

pub mod dispatcher;
mod http1;
mod http2;
pub mod idle;
pub mod job;
pub mod named;
mod request;
pub mod slot;
pub mod target;

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;

use self::dispatcher::Dispatcher;
use self::target::Target;
use crate::clock;
use crate::scenario::settings::Protocol;

/// Time between two attempts to connect. A killed gateway is back in less than a second.
const RETRY: Duration = Duration::from_millis(5);

/// Holds one connection, and makes it again whenever it ends, until the task is dropped.
pub async fn keep_connected(
    target: Target,
    dispatcher: Rc<Dispatcher>,
    first_error: watch::Sender<String>,
) {
    loop {
        let begun_ns = clock::now_ns();
        let ended = match target.protocol {
            Protocol::Http1 => http1::converse(&target, &dispatcher).await,
            Protocol::Http2 => http2::converse(&target, &dispatcher).await,
        };
        if let Err(error) = ended {
            dispatcher.note_unconnected(target.node, begun_ns);
            first_error.send_if_modified(|first| {
                let is_first = first.is_empty();
                if is_first {
                    *first = format!("{}: {error}", target.address);
                }
                is_first
            });
            tokio::time::sleep(RETRY).await;
        }
    }
}
