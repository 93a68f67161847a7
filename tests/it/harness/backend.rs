//! A settlement backend that records every byte, counts arrivals and fails as it is told to.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::sync::watch;

use super::wire::{self, Message};
use super::{eventually, soon, spawn};

/// What the backend does with each request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, and the connection stays open.
    Bytes(Vec<u8>),
    /// These bytes, then FIN.
    ThenClose(Vec<u8>),
    /// These bytes, then RST.
    ThenReset(Vec<u8>),
    /// No answer at all, and the connection stays open.
    Never,
    /// RST as soon as a connection is accepted, before a byte is read.
    ResetUnread,
    /// These bytes as soon as the head has come, then a close over what was not read.
    BeforeBody(Vec<u8>),
    /// These bytes as soon as the head has come; the body is read after that, and it goes on.
    Early(Vec<u8>),
}

/// The answer of a backend that settled.
pub(crate) const SETTLED: &str = "{\"infcode\":0,\"output\":{\"setl_id\":\"1\"}}";

impl Reply {
    pub(crate) fn settled() -> Self {
        Self::ok(SETTLED)
    }

    pub(crate) fn ok(body: &str) -> Self {
        Self::with(200, "Content-Type: application/json\r\n", body)
    }

    /// A whole answer with a Content-Length.
    pub(crate) fn with(status: u16, fields: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\n{fields}Content-Length: {length}\r\n\r\n");
        Self::Bytes([head.as_bytes(), body.as_bytes()].concat())
    }
}

/// Listens on a port of its own until it is dropped.
pub(crate) struct Backend {
    /// As the configuration names it.
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    reply: watch::Sender<Reply>,
    /// Answers wait while it is shut.
    gate: watch::Sender<bool>,
    arrivals: watch::Sender<Vec<Arc<Message>>>,
    /// Connections of requests: a probe that only connects is none.
    broken: watch::Sender<usize>,
    /// Connections on which a request has begun.
    used: watch::Sender<usize>,
    /// Of these, the ones that the backend has closed.
    closed: watch::Sender<usize>,
    /// How often all connections that wait for a request were closed.
    hung_up: watch::Sender<usize>,
}

impl Backend {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shared = Shared::new(reply);
        spawn(accept_tcp(listener, Arc::clone(&shared)));
        Self { endpoint: format!("http://{address}"), shared }
    }

    pub(crate) async fn start_unix(path: &Path, reply: Reply) -> Self {
        let listener = UnixListener::bind(path).expect("a free path");
        let shared = Shared::new(reply);
        let serving = Arc::clone(&shared);
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn(converse(stream, Arc::clone(&serving)));
            }
        });
        Self { endpoint: format!("unix:{}", path.display()), shared }
    }

    pub(crate) fn reply(&self, reply: Reply) {
        self.shared.reply.send_replace(reply);
    }

    /// Lets answers wait until [`Self::open`].
    pub(crate) fn hold(&self) {
        self.shared.gate.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.shared.gate.send_replace(true);
    }

    /// Waits until so many requests have arrived whole; returns all of them.
    pub(crate) async fn arrived(&self, count: usize) -> Vec<Arc<Message>> {
        let mut arrivals = self.shared.arrivals.subscribe();
        let enough = arrivals.wait_for(|all| all.len() >= count);
        soon(&format!("arrival {count} at the backend"), enough).await.expect("open").clone()
    }

    /// The only request that has arrived.
    pub(crate) async fn only(&self) -> Arc<Message> {
        let all = self.arrived(1).await;
        assert_eq!(all.len(), 1, "more than one arrival: {all:?}");
        Arc::clone(&all[0])
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.arrivals.borrow().len()
    }

    /// How often a redemption has arrived.
    pub(crate) fn count_of(&self, redemption: &str) -> usize {
        let all = self.shared.arrivals.borrow();
        all.iter().filter(|one| one.field("yanma-redemption") == Some(redemption)).count()
    }

    /// How many connections have carried a request.
    pub(crate) fn connections(&self) -> usize {
        *self.shared.used.borrow()
    }

    /// Closes the connections that are idle, in silence. Returns when all that carried a request are
    /// closed, and their other ends can see it.
    pub(crate) async fn hang_up(&self) {
        let mut closed = self.shared.closed.subscribe();
        self.shared.hung_up.send_modify(|count| *count += 1);
        let all = self.connections();
        soon("closed connections", closed.wait_for(|n| *n == all)).await.expect("open");
        // A busy kernel delivers even on loopback a while after close(2) returned.
        let Some((_, port)) = self.endpoint.rsplit_once(':') else { return };
        let Ok(port) = port.parse() else { return };
        let is_seen = async || (!is_established_to(port)).then_some(());
        eventually("other ends that see the close", is_seen).await;
    }

    /// Waits until so many requests have ended, whole or not.
    pub(crate) async fn ended(&self, count: usize) {
        let ended = || self.count() + *self.shared.broken.borrow();
        eventually("requests that end", async || (ended() >= count).then_some(())).await;
    }

    /// Waits until so many requests have broken off before their end.
    pub(crate) async fn broke_off(&self, count: usize) {
        let mut broken = self.shared.broken.subscribe();
        soon("a broken request", broken.wait_for(|n| *n >= count)).await.expect("open");
    }
}

