//! SIGUSR2: a new process takes over the sockets, and no client notices.

use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::harness::keys::{WECHAT, identity};
use crate::harness::process::run;
use crate::harness::world::is_ready;
use crate::harness::{Client, Reply, Request, Setup, World, eventually};

/// Clients that pay without a pause, each code twice, on connections that stay open if they can.
async fn pay_on(address: String, world: Arc<CodeSource>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut paid = Vec::new();
    let mut client = Client::connect(&address).await;
    while !stop.load(Ordering::Relaxed) {
        let code = world.code();
        for bytes in ["{}", "{\"other\":1}"] {
            let request = Request::post("/pay").code(&code).body(bytes).bytes();
            let answer = client.ask(&request).await;
            if bytes == "{}" {
                answer.assert_approved();
            } else {
                answer.assert_refused("code_used");
            }
            if answer.field("connection") == Some("close") {
                client = Client::connect(&address).await;
            }
        }
        paid.push(code);
    }
    paid
}

/// Codes that are later than the start fence, for tasks that outlive a borrow of the world.
struct CodeSource(i64);

impl CodeSource {
    fn code(&self) -> String {
        let now_s = crate::harness::now_ms().div_euclid(1_000);
        WECHAT.mint(&crate::harness::keys::payment(self.0.max(now_s)))
    }
}

#[tokio::test]
async fn three_upgrades_under_traffic_lose_nothing_and_pay_nothing_twice() {
    let mut world = World::start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let issuer = Arc::new(CodeSource(world.fresh().issued_at.get().into()));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (issuer, stop) = (Arc::clone(&issuer), Arc::clone(&stop));
            tokio::spawn(pay_on(world.address.clone(), issuer, stop))
        })
        .collect();
    for _ in 0..3 {
        let count = world.backend.count();
        world.backend.arrived(count + 50).await;
        let mut old = world.upgrade().await;
        old.gone().await;
    }
    let count = world.backend.count();
    world.backend.arrived(count + 50).await;
    stop.store(true, Ordering::Relaxed);
    let mut paid = 0;
    for client in clients {
        for code in client.await.expect("no request failed") {
            assert_eq!(world.backend.count_of(&identity(&code)), 1);
            paid += 1;
        }
    }
    assert_eq!(world.backend.count(), paid);
    assert!(is_ready(&world.admin).await, "the new process answers on the admin listener");
}

#[tokio::test]
async fn what_runs_is_finished_by_the_old_process() {
    let mut world = World::start().await;
    world.backend.hold();
    let code = world.code();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&code).bytes()).await;
    world.backend.arrived(1).await;
    let mut old = world.upgrade().await;
    let mut other = world.client().await;
    other.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(2).await;
    assert!(old.is_running(), "its exchange still runs");
    world.backend.open();
    let answer = client.answer().await;
    answer.assert_approved();
    assert_eq!(answer.field("connection"), Some("close"));
    let answer = other.answer().await;
    answer.assert_approved();
    assert_eq!(answer.field("connection"), None, "this one is the new process's");
    assert!(old.ended().await.success());
    world.ask(&Request::post("/pay").code(&code).body("other")).await.assert_refused("code_used");
}

/// No scrape finds the old process after it has handed over. What it counts then is in the last line
/// of its record, and in that of its log.
#[tokio::test]
async fn what_an_old_process_counted_is_in_its_last_lines() {
    let mut world = World::start().await;
    world.pay(&world.code()).await.assert_approved();
    world.backend.hold();
    let mut clients = [world.client().await, world.client().await];
    for client in &mut clients {
        client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    }
    world.backend.arrived(3).await;
    let mut old = world.upgrade().await;
    world.backend.reply(Reply::ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into()));
    world.backend.open();
    for client in &mut clients {
        client.answer().await.assert_refused("outcome_unknown");
    }
    assert!(old.ended().await.success());
    world.backend.reply(Reply::settled());
    world.pay(&world.code()).await.assert_approved();
    world.signal(Signal::TERM);
    world.process.gone().await;

    let said = world.process.said();
    let last_lines: Vec<&str> = said.lines().filter(|line| line.contains(" drained: ")).collect();
    let ends = [": approved=1 outcome_unknown=2", ": approved=1"];
    let [old_line, new_line] = last_lines[..] else { panic!("{said}") };
    assert!(old_line.ends_with(ends[0]) && new_line.ends_with(ends[1]), "{said}");
    let record = world.directory().join("data/record");
    let mut stops: Vec<String> = std::fs::read_dir(&record)
        .expect("the record")
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"))
        .map(|text| text.lines().last().expect("a line").to_owned())
        .filter(|line| line.contains("\"event\":\"stop\""))
        .map(|line| line.split_once("\"outcomes\":").expect("outcomes").1.to_owned())
        .map(|rest| rest.split_once(",\"hash\"").expect("the last field").0.to_owned())
        .collect();
    stops.sort();
    assert_eq!(stops, ["{\"approved\":1,\"outcome_unknown\":2}", "{\"approved\":1}"]);
    let reconciled = run(world.directory(), &["audit", "reconcile", "data/record"]).await;
    let found = String::from_utf8_lossy(&reconciled.stdout);
    assert!(found.contains("4 redemptions were forwarded, each once"), "{found}");
}

