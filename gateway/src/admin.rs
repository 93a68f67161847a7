//! The admin listener: what operators and their monitoring ask.
//!
//! It has a thread and a runtime of its own, so that a scrape stalls no worker, and it stays up
//! while the node drains. Every connection carries one request and is bounded in time: whoever
//! can reach the listener can hold up other operators for some seconds, but not the gateway.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::endpoints::probe_loop;
use crate::metrics::{Metrics, Node, TEXT_FORMAT};

#[cfg(test)]
mod tests;

/// Connections at once; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 64;
/// For a request's head.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// For a whole connection, from accepting it to its end; a reload has to be done in this time
/// too, or its answer is not seen.
const CONNECTION_TIME: Duration = Duration::from_secs(30);
/// What hyper may buffer of a request.
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// After a failure to accept: no file descriptor is free, and asking again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// What the admin listener tells and does.
pub struct Admin {
    /// What workers count.
    pub metrics: Arc<Metrics>,
    /// What else can be told.
    pub node: Node,
    /// Where a reload is asked for; none where the configuration does not allow it. A channel of
    /// one place: a second request while one waits is refused.
    pub reload: Option<mpsc::Sender<ReloadRequest>>,
}

/// Somebody asked for a reload and waits for the answer.
#[derive(Debug)]
pub struct ReloadRequest(oneshot::Sender<Result<String, String>>);

impl ReloadRequest {
    /// Tells what came of it, a sentence either way: what is in force now, or why nothing changed.
    pub fn answer(self, result: Result<String, String>) {
        // Whoever asked may have gone; what was done stays done.
        let _ = self.0.send(result);
    }
}

/// The running thread. It ends when this is dropped.
#[derive(Debug)]
pub struct AdminThread {
    stop: oneshot::Sender<Infallible>,
    thread: thread::JoinHandle<()>,
}

impl AdminThread {
    /// Serves on its own thread, and probes the backends' endpoints there.
    ///
    /// # Errors
    /// The runtime or the thread cannot be made.
    pub fn start(listener: std::net::TcpListener, admin: Arc<Admin>) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _runtime = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || run(runtime, listener, admin, stopped))?;
        Ok(Self { stop, thread })
    }

    /// Ends the thread and waits for its end; connections are cut.
    pub fn stop(self) {
        drop(self.stop);
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn run(
    runtime: runtime::Runtime,
    listener: TcpListener,
    admin: Arc<Admin>,
    stopped: oneshot::Receiver<Infallible>,
) {
    let endpoints = Arc::clone(&admin.node.endpoints);
    runtime.block_on(async {
        tokio::select! {
            () = serve(listener, admin) => {}
            () = probe_loop(endpoints) => {}
            _ = stopped => {}
        }
    });
    // A name that is being resolved would hold up the end for as long as the resolver likes.
    runtime.shutdown_background();
}

/// Serves for ever.
///
/// Cancel safe: connections are cut when the future is dropped; a reload under way goes on.
pub async fn serve(listener: TcpListener, admin: Arc<Admin>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                connections.spawn(serve_one(stream, peer, Arc::clone(&admin)));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_one(stream: TcpStream, peer: SocketAddr, admin: Arc<Admin>) {
    let service = service_fn(|request: Request<Incoming>| {
        let admin = &admin;
        async move {
            Ok::<_, Infallible>(admin.answer(request.method(), request.uri().path(), peer).await)
        }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // Neither a late nor a broken client concerns anybody else.
    let _ = timeout(CONNECTION_TIME, connection).await;
}

impl Admin {
    async fn answer(&self, method: &Method, path: &str, peer: SocketAddr) -> Response<Full<Bytes>> {
        match (path, &self.reload) {
            ("/metrics", _) => get(method, || self.metrics_page()),
            ("/healthz", _) => get(method, || text(StatusCode::OK, "alive\n")),
            ("/readyz", _) => get(method, || self.readiness()),
            ("/reload", Some(reload)) => ask_for_reload(method, peer, reload).await,
            ("/reload", None) => text(
                StatusCode::NOT_FOUND,
                "reload over HTTP is off; [admin] reload = true turns it on, SIGHUP always works\n",
            ),
            _ => text(
                StatusCode::NOT_FOUND,
                "not found; there are GET /metrics, GET /healthz, GET /readyz, POST /reload\n",
            ),
        }
    }

    fn metrics_page(&self) -> Response<Full<Bytes>> {
        let mut response = text(StatusCode::OK, self.metrics.render(&self.node));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
        response
    }

    fn readiness(&self) -> Response<Full<Bytes>> {
        let (status, verdict) = if self.node.health.ready() {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready")
        };
        text(status, format!("{verdict}\n{}{}", self.node.health, self.backends()))
    }

    /// A line for each backend and endpoint: told, but they make no node unready.
    fn backends(&self) -> String {
        let now = self.node.clock.now();
        let mut lines = String::new();
        for backend in self.node.endpoints.backends() {
            let (name, in_flight) = (backend.name(), backend.in_flight());
            let max = backend.connections_max();
            let _ = writeln!(lines, "backend {name}: {in_flight} of {max} requests in flight");
            for endpoint in backend.endpoints() {
                let state = if endpoint.is_up(now) { "up" } else { "down" };
                let in_flight = endpoint.in_flight();
                let _ = writeln!(lines, "backend {name} {endpoint}: {state}, {in_flight} in flight");
            }
        }
        lines
    }
}

async fn ask_for_reload(
    method: &Method,
    peer: SocketAddr,
    reload: &mpsc::Sender<ReloadRequest>,
) -> Response<Full<Bytes>> {
    if method != Method::POST {
        return method_not_allowed("POST");
    }
    if !peer.ip().to_canonical().is_loopback() {
        return text(StatusCode::FORBIDDEN, "reload is allowed from this machine only\n");
    }
    let (sender, answer) = oneshot::channel();
    if reload.try_send(ReloadRequest(sender)).is_err() {
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "another reload is waiting, or the node is ending; nothing was done\n",
        );
    }
    match answer.await {
        Ok(Ok(done)) => text(StatusCode::OK, format!("{done}\n")),
        Ok(Err(why)) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{why}\n")),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the node is ending; nothing was done\n"),
    }
}

/// hyper leaves out the body of an answer to HEAD, but not its length.
fn get(method: &Method, answer: impl FnOnce() -> Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    match *method {
        Method::GET | Method::HEAD => answer(),
        _ => method_not_allowed("GET, HEAD"),
    }
}

fn method_not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed; allowed: {allowed}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PLAIN_TEXT));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
