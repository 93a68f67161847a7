//! Who is answered what.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONNECTION, CONTENT_LANGUAGE, CONTENT_TYPE, VARY},
    request::Parts,
};
use http_body_util::Full;
use tokio::sync::mpsc;

use super::{
    answers::{get, html, json, text},
    live::{self, Live},
    page, readiness, redemptions,
    reload::{ReloadRequest, reload_by},
};
use crate::{
    limits, metrics,
    web::{
        files::File,
        guard,
        headers::{Camera, secure},
        language::Language,
    },
    worker::Shared,
};

/// What the admin listener shows and may do.
#[derive(Debug)]
pub struct Admin {
    pub(super) shared: Arc<Shared>,
    /// Absent: `[admin] reload = false`.
    reload: Option<mpsc::Sender<ReloadRequest>>,
    pub(super) live: Live,
    /// Open connections.
    pub(super) connections: AtomicUsize,
}

impl Admin {
    /// Shows `shared`, and reloads through `reload` if there is one. A channel of one place
    /// suffices: a second request is refused while one waits.
    #[must_use]
    pub fn new(shared: Arc<Shared>, reload: Option<mpsc::Sender<ReloadRequest>>) -> Self {
        let live = Live::new(&shared);
        Self { shared, reload, live, connections: AtomicUsize::new(0) }
    }

    fn is_crowded(&self) -> bool {
        self.connections.load(Relaxed) >= limits::ADMIN_CONNECTIONS_CROWDED
    }
}

/// Answers one request. Every answer tells a browser what it may do with it.
pub(super) async fn answer(
    admin: &Admin,
    peer: SocketAddr,
    request: &Parts,
) -> Response<Full<Bytes>> {
    let mut answer = match for_programs(admin, request) {
        Some(answer) => answer,
        None => guarded(admin, peer, request).await,
    };
    secure(answer.headers_mut(), Camera::None);
    answer
}

/// What Prometheus and load balancers ask. They name this node as they like, and no page can read
/// an answer of another origin.
fn for_programs(admin: &Admin, request: &Parts) -> Option<Response<Full<Bytes>>> {
    let (method, shared) = (&request.method, &admin.shared);
    Some(match request.uri.path() {
        "/metrics" => get(method, || metrics_page(shared)),
        "/healthz" => get(method, || text(StatusCode::OK, "alive\n")),
        "/readyz" => get(method, || readiness::answer(shared, &request.headers)),
        _ => return None,
    })
}

/// All that a person reads, and what changes something: not for pages of other origins.
async fn guarded(admin: &Admin, peer: SocketAddr, request: &Parts) -> Response<Full<Bytes>> {
    let Parts { method, uri, headers, .. } = request;
    let current = admin.shared.current.load();
    if let Err(stranger) = guard::check(method, uri, headers, &current.config().admin.hosts) {
        return text(StatusCode::FORBIDDEN, stranger.sentence());
    }
    match (uri.path(), &admin.reload) {
        ("/reload", Some(reload)) => reload_by(peer, method, reload).await,
        ("/reload", None) => text(
            StatusCode::NOT_FOUND,
            "reload over HTTP is off ([admin] reload = false); SIGHUP reloads too\n",
        ),
        (path, _) => for_browsers(admin, path, request).unwrap_or_else(|| {
            redemptions::answer(&admin.shared, method, uri).unwrap_or_else(no_page)
        }),
    }
}

/// The live page and its files. Where many look, each answer ends its connection, so that places
/// stay free for those that scrape.
fn for_browsers(admin: &Admin, path: &str, request: &Parts) -> Option<Response<Full<Bytes>>> {
    let method = &request.method;
    let mut answer = match path {
        "/" => get(method, || live_page(admin, request)),
        "/live.json" => get(method, || json(StatusCode::OK, admin.live.json(&admin.shared))),
        path => {
            let file = live::file(path)?;
            get(method, || file_page(file))
        }
    };
    if admin.is_crowded() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Some(answer)
}

fn live_page(admin: &Admin, request: &Parts) -> Response<Full<Bytes>> {
    let language = Language::of(request.uri.query(), &request.headers);
    let mut answer = html(admin.live.page(&admin.shared, language));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
    answer
}

fn file_page(file: &File) -> Response<Full<Bytes>> {
    let mut answer = text(StatusCode::OK, file.text);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    answer
}

fn no_page() -> Response<Full<Bytes>> {
    text(
        StatusCode::NOT_FOUND,
        "no such page; there are GET / /live.json /metrics /healthz /readyz and POST /reload\n",
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