#[tokio::test]
async fn a_new_process_that_cannot_start_changes_nothing() {
    let mut world = World::start().await;
    world.write_config("limits.no_such_limit = 1");
    world.signal(Signal::USR2);
    eventually("the old process's word", async || {
        world.process.said().contains("does not take over").then_some(())
    })
    .await;
    assert!(world.process.said().contains("no_such_limit"), "the new one says why");
    world.pay(&world.code()).await.assert_approved();
    assert!(is_ready(&world.admin).await);
}

#[tokio::test]
async fn a_unix_listener_keeps_its_file_until_the_last_process_ends() {
    let setup = Setup::new().await;
    let path = setup.directory().join("front.sock");
    let listener = format!("[[listener]]\naddress = \"unix:{}\"", path.display());
    let mut world = setup.config(&listener).start().await;
    let mut old = world.upgrade().await;
    assert!(old.ended().await.success());
    let request = Request::post("/pay").code(&world.code()).bytes();
    Client::connect_unix(&path).await.ask(request).await.assert_approved();
    world.signal(Signal::TERM);
    world.process.gone().await;
    assert!(!path.exists(), "a socket file is left behind");
}

/// Each process in turn sends `MAINPID=` and `READY=1` to the service manager. Only a process that
/// was told to leave sends `STOPPING=1`.
#[tokio::test]
async fn a_notify_follows_the_main_process() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    let setup = Setup::new().await.environment("NOTIFY_SOCKET", path.to_str().expect("plain"));
    let mut world = setup.start().await;
    let mut states = Vec::new();
    let first = world.process.pid();
    let mut old = world.upgrade().await;
    assert!(old.ended().await.success());
    let second = world.process.pid();
    world.signal(Signal::TERM);
    world.process.gone().await;
    manager.set_nonblocking(true).expect("a socket of ours");
    let mut message = [0; 256];
    while let Ok(bytes) = manager.recv(&mut message) {
        states.push(String::from_utf8_lossy(&message[..bytes]).into_owned());
    }
    let serving = |pid: u32| format!("MAINPID={pid}\nREADY=1\n");
    assert_eq!(states, [serving(first), serving(second), "STOPPING=1\n".to_owned()]);
}

#[tokio::test]
async fn a_manager_that_does_not_read_holds_nothing_up() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let _manager = UnixDatagram::bind(&path).expect("a socket");
    let full = UnixDatagram::unbound().expect("a socket");
    full.set_nonblocking(true).expect("a socket of ours");
    while full.send_to(b"STATUS=busy", &path).is_ok() {}
    let setup = Setup::new().await.environment("NOTIFY_SOCKET", path.to_str().expect("plain"));
    let mut world = setup.start().await;
    world.pay(&world.code()).await.assert_approved();
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
}

#[tokio::test]
async fn the_variable_of_a_takeover_alone_is_a_clear_error() {
    let setup = Setup::new().await;
    let path = setup.write();
    let arguments = ["serve", "--config", path.to_str().expect("plain letters")];
    let variables = [("YANMA_TAKEOVER", "1".to_owned())];
    let output = crate::harness::process::run_in(setup.directory(), &arguments, &variables).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("YANMA_TAKEOVER") && said.contains("standard input"), "{said}");
}
