//! Accepts the browsers of one machine, or of those who have the link.
//!
//! | file | what it decides |
//! |---|---|
//! | `share.rs` | the link and its cookie |
//! | `guard.rs` | whose requests are heard |
//! | `body.rs` | how much is read, and of what type |
//! | `routes.rs` | which endpoint answers |

mod body;
mod guard;
mod routes;
mod share;

use std::{convert::Infallible, pin::pin, rc::Rc, time::Duration};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

pub(in crate::cli::sandbox) use self::guard::Door;
pub(in crate::cli::sandbox) use self::share::{Share, ShareName};
use super::site::Site;

/// Connections served at once; more wait in the listener's queue. A browser opens six.
const CONNECTIONS_MAX: usize = 32;
/// How long a connection may be silent.
const HEAD_TIME: Duration = Duration::from_secs(60);
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// How long to leave the listener alone after it failed, most likely for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves for as long as it is polled. Dropping it closes every connection.
pub(super) async fn serve(listener: TcpListener, door: Door, site: Rc<Site>) -> Infallible {
    let door = Rc::new(door);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn_local(converse(stream, Rc::clone(&door), Rc::clone(&site)));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

async fn converse(stream: TcpStream, door: Rc<Door>, site: Rc<Site>) {
    let service = service_fn(|request: Request<Incoming>| {
        let (door, site) = (&door, &site);
        async move { Ok::<_, Infallible>(routes::answer(door, site, request).await) }
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // A broken client is no problem for any other client.
    let _ = pin!(connection).await;
}
