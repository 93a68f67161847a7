//! The client with real Redis servers: what the end-to-end tests cannot ask for by HTTP.

use std::{
    future::Future,
    net::TcpStream,
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use keyring::code::{CodeIdentity, IssuedAt, Serial};
use tokio::runtime::{Builder, LocalOptions};

use sys::threads::Threads;

use crate::{
    ClaimNote, ClaimVerdict, NoMajority, RegisterAddress, Registers, Reports, Settings,
    counts::Counts, machine::State,
};
use clock::Clock;

/// Beyond what a server takes to start on a busy machine, in looks of 10 ms.
const LOOKS: usize = 2_000;

struct Server {
    child: Child,
    address: RegisterAddress,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Each test process has an address of its own, of which Linux serves all of 127.0.0.0/8.
    fn start(port: u16) -> Self {
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        let host = format!("127.{}.{middle}.{low}", 128 | (high & 0x3f));
        let child = Command::new("redis-server")
            .args(["--bind", &host, "--port", &port.to_string(), "--save", ""])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts; tests/run installs it");
        let address = RegisterAddress { host, port, database: 0, credentials: None };
        Self { child, address }
    }
}

/// A worker's registers, connected.
async fn connected(servers: &[Server]) -> Rc<Registers> {
    let groups = vec![servers.iter().map(|server| server.address.clone()).collect()];
    let config = Settings { timeout_ms: 2_000, epoch: 1, groups, old_groups: vec![] };
    let counts = Arc::new(Counts::new(2, &config.names()));
    let reports = Reports { threads: Arc::new(Threads::default()), clocks_agree: Box::new(|_| ()) };
    let registers = Registers::new(1, &config, Clock::system(), counts, reports).unwrap();
    registers.start();
    for _ in 0..LOOKS {
        if count(&registers, State::Up) == servers.len() {
            return registers;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no connections: {registers:?}");
}

fn count(registers: &Registers, state: State) -> usize {
    let machine = registers.machine.borrow();
    (0..machine.addresses().count()).filter(|index| machine.state(*index) == state).count()
}

fn identity(issued_s: i64) -> CodeIdentity {
    CodeIdentity {
        key_id: "7001".parse().unwrap(),
        issued_at: IssuedAt::new(u32::try_from(issued_s).unwrap()),
        serial: Serial::new(1),
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime =
        Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
    runtime.block_on(test);
}

#[test]
fn values_are_kept_beside_claims() {
    let mut servers: Vec<Server> = (10_000..10_003).map(Server::start).collect();
    for server in &servers {
        let address = (server.address.host.as_str(), server.address.port);
        while TcpStream::connect(address).is_err() {
            std::thread::yield_now();
        }
    }
    run(async {
        let registers = connected(&servers).await;
        let get = async |key: &[u8]| registers.get_any(0, key).await;
        assert_eq!(get(b"a").await, Ok(None));
        assert_eq!(registers.set_all(0, b"a", b"one\r\n$-1", 60_000).await, Ok(()));
        assert_eq!(get(b"a").await, Ok(Some(b"one\r\n$-1".to_vec())));
        let large = vec![7; 2 << 20];
        assert_eq!(registers.set_all(0, b"large", &large, 60_000).await, Ok(()));
        assert_eq!(get(b"large").await, Ok(Some(large)));

        // Claims go on between them. The memory is young, so that a code of today is not for it.
        let now = registers.clock.now();
        let noted = |bytes: &[u8]| ClaimNote { bytes: bytes.into(), life_ms: 0 };
        let claim_with =
            |issued_s, note| registers.claim(identity(issued_s), now.plus_ms(60_000), now, note);
        let claim = |issued_s| claim_with(issued_s, noted(b"other"));
        assert_eq!(claim(now.seconds()).await.unwrap_err(), ClaimVerdict::Warming);
        let later = now.seconds() + 20;
        let note = noted(b"what for");
        let won = claim_with(later, note.clone()).await.expect("nobody else claims");
        assert_eq!(claim(later).await.unwrap_err(), ClaimVerdict::Used);
        let notes = async || registers.notes(identity(later)).await.unwrap();
        assert!(notes().await.len() >= 2 && notes().await.iter().all(|one| one == b"what for"));
        registers.strip(identity(later), &noted(b"another"));
        assert!(notes().await.iter().all(|one| one == b"what for"));
        registers.strip(identity(later), &note);
        assert!(notes().await.len() >= 2 && notes().await.iter().all(Vec::is_empty));
        assert_eq!(claim(later).await.unwrap_err(), ClaimVerdict::Used);
        registers.release(won).await;
        assert!(notes().await.is_empty());
        let won = claim(later).await.expect("it was given back");
        assert_eq!(claim(later).await.unwrap_err(), ClaimVerdict::Used);
        drop(won);
        assert_eq!(claim(later).await.unwrap_err(), ClaimVerdict::Used);

        servers.truncate(1);
        for _ in 0..LOOKS {
            if count(&registers, State::Down) == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(registers.set_all(0, b"a", b"3", 60_000).await, Err(NoMajority));
        assert_eq!(claim(later + 1).await.unwrap_err(), ClaimVerdict::Unavailable);
    });
}
