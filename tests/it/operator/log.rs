//! A log that cannot be written: the reader of standard error is gone or stands still, or the disk
//! is full. Nothing waits for it, and nothing ends because of it.

use std::fs;
use std::io::PipeWriter;
use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use tokio::net::TcpStream;

use crate::harness::keys::{ISSUERS, STRANGER, WECHAT, payment};
use crate::harness::process::{Process, StandardError, address, full, full_pipe, run_into};
use crate::harness::wire::Kind;
use crate::harness::world::{is_ready, sample_of};
use crate::harness::{Client, Request, Setup, World, eventually, now_ms};

const RELOADED: &str = "yanma_config_last_reload_successful";
/// A new process has read it later.
const READ_AT: &str = "yanma_config_last_reload_success_timestamp_seconds";
const DROPPED: &str = "yanma_log_dropped_total";

async fn world(standard_error: StandardError) -> World {
    let setup = Setup::new().await.config("[record]\ndirectory = \"record\"");
    setup.standard_error(standard_error).start().await
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let on_a_full_disk = async {
        let world = world(StandardError::Full).await;
        world.metric_reaches(DROPPED, 1.0).await;
        goes_on_without_a_log(world).await;
    };
    let whose_reader_is_gone = async {
        let mut world = world(StandardError::Pipe).await;
        world.process.hang_up();
        goes_on_without_a_log(world).await;
    };
    let whose_reader_stands_still = async {
        let world = world(StandardError::Pipe).await;
        world.process.stand_still();
        goes_on_without_a_log(world).await;
    };
    tokio::join!(on_a_full_disk, whose_reader_is_gone, whose_reader_stands_still);
}

#[tokio::test]
async fn a_reader_of_the_log_that_goes_on_gets_what_waited() {
    let mut world = world(StandardError::Pipe).await;
    world.process.stand_still();
    a_reload_is_refused_and_the_next_one_is_not(&world).await;
    let text = world.process.read_until(" info reloaded: ").await;
    assert!(text.contains(" warning reload_refused: "), "{text}");
    assert!(!text.contains("log_lines_missing"), "the queue had room: {text}");
    assert!(world.metric(DROPPED).await < 0.5);
}

/// Lines above the queue's limit are dropped and counted, and a line says where they are missing.
#[tokio::test]
async fn lines_that_found_no_room_are_counted_and_told() {
    let mut world = world(StandardError::Pipe).await;
    world.process.stand_still();
    fs::remove_file(world.config_path()).expect("removed");
    let mut admin = Client::connect(&world.admin).await;
    while world.metric(DROPPED).await < 0.5 {
        for _ in 0..50 {
            let answer =
                admin.ask(Request::post("/reload").host("localhost").body("").bytes()).await;
            assert_eq!(answer.status(), 422);
        }
    }
    world.process.read_until(" warning reload_refused: ").await;
    // The queue had room again as soon as the first line was read.
    let dropped = world.metric(DROPPED).await;
    admin.ask(Request::post("/reload").host("localhost").body("").bytes()).await;
    let text = world.process.read_until(" could not be written in time\n").await;
    let (_, told) = text.split_once(" warning log_lines_missing: ").expect("the notice");
    let told: f64 = told.split_once(' ').and_then(|(n, _)| n.parse().ok()).expect("a number");
    assert!((told - dropped).abs() < 0.5, "{told} of {dropped}");
}

/// Every event that the gateway logs, then an upgrade and a drain, each with a payment.
async fn goes_on_without_a_log(mut world: World) {
    a_reload_is_refused_and_the_next_one_is_not(&world).await;
    a_record_that_fails_comes_back(&world).await;
    accepting_that_fails_comes_back(&world).await;

    let mut client = payment_at_the_backend(&world).await;
    let read_at = world.metric(READ_AT).await;
    let successor = world.process.upgrade_unheard().await;
    let mut old = std::mem::replace(&mut world.process, successor);
    world.metric_reaches(READ_AT, read_at + 0.001).await;
    assert!(old.is_running(), "its payment still runs");
    world.backend.open();
    client.answer().await.assert_approved();
    assert!(old.ended().await.success());

    let mut client = payment_at_the_backend(&world).await;
    world.signal(Signal::TERM);
    let refused = async || TcpStream::connect(&world.address).await.is_err().then_some(());
    eventually("a listener that is closed", refused).await;
    world.backend.open();
    client.answer().await.assert_approved();
    world.process.gone().await;
}

async fn payment_at_the_backend(world: &World) -> Client {
    let arrived = world.backend.count();
    world.backend.hold();
    let mut client = world.client().await;
    client.send(Request::post("/pay").code(&world.code()).bytes()).await;
    world.backend.arrived(arrived + 1).await;
    client
}

async fn a_reload_is_refused_and_the_next_one_is_not(world: &World) {
    world.write_keyring(&[STRANGER, STRANGER]);
    world.signal(Signal::HUP);
    world.metric_becomes(RELOADED, 0.0).await;
    world.write_keyring(ISSUERS);
    world.signal(Signal::HUP);
    world.metric_becomes(RELOADED, 1.0).await;
}

