//! The gate, over real sockets: what it says must be what the backend saw.

use std::{net::SocketAddr, path::Path, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, LocalOptions},
};

use super::{endpoints::Endpoint, pool::keep_alive_ms, *};
use crate::{
    config::{BackendConfig, Config},
    limits,
    transport::{
        body::{self, Outgoing, Room, Whole},
        deadline::Sweep,
    },
    upstream::endpoints::Endpoints,
};
use clock::{Clock, Hand};
use keyring::time::UnixMillis;

/// Runs a test as a task, in the same queue as its connections' tasks.
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
    clock: Clock,
    hand: Hand,
}

async fn backend() -> Backend {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config(listener.local_addr().unwrap());
    let endpoint = Arc::clone(Endpoints::default().backend(&config).endpoints().first().unwrap());
    let sweep = Rc::new(Sweep::default());
    let (clock, hand) = Clock::hand_set(UnixMillis::from_seconds(1_800_000_000));
    Backend { listener, config, endpoint, pool: Pool::new(Rc::clone(&sweep)), sweep, clock, hand }
}

impl Backend {
    async fn acquire(&self) -> Lease {
        self.pool.acquire(&self.endpoint, &self.config, self.clock.instant()).await.unwrap()
    }

    /// Puts a connection into the pool as of now.
    fn give_back(&self, lease: Lease) {
        lease.give_back(self.clock.instant());
    }

    fn idle(&self) -> usize {
        self.pool.idle.borrow().values().map(Vec::len).sum()
    }

    /// Whether no other connection is made.
    async fn no_other(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(1), self.listener.accept()).await.is_err()
    }

    /// An exchange on `lease`, whose backend reads the request and says `answer`.
    async fn exchange(&self, lease: &mut Lease, socket: &mut TcpStream, answer: &str) -> Sent {
        let mut deadline = self.sweep.deadline(1_000);
        let answers = async {
            socket.read_u8().await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        };
        tokio::join!(lease.send(payment(), &mut deadline), answers).0
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

/// Lets the connections' tasks run until none of them is ready.
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
        // The deadline passes before the connection's task ran. hyper alone would still send the
        // request.
        let mut deadline = backend.sweep.deadline(0);
        backend.sweep.advance_to(10_000);
        assert!(matches!(lease.send(payment(), &mut deadline).await, Sent::Nothing(_)));
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
        backend.give_back(lease);
        assert_eq!(backend.idle(), 1);
        let lease = backend.acquire().await;
        assert!(backend.no_other().await, "the idle connection was not used");
        assert!(lease.was_used());
        backend.give_back(lease);
        backend.hand.advance(2);
        drop(first);
        // The kernel knows of the hang-up. hyper does not, because nothing has awaited since.
        let lease = backend.acquire().await;
        assert!(!lease.was_used());
        backend.listener.accept().await.unwrap();
    });
}

#[test]
fn a_connection_on_which_the_backend_spoke_unasked_is_not_used() {
    run(async {
        let backend = backend().await;
        let (lease, mut first) = backend.connected().await;
        settle().await;
        backend.give_back(lease);
        backend.hand.advance(2);
        // This would be taken for the answer to the next request.
        first.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        assert!(!backend.acquire().await.was_used());
    });
}

#[test]
fn what_a_hang_up_kept_from_being_sent_comes_back_whole() {
    run(async {
        let backend = backend().await;
        let (lease, first) = backend.connected().await;
        settle().await;
        backend.give_back(lease);
        // Too soon for the pool to check the socket.
        let mut lease = backend.acquire().await;
        drop(first);
        let mut deadline = backend.sweep.deadline(1_000);
        // The runtime polls the kernel now and then, so it hears of this before hyper writes.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let sent = lease.send(payment(), &mut deadline).await;
        let Sent::Nothing(Some(unsent)) = sent else { panic!("not {sent:?}") };
        assert_eq!((unsent.method().as_str(), unsent.uri().path()), ("POST", "/settle"));
        assert_eq!(unsent.headers()["host"], "his");
        let Outgoing::Whole(whole) = unsent.body() else { panic!("a body in hand") };
        assert_eq!(whole.as_bytes(), b"{\"amount\":1}");
    });
}

