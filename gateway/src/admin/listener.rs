//! The thread of the admin listener: it accepts, serves, probes endpoints, and adds up counters.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    os::fd::{AsFd as _, BorrowedFd},
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    live,
    routing::{Admin, answer},
};
use crate::{limits, upstream::endpoints, worker::Shared};
use sys::{failpoint, threads::Part};

/// The admin listener as the front sees it.
#[derive(Debug)]
pub struct Handle {
    address: String,
    socket: std::net::TcpListener,
    handed_over: Arc<Notify>,
}

impl Handle {
    /// The listening socket under its address, for a process that takes over.
    pub(crate) fn named(&self) -> (&str, BorrowedFd<'_>) {
        (&self.address, self.socket.as_fd())
    }

    /// Another process accepts from now on. Accepted connections are still answered.
    pub(crate) fn let_go(&self) {
        self.handed_over.notify_one();
    }
}

/// Serves until the process ends or hands over. Also probes the endpoints. Both run on a thread of
/// its own.
///
/// # Errors
///
/// The system's error if it refuses the thread, the runtime or the socket.
pub fn start(socket: std::net::TcpListener, admin: Admin) -> io::Result<Handle> {
    let address = admin.shared.current.load().config().admin.address.to_string();
    let kept = socket.try_clone()?;
    let handed_over = Arc::new(Notify::new());
    let handle = Handle { address, socket: kept, handed_over: Arc::clone(&handed_over) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    socket.set_nonblocking(true)?;
    let listener = {
        let _in_runtime = runtime.enter();
        TcpListener::from_std(socket)?
    };
    std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
        let (shared, admin) = (Arc::clone(&admin.shared), Arc::new(admin));
        let serve = || {
            runtime.block_on(async {
                let sums = live::keep_sums(&admin.live, &shared);
                tokio::join!(serve(&listener, &admin, &handed_over), probe(&shared), sums).1
            })
        };
        shared.health.threads.keep(Part::Admin, serve)
    })?;
    Ok(handle)
}

async fn probe(shared: &Shared) -> Infallible {
    let mut ticks = interval(Duration::from_millis(limits::PROBE_MS.unsigned_abs()));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        endpoints::probe(shared.current.load().backends()).await;
    }
}

/// Cancel safe: connections are cut when the future is dropped; a reload under way goes on.
pub(super) async fn serve(listener: &TcpListener, admin: &Arc<Admin>, handed_over: &Notify) {
    let mut connections = JoinSet::new();
    loop {
        failpoint::panic_at("admin");
        while connections.try_join_next().is_some() {}
        if connections.len() >= limits::ADMIN_CONNECTIONS_MAX {
            connections.join_next().await;
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = handed_over.notified() => {
                // Stores a permit, so that this also holds if the loop begins anew.
                handed_over.notify_one();
                break;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(serve_one(stream, peer, Arc::clone(admin)));
            }
            Err(_) => sleep(limits::ACCEPT_PAUSE).await,
        }
    }
    // Not `join_all`, which panics if one of them did.
    while connections.join_next().await.is_some() {}
}

/// One of the open connections, until it is dropped.
struct Open<'a>(&'a Admin);

impl<'a> Open<'a> {
    fn new(admin: &'a Admin) -> Self {
        admin.connections.fetch_add(1, Relaxed);
        Self(admin)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}

async fn serve_one(stream: TcpStream, peer: SocketAddr, admin: Arc<Admin>) {
    let _open = Open::new(&admin);
    let service = service_fn(|request: Request<Incoming>| {
        let admin = &admin;
        async move { Ok::<_, Infallible>(answer(admin, peer, &request.into_parts().0).await) }
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(limits::ADMIN_TIME)
        .max_buf_size(limits::ADMIN_BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A late or broken client is no problem for any other client.
    if timeout(limits::ADMIN_CONNECTION_TIME, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(limits::ADMIN_TIME, connection).await;
    }
}