async fn a_record_that_fails_comes_back(world: &World) {
    let record = world.directory().join("record");
    fs::remove_dir_all(&record).expect("removed");
    world.ask(&Request::get("/open")).await.assert_approved();
    world.metric_reaches("yanma_record_errors_total", 1.0).await;
    fs::create_dir(&record).expect("made");
    let written = world.metric("yanma_record_decisions_total").await;
    world.pay(&world.code()).await.assert_approved();
    world.metric_reaches("yanma_record_decisions_total", written + 1.0).await;
}

/// No descriptor is left for a moment. Some clients are refused then, and all are served when there
/// is one again.
async fn accepting_that_fails_comes_back(world: &World) {
    let pid = i32::try_from(world.process.pid()).ok().and_then(Pid::from_raw);
    // Another admin connection could not be accepted.
    let mut admin = Client::connect(&world.admin).await;
    admin.ask(Request::get("/healthz").bytes()).await;
    let open = fs::read_dir(format!("/proc/{}/fd", world.process.pid())).expect("/proc").count();
    let maximum = getrlimit(Resource::Nofile).maximum;
    let few = Rlimit { current: u64::try_from(open).ok(), maximum };
    let before = prlimit(pid, Resource::Nofile, few).expect("a limit for our own child");
    let mut waiting = Vec::new();
    for _ in 0..24 {
        waiting.push(world.client().await);
    }
    eventually("an accept that fails", async || {
        let metrics = admin.ask(Request::get("/metrics").bytes()).await;
        let hits = "yanma_limit_hits_total{limit=\"file_descriptors\"}";
        sample_of(metrics.text(), hits).filter(|count| *count > 0.5)
    })
    .await;
    prlimit(pid, Resource::Nofile, before).expect("a limit for our own child");
    for client in &mut waiting {
        // A refused one was told so, or closed.
        let _closed_or_not = client.try_send(Request::get("/open").bytes()).await;
        match client.try_answer(Kind::Answer).await {
            Ok(Some(answer)) if answer.status() == 503 => drop(answer.assert_refused("overloaded")),
            Ok(Some(answer)) => answer.assert_approved(),
            Ok(None) | Err(_) => {}
        }
    }
    world.ask(&Request::get("/open")).await.assert_approved();
}

/// A terminal that stands still, and `yanma sandbox | head -1`.
#[tokio::test]
async fn a_sandbox_whose_output_is_not_read_runs_and_ends() {
    let (_reader, stuck) = full_pipe();
    for (stdout, stderr) in [(gone(), gone()), (stuck.try_clone().expect("a handle"), stuck)] {
        let directory = tempfile::tempdir().expect("a directory");
        let [gateway, admin, backend] = [address(), address(), address()];
        let sandbox = ["sandbox", "--listen", &gateway, "--admin", &admin, "--backend", &backend];
        let mut process = Process::start_into(directory.path(), &sandbox, stdout, stderr);
        eventually("a sandbox", async || is_ready(&admin).await.then_some(())).await;
        process.signal(Signal::HUP);
        process.signal(Signal::INT);
        assert!(process.ended().await.success());
    }
}

/// A result that cannot be written is an error. A reader that closed the pipe is none. A message
/// that cannot be written changes no exit status.
#[tokio::test]
async fn commands_whose_output_cannot_be_written_end_with_their_own_status() {
    let setup = Setup::new().await;
    let config = setup.write().display().to_string();
    let code = WECHAT.mint(&payment(now_ms().div_euclid(1_000)));
    let world = setup.start().await;
    world.pay(&world.code()).await.assert_approved();
    let key = WECHAT.write_signing_key(world.directory().join("issuer.pem"));
    let key = key.display().to_string();
    let issuer = ["--keyring", "keyring", "--key-id", "7001", "--subject", "42"];
    let issuer = [&issuer[..], &["--signing-key", &key]].concat();
    let commands: [&[&str]; 7] = [
        &["check", "--config", &config],
        &["keys", "list", "--keyring", "keyring"],
        &["inspect", &code],
        &["audit", "reconcile", "data/record"],
        &["audit", "data/record"],
        &[&["mint", "--count", "1000"], &issuer[..]].concat(),
        &["--help"],
    ];
    for arguments in commands {
        let directory = world.directory();
        for is_gone in [true, false] {
            let log = directory.join("said");
            let stderr = fs::File::create(&log).expect("a file");
            let stdout = if is_gone { Stdio::from(gone()) } else { full().into() };
            let status = run_into(directory, arguments, stdout, stderr).await;
            let said = fs::read_to_string(&log).expect("a file");
            assert_eq!(status.code(), Some(1), "{arguments:?}: {said}");
            let sentence = if is_gone { "" } else { "yanma: cannot write the output: " };
            assert!(said.starts_with(sentence), "{arguments:?}: {said}");
            assert_eq!(said.is_empty(), is_gone, "{arguments:?}: {said}");
        }
    }
    for stderr in [Stdio::from(gone()), full().into()] {
        let nowhere = ["serve", "--config", "nowhere.toml"];
        let status = run_into(world.directory(), &nowhere, Stdio::null(), stderr).await;
        assert_eq!(status.code(), Some(78));
    }
}

/// The end of a pipe without a reader.
fn gone() -> PipeWriter {
    std::io::pipe().expect("a pipe").1
}
