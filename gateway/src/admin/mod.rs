//! The admin listener: metrics, health, reload. It has its own thread, so that a scrape never
//! delays a request. It answers until the process ends, through the drain too.
//!
//! Connections are few and bounded in time. A client that reaches the listener may delay another
//! operator for some seconds, but not the gateway.

mod answers;
pub(crate) mod page;
mod redemptions;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    fmt::Write as _,
    io,
    net::SocketAddr,
    os::fd::{AsFd as _, BorrowedFd},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use self::answers::{get, method_not_allowed, text};
use crate::{limits, metrics, upstream::endpoints, worker::Shared};
use sys::{failpoint, threads::Part};

/// An operator's request for a reload. The answer is a sentence that reports the result.
#[derive(Debug)]
pub struct ReloadRequest {
    /// `Ok`: what runs now. `Err`: why nothing changed.
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// What the admin listener shows and may do.
#[derive(Debug)]
pub struct Admin {
    shared: Arc<Shared>,
    /// Absent: `[admin] reload = false`.
    reload: Option<mpsc::Sender<ReloadRequest>>,
}

impl Admin {
    /// Shows `shared`, and reloads through `reload` if there is one. A channel of one place
    /// suffices: a second request is refused while one waits.
    #[must_use]
    pub fn new(shared: Arc<Shared>, reload: Option<mpsc::Sender<ReloadRequest>>) -> Self {
        Self { shared, reload }
    }
}

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
                tokio::join!(serve(&listener, &admin, &handed_over), probe(&shared)).1
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
async fn serve(listener: &TcpListener, admin: &Arc<Admin>, handed_over: &Notify) {
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

async fn serve_one(stream: TcpStream, peer: SocketAddr, admin: Arc<Admin>) {
    let service = service_fn(|request: Request<Incoming>| {
        let admin = &admin;
        async move {
            let answer = answer(admin, peer, request.method(), request.uri()).await;
            Ok::<_, Infallible>(answer)
        }
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

async fn answer(
    admin: &Admin,
    peer: SocketAddr,
    method: &Method,
    uri: &Uri,
) -> Response<Full<Bytes>> {
    match (uri.path(), &admin.reload) {
        ("/metrics", _) => get(method, || metrics_page(&admin.shared)),
        ("/healthz", _) => get(method, || text(StatusCode::OK, "alive\n")),
        ("/readyz", _) => get(method, || readiness(&admin.shared)),
        ("/reload", Some(reload)) => reload_by(peer, method, reload).await,
        ("/reload", None) => text(
            StatusCode::NOT_FOUND,
            "reload over HTTP is off ([admin] reload = false); SIGHUP reloads too\n",
        ),
        _ => redemptions::answer(&admin.shared, method, uri).unwrap_or_else(no_page),
    }
}

fn no_page() -> Response<Full<Bytes>> {
    text(
        StatusCode::NOT_FOUND,
        "no such page; there are GET /metrics /healthz /readyz and POST /reload\n",
    )
}

/// What `/metrics` answers: everything as Prometheus text. Takes milliseconds on a large node: not
/// for a worker's thread.
#[must_use]
pub fn metrics_text(shared: &Shared) -> String {
    page::render(shared)
}

fn metrics_page(shared: &Shared) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, metrics_text(shared));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::TEXT_FORMAT));
    response
}

/// One line for each condition. Lines for the backends and registers follow for the operator; they
/// do not change the status.
fn readiness(shared: &Shared) -> Response<Full<Bytes>> {
    let (status, verdict) = if shared.health.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let mut page = format!("{verdict}\n");
    // Writing to a String cannot fail.
    for condition in shared.health.conditions() {
        let state = if condition.holds { "ok" } else { condition.otherwise };
        let _ = writeln!(page, "{}: {state}", condition.name);
    }
    for backend in shared.current.load().backends() {
        let (name, n, max) = (backend.name(), backend.in_flight(), backend.connections_max());
        let _ = writeln!(page, "backend {name}: {n} of {max} requests in flight");
        for endpoint in backend.endpoints() {
            let (label, n) = (endpoint.label(), endpoint.in_flight());
            let state = if endpoint.is_up() { "up" } else { "down" };
            let _ = writeln!(page, "backend {name} {label}: {state}, {n} in flight");
        }
    }
    for line in shared.metrics.registers().into_iter().flat_map(|registers| registers.lines()) {
        let _ = writeln!(page, "{line}");
    }
    text(status, page)
}

async fn reload_by(
    peer: SocketAddr,
    method: &Method,
    reload: &mpsc::Sender<ReloadRequest>,
) -> Response<Full<Bytes>> {
    if method != Method::POST {
        return method_not_allowed("POST");
    }
    if !peer.ip().to_canonical().is_loopback() {
        return text(StatusCode::FORBIDDEN, "reload is only for callers on this machine\n");
    }
    let (answer, answered) = oneshot::channel();
    if reload.try_send(ReloadRequest { answer }).is_err() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "a reload is under way, or we are leaving\n");
    }
    match answered.await {
        Ok(Ok(sentence)) => text(StatusCode::OK, format!("reloaded: {sentence}\n")),
        Ok(Err(why)) => text(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("not reloaded, the last good state stays in force: {why}\n"),
        ),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the gateway is leaving\n"),
    }
}
