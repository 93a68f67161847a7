//! The gate, over real sockets: what it says must be what the backend saw.

use std::{net::SocketAddr, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    runtime::{Builder, LocalOptions},
};

use super::*;
use crate::{body::Whole, config::Config, endpoints::Endpoints};

/// Runs a test as a task, in the queue that its connections' tasks stand in too.
fn run(test: impl Future<Output = ()> + 'static) {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(async { tokio::task::spawn_local(test).await.unwrap() });
}

fn config(address: SocketAddr) -> BackendConfig {
    let text = format!(
        r#"
        [server]
        environment = "test"
        keyring = "keyring"
        data_dir = "data"
        [[listener]]
        address = "127.0.0.1:7460"
        [replay]
        store = "local"
        [[backend]]
        name = "settlement"
        endpoints = ["http://{address}"]
        [[route]]
        path = "/"
        code = "redeem"
        kinds = ["payment"]
        backend = "settlement"
        "#
    );
    let config = Config::parse(&text, Path::new("/"), Path::new("gateway.toml")).unwrap();
    config.backends.into_iter().next().unwrap()
}

struct Backend {
    listener: TcpListener,
    config: BackendConfig,
    endpoint: Arc<Endpoint>,
    pool: Rc<Pool>,
    sweep: Rc<Sweep>,
}

async fn backend() -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap());
    let endpoint = Arc::clone(Endpoints::default().backend(&config).endpoints().first().unwrap());
    let sweep = Rc::new(Sweep::default());
    Backend { listener, config, endpoint, pool: Pool::new(Rc::clone(&sweep)), sweep }
}

impl Backend {
    async fn acquire(&self) -> Lease {
        self.pool.acquire(&self.endpoint, &self.config).await.unwrap()
    }

    /// A connection as both ends see it.
    async fn connected(&self) -> (Lease, TcpStream) {
        let lease = self.acquire().await;
        (lease, self.listener.accept().await.unwrap().0)
    }
}

fn payment() -> Request<Outgoing> {
    let body = Outgoing::Whole(Whole::new(Bytes::from_static(b"{\"amount\":1}")));
    Request::post("/settle").header("host", "his").body(body).unwrap()
}

/// Lets the connections' tasks run until nothing is ready any more.
async fn settle() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_request_cut_before_it_was_written_never_reaches_the_backend() {
    run(async {
        let backend = backend().await;
        let (mut lease, mut socket) = backend.connected().await;
        // Time is over before the connection's task had a turn: hyper alone would still send
        // what it was handed.
        let mut deadline = backend.sweep.deadline(0);
        backend.sweep.advance_to(10_000);
        assert!(matches!(lease.send(payment(), &mut deadline).await, Sent::Nothing));
        drop(lease);
        let mut seen = Vec::new();
        socket.read_to_end(&mut seen).await.unwrap();
        assert!(seen.is_empty(), "the backend saw {:?}", String::from_utf8_lossy(&seen));
    });
}

#[test]
fn a_request_whose_first_byte_left_is_never_called_unsent() {
    run(async {
        let backend = backend().await;
        let (mut lease, mut socket) = backend.connected().await;
        let mut deadline = backend.sweep.deadline(1_000);
        let stalls = async {
            socket.read_u8().await.unwrap();
            backend.sweep.advance_to(10_000);
        };
        let (sent, ()) = tokio::join!(lease.send(payment(), &mut deadline), stalls);
        assert!(matches!(sent, Sent::Unanswered(_)));
    });
}

#[test]
fn a_reset_after_the_request_leaves_its_outcome_open() {
    run(async {
        let backend = backend().await;
        let (mut lease, mut socket) = backend.connected().await;
        let mut deadline = backend.sweep.deadline(1_000);
        let resets = async {
            socket.read_u8().await.unwrap();
            drop(socket);
        };
        let (sent, ()) = tokio::join!(lease.send(payment(), &mut deadline), resets);
        assert!(matches!(sent, Sent::Unanswered(_)));
    });
}

#[test]
fn nobody_asked_to_switch_protocols() {
    run(async {
        let backend = backend().await;
        let (mut lease, mut socket) = backend.connected().await;
        let mut deadline = backend.sweep.deadline(1_000);
        let switches = async {
            socket.read_u8().await.unwrap();
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
            socket.write_all(head.as_bytes()).await.unwrap();
        };
        let (sent, ()) = tokio::join!(lease.send(payment(), &mut deadline), switches);
        assert!(matches!(sent, Sent::Unanswered(_)));
    });
}

#[test]
fn an_idle_connection_is_used_again_and_a_dead_one_is_not() {
    run(async {
        let backend = backend().await;
        let (lease, first) = backend.connected().await;
        settle().await;
        lease.give_back(None);
        assert_eq!(backend.pool.idle.borrow().len(), 1);
        let lease = backend.acquire().await;
        let no_second = tokio::time::timeout(Duration::from_millis(1), backend.listener.accept());
        assert!(no_second.await.is_err(), "the idle connection was not used");
        lease.give_back(None);
        drop(first);
        // It has idled for more than a second, so the hang-up is looked for before it is used.
        backend.sweep.advance_to(limits::UPSTREAM_DOUBT_MS);
        backend.connected().await;
    });
}

#[test]
fn idle_connections_end_before_the_backend_ends_them() {
    run(async {
        let backend = backend().await;
        let (lease, mut socket) = backend.connected().await;
        settle().await;
        lease.give_back(Some(2_000));
        backend.sweep.advance_to(1_999);
        backend.pool.expire();
        assert_eq!(backend.pool.idle.borrow().len(), 1);
        backend.sweep.advance_to(2_000);
        backend.pool.expire();
        assert!(backend.pool.idle.borrow().is_empty());
        assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0, "and the backend sees it close");
    });
}

#[test]
fn keep_alive_promises_are_read() {
    let promise = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("keep-alive", http::HeaderValue::from_static(value));
        keep_alive_ms(&headers)
    };
    assert_eq!(promise("timeout=5, max=100"), Some(4_000));
    assert_eq!(promise("max=100, timeout=1"), Some(0));
    assert_eq!(promise("max=100"), None);
    assert_eq!(keep_alive_ms(&HeaderMap::new()), None);
}
