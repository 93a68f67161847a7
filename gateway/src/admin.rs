//! The admin listener: metrics, health, reload. On a thread of its own, so that a scrape never
//! stands in a request's way.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{endpoints, limits, reload::ReloadRequest, scrape, worker::Shared};

/// What the admin listener shows and may do.
#[derive(Debug)]
pub struct Admin {
    shared: Arc<Shared>,
    /// Absent: `[admin] reload = false`.
    reload: Option<mpsc::Sender<ReloadRequest>>,
}

impl Admin {
    /// Shows `shared`; reloads through `reload` if there is one.
    #[must_use]
    pub fn new(shared: Arc<Shared>, reload: Option<mpsc::Sender<ReloadRequest>>) -> Self {
        Self { shared, reload }
    }
}

/// Serves on a thread of its own until the process ends.
///
/// # Errors
///
/// The system's error if thread, runtime or socket cannot be had.
pub fn start(socket: std::net::TcpListener, admin: Admin) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
        let admin = Arc::new(admin);
        runtime.block_on(async {
            let probing = probe_for_ever(&admin.shared);
            tokio::join!(serve(socket, Arc::clone(&admin)), probing)
        })
    })?;
    Ok(())
}

async fn probe_for_ever(shared: &Shared) {
    let mut ticks = interval(Duration::from_millis(limits::PROBE_MS.unsigned_abs()));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        endpoints::probe(shared.current.load().backends(), shared.clock.now()).await;
    }
}

async fn serve(socket: std::net::TcpListener, admin: Arc<Admin>) {
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("yanma: admin listener: {error}"),
    };
    let places = Arc::new(Semaphore::new(limits::ADMIN_CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            continue;
        };
        let admin = Arc::clone(&admin);
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(|request| {
                let admin = Arc::clone(&admin);
                async move { Ok::<_, Infallible>(answer(&admin, peer, request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits::ADMIN_TIME)
                .serve_connection(TokioIo::new(stream), service);
            // A scraper that keeps its connection comes back within the minute.
            let _ = timeout(limits::ADMIN_CONNECTION_TIME, connection).await;
        });
    }
}

async fn answer(
    admin: &Admin,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let allowed = match request.uri().path() {
        "/metrics" | "/healthz" | "/readyz" => &[Method::GET, Method::HEAD][..],
        "/reload" => &[Method::POST][..],
        _ => {
            return text(
                StatusCode::NOT_FOUND,
                "no such page: /metrics /healthz /readyz /reload\n",
            );
        }
    };
    if !allowed.contains(request.method()) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        if let Ok(list) = HeaderValue::try_from(names.join(", ")) {
            response.headers_mut().insert(ALLOW, list);
        }
        return response;
    }
    match request.uri().path() {
        "/metrics" => metrics(&admin.shared),
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" => readiness(&admin.shared),
        _ => reload(admin, peer).await,
    }
}

fn metrics(shared: &Shared) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::OK, scrape::render(shared));
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, format);
    response
}

fn readiness(shared: &Shared) -> Response<Full<Bytes>> {
    let ready = shared.health.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut lines = vec![if ready { "ready".to_owned() } else { "not ready".to_owned() }];
    for (condition, holds) in shared.health.conditions() {
        lines.push(format!("{condition}: {}", if holds { "ok" } else { "no" }));
    }
    for backend in shared.current.load().backends() {
        for endpoint in backend.endpoints() {
            let state = if endpoint.is_up() { "up" } else { "down" };
            lines.push(format!("backend {} {}: {state}", backend.name(), endpoint.label()));
        }
    }
    lines.push(String::new());
    text(status, lines.join("\n"))
}

async fn reload(admin: &Admin, peer: SocketAddr) -> Response<Full<Bytes>> {
    if !peer.ip().to_canonical().is_loopback() {
        return text(StatusCode::FORBIDDEN, "reload is only for callers on this machine\n");
    }
    let Some(reload) = &admin.reload else {
        let why = "reload over HTTP is off ([admin] reload = false); SIGHUP reloads too\n";
        return text(StatusCode::FORBIDDEN, why);
    };
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

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let format = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, format);
    response
}