/// A port that refuses connections. No other process can take it; it may start to listen later.
pub(crate) struct DeadPort {
    pub(crate) endpoint: String,
    socket: TcpSocket,
}

impl DeadPort {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = socket.local_addr().expect("a bound socket");
        Self { endpoint: format!("http://{address}"), socket }
    }

    pub(crate) fn come_alive(self, reply: Reply) -> Backend {
        let listener = self.socket.listen(128).expect("a bound socket listens");
        let shared = Shared::new(reply);
        spawn(accept_tcp(listener, Arc::clone(&shared)));
        Backend { endpoint: self.endpoint, shared }
    }
}

impl Shared {
    fn new(reply: Reply) -> Arc<Self> {
        Arc::new(Self {
            reply: watch::Sender::new(reply),
            gate: watch::Sender::new(true),
            arrivals: watch::Sender::new(Vec::new()),
            broken: watch::Sender::new(0),
            used: watch::Sender::new(0),
            closed: watch::Sender::new(0),
            hung_up: watch::Sender::new(0),
        })
    }
}

/// Whether some socket of this machine takes its connection to `port` for open: proc_net_tcp(5).
fn is_established_to(port: u16) -> bool {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let remote = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let address = fields.next().unwrap_or_default();
        address.ends_with(&remote) && fields.next() == Some(ESTABLISHED)
    })
}

async fn accept_tcp(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("a socket option");
        if matches!(*shared.reply.borrow(), Reply::ResetUnread) {
            stream.set_zero_linger().expect("a socket option");
            continue;
        }
        let shared = Arc::clone(&shared);
        spawn(async move {
            let (mut reader, mut is_used) = (BufReader::new(stream), false);
            let end = serve(&mut reader, &shared, &mut is_used).await;
            let stream = reader.into_inner();
            if let Ok(End::Reset) = end {
                stream.set_zero_linger().expect("a socket option");
            }
            drop(stream);
            shared.closed.send_modify(|count| *count += usize::from(is_used));
        });
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, shared: Arc<Shared>) {
    let (mut stream, mut is_used) = (BufReader::new(stream), false);
    let _broken_off = serve(&mut stream, &shared, &mut is_used).await;
    drop(stream);
    shared.closed.send_modify(|count| *count += usize::from(is_used));
}

enum End {
    Close,
    Reset,
}

/// `is_used` is set when a request begins: a probe only connects.
async fn serve<S>(stream: &mut BufReader<S>, shared: &Shared, is_used: &mut bool) -> io::Result<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut hung_up = shared.hung_up.subscribe();
    loop {
        let next = tokio::select! {
            next = wire::read_head(stream) => next?,
            _ = hung_up.changed() => None,
        };
        let Some(mut request) = next else { return Ok(End::Close) };
        if !std::mem::replace(is_used, true) {
            shared.used.send_modify(|count| *count += 1);
        }
        let reply = shared.reply.borrow().clone();
        match reply {
            Reply::BeforeBody(bytes) => return finish(stream, &bytes, End::Close).await,
            Reply::Early(bytes) => stream.write_all(&bytes).await?,
            _ => {}
        }
        request.is_whole = wire::read_body(stream, &mut request, wire::Kind::Request).await.is_ok();
        if !request.is_whole {
            shared.broken.send_modify(|count| *count += 1);
            return Ok(End::Close);
        }
        shared.arrivals.send_modify(|all| all.push(Arc::new(request)));
        let mut gate = shared.gate.subscribe();
        gate.wait_for(|is_open| *is_open).await.map_err(io::Error::other)?;
        let reply = shared.reply.borrow().clone();
        match reply {
            Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
            Reply::ThenClose(bytes) => return finish(stream, &bytes, End::Close).await,
            Reply::ThenReset(bytes) => return finish(stream, &bytes, End::Reset).await,
            Reply::Never | Reply::Early(_) | Reply::BeforeBody(_) => {}
            Reply::ResetUnread => return Ok(End::Reset),
        }
    }
}

async fn finish<S>(stream: &mut BufReader<S>, bytes: &[u8], end: End) -> io::Result<End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(bytes).await?;
    Ok(end)
}