#[test]
fn a_connection_of_http_1_0_is_not_used_again() {
    run(async {
        let backend = backend().await;
        for (version, idle) in [("1.1", 1), ("1.0", 0)] {
            let (mut lease, mut socket) = backend.connected().await;
            let answer = format!("HTTP/{version} 204 X\r\nConnection: keep-alive\r\n\r\n");
            let sent = backend.exchange(&mut lease, &mut socket, &answer).await;
            assert!(matches!(sent, Sent::Answered(_)));
            settle().await;
            backend.give_back(lease);
            settle().await;
            assert_eq!(backend.idle(), idle, "HTTP/{version}");
            backend.pool.idle.borrow_mut().clear();
        }
    });
}

/// A request that no socket takes at once.
fn large() -> Request<Outgoing> {
    let body = Outgoing::Whole(Whole::new(Bytes::from(vec![b'x'; 32 << 20])));
    Request::post("/settle").header("host", "his").body(body).unwrap()
}

#[test]
fn a_connection_whose_request_was_not_sent_whole_is_not_used_again() {
    run(async {
        let backend = backend().await;
        let (mut lease, mut socket) = backend.connected().await;
        let mut deadline = backend.sweep.deadline(1_000);
        let answers = async {
            socket.read_u8().await.unwrap();
            socket.write_all(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        };
        let (sent, ()) = tokio::join!(lease.send(large(), &mut deadline), answers);
        assert!(matches!(sent, Sent::Answered(_)));
        backend.give_back(lease);
        backend.sweep.advance_to(limits::LATE_REQUEST_MS + 1_000);
        settle().await;
        assert_eq!(backend.idle(), 0);
        // The connection is closed, although the backend has not read what was sent.
        let mut rest = Vec::new();
        let _reset_is_a_close = socket.read_to_end(&mut rest).await;
        assert!(rest.len() < 32 << 20);
    });
}

#[test]
fn an_answer_is_read_although_the_request_cannot_be_written() {
    run(async {
        let backend = backend().await;
        let (mut lease, mut socket) = backend.connected().await;
        let mut deadline = backend.sweep.deadline(1_000);
        let answers = async {
            socket.read_u8().await.unwrap();
            socket.write_all(b"HTTP/1.1 413 X\r\nContent-Length: 3\r\n\r\nbig").await.unwrap();
            // Closing with unread data resets the connection.
            drop(socket);
        };
        let (sent, ()) = tokio::join!(lease.send(large(), &mut deadline), answers);
        let Sent::Answered(answer) = sent else { panic!("not {sent:?}") };
        assert_eq!(answer.status(), 413);
        let mut body = answer.into_body();
        let room = Room { memory: &Arc::default(), memory_max: None, bytes_max: 100 };
        let whole = body::read_whole(&mut body, &room, &mut deadline).await.unwrap();
        assert_eq!(whole.as_bytes(), b"big");
    });
}

#[test]
fn a_head_over_the_bound_is_told_apart() {
    run(async {
        let backend = backend().await;
        for (lines, is_answer) in
            [(limits::H1_HEADERS_MAX, true), (limits::H1_HEADERS_MAX + 1, false)]
        {
            let (mut lease, mut socket) = backend.connected().await;
            let fields: String = (0..lines).map(|n| format!("X-{n}: 1\r\n")).collect();
            let answer = format!("HTTP/1.1 204 X\r\n{fields}\r\n");
            match backend.exchange(&mut lease, &mut socket, &answer).await {
                Sent::Answered(_) => assert!(is_answer),
                Sent::Unanswered(Silence::HeadTooLarge) => assert!(!is_answer),
                sent => panic!("not {sent:?}"),
            }
        }
    });
}

#[test]
fn idle_connections_end_before_the_backend_ends_them() {
    run(async {
        let backend = backend().await;
        let (mut lease, mut socket) = backend.connected().await;
        let answer = "HTTP/1.1 204 X\r\nKeep-Alive: timeout=3\r\n\r\n";
        let sent = backend.exchange(&mut lease, &mut socket, answer).await;
        assert!(matches!(sent, Sent::Answered(_)));
        settle().await;
        backend.give_back(lease);
        backend.sweep.advance_to(1_999);
        backend.pool.expire();
        assert_eq!(backend.idle(), 1);
        backend.sweep.advance_to(2_000);
        backend.pool.expire();
        assert_eq!(backend.idle(), 0);
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
        assert!(rest.ends_with(b"{\"amount\":1}"), "and the backend sees it close");
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
