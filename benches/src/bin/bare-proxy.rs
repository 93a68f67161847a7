//! The floor of this stack: the cost of a request that hyper forwards and no code inspects.
//!
//! One thread, connections to the backend kept in a list, the same engine settings and allocator as
//! the gateway. No limits and almost no error handling: for measuring only, not for use.
//!
//! `bare-proxy LISTEN BACKEND`, both addresses of TCP.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Idle = Rc<RefCell<Vec<SendRequest<Incoming>>>>;
type Reply = Response<Either<Incoming, Empty<Bytes>>>;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(backend)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("usage: bare-proxy LISTEN BACKEND"));
    };
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    runtime.block_on(serve(&listen, backend.into()))
}

async fn serve(listen: &str, backend: Rc<str>) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let idle = Idle::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(converse(stream, Rc::clone(&backend), Rc::clone(&idle)));
    }
}

async fn converse(stream: TcpStream, backend: Rc<str>, idle: Idle) {
    let service = service_fn(move |request| {
        let (backend, idle) = (Rc::clone(&backend), Rc::clone(&idle));
        async move { Ok::<_, Infallible>(forward(request, &backend, &idle).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.half_close(true).writev(false);
    // An error here is a client that left.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(request: Request<Incoming>, backend: &str, idle: &Idle) -> Reply {
    let answered = match connection(backend, idle).await {
        Some(mut sender) => sender.send_request(request).await.ok().map(|answer| (sender, answer)),
        None => None,
    };
    let Some((mut sender, answer)) = answered else {
        let mut failed = Response::new(Either::Right(Empty::new()));
        *failed.status_mut() = StatusCode::BAD_GATEWAY;
        return failed;
    };
    let idle = Rc::clone(idle);
    tokio::task::spawn_local(async move {
        if sender.ready().await.is_ok() {
            idle.borrow_mut().push(sender);
        }
    });
    answer.map(Either::Left)
}

async fn connection(backend: &str, idle: &Idle) -> Option<SendRequest<Incoming>> {
    let kept = idle.borrow_mut().pop();
    if let Some(sender) = kept.filter(SendRequest::is_ready) {
        return Some(sender);
    }
    let stream = TcpStream::connect(backend).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let mut builder = hyper::client::conn::http1::Builder::new();
    let (sender, driver) = builder.writev(false).handshake(TokioIo::new(stream)).await.ok()?;
    tokio::task::spawn_local(async move { driver.await.ok() });
    Some(sender)
}
