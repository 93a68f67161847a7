//! What a node counts for those who watch it: each family is there, says what is so, and is written
//! as Prometheus wants it.

use std::process::Stdio;

use keyring::mint::Spoil;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::harness::keys::{ISSUERS, RETIRING, REVOKED, WECHAT};
use crate::harness::redis::{self, Redis};
use crate::harness::world::sample_of;
use crate::harness::{Request, Setup, World, eventually};

fn key_codes(key_id: u32, verdict: &str) -> String {
    format!("yanma_key_codes_total{{key_id=\"{key_id}\",verdict=\"{verdict}\"}}")
}

/// Of a node that shows all families that one node can show at once.
#[tokio::test]
async fn promtool_has_no_complaint_about_a_live_page() {
    let visit =
        "path = \"/visit\"\ncode = \"pass_check\"\nbackend = \"settlement\"\nenforce = false";
    let uif = "path = \"/uif\"\nbackend = \"settlement\"\ninfno_at = \"/infno\"\ninfno = { 1101 = \"none\" }";
    let setup = Setup::new().await.also("route", visit).also("route", uif);
    let world = setup.start().await;
    world.pay(&world.code()).await.assert_approved();
    let page = world.metrics().await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts: Debian's package prometheus has it");
    let mut stdin = promtool.stdin.take().expect("a pipe");
    stdin.write_all(page.as_bytes()).await.expect("it reads the page");
    drop(stdin);
    let output = promtool.wait_with_output().await.expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn codes_are_counted_by_the_key_that_they_name() {
    let world = World::start().await;
    for issuer in ISSUERS {
        for verdict in ["genuine", "seal_invalid", "signature_invalid"] {
            let line = format!("{} 0\n", key_codes(issuer.id, verdict));
            assert!(world.metrics().await.contains(&line), "there from the start: {line}");
        }
    }
    let code = world.code();
    world.pay(&code).await.assert_approved();
    world.ask(&Request::post("/pay").code(&code).body("other")).await.assert_refused("code_used");
    world.pay(&RETIRING.mint(&world.fresh())).await.assert_approved();
    let forged = WECHAT.mint_spoiled(&world.fresh(), Spoil::Signature);
    world.pay(&forged).await.assert_refused("signature_invalid");
    let ill_sealed = WECHAT.mint_spoiled(&world.fresh(), Spoil::Seal);
    world.pay(&ill_sealed).await.assert_refused("seal_invalid");
    world.pay(&REVOKED.mint(&world.fresh())).await.assert_refused("key_revoked");
    let counts = async |id| {
        let page = world.metrics().await;
        ["genuine", "seal_invalid", "signature_invalid"].map(|verdict| {
            let sample = key_codes(id, verdict);
            sample_of(&page, &sample).expect("a series")
        })
    };
    assert_eq!(counts(WECHAT.id).await, [2.0, 1.0, 1.0]);
    assert_eq!(counts(RETIRING.id).await, [1.0, 0.0, 0.0]);
    assert_eq!(counts(REVOKED.id).await, [0.0; 3], "it is not asked");

    // A key that leaves the keyring keeps its counts, and goes on with them when it comes again.
    for issuers in [&[WECHAT][..], ISSUERS] {
        world.write_keyring(issuers);
        assert_eq!(world.admin("POST", "/reload").await.status(), 200);
        assert_eq!(counts(RETIRING.id).await, [1.0, 0.0, 0.0]);
    }
    world.pay(&RETIRING.mint(&world.fresh())).await.assert_approved();
    assert_eq!(counts(RETIRING.id).await, [2.0, 0.0, 0.0]);
}

#[tokio::test]
async fn a_node_tells_its_clock_its_workers_and_its_room() {
    let world = World::with("server.workers = 2").await;
    let wall = world.metric("yanma_clock_offset_seconds{source=\"wall\"}").await;
    assert!(wall.abs() < 0.5, "{wall}");
    let cpu = |worker: usize| format!("yanma_worker_cpu_seconds_total{{worker=\"{worker}\"}}");
    let page = world.metrics().await;
    assert!(page.contains(&cpu(0)) && page.contains(&cpu(1)), "{page}");
    assert!(!page.contains(&cpu(2)), "the accepting thread is no worker: {page}");
    let mut clients = [world.client().await, world.client().await];
    eventually("a tick of processor time of each worker", async || {
        for client in &mut clients {
            client.ask(Request::get("/open").bytes()).await.assert_approved();
        }
        let page = world.metrics().await;
        let of = |worker| sample_of(&page, &cpu(worker));
        (of(0)? > 0.0 && of(1)? > 0.0).then_some(())
    })
    .await;
    assert!(world.metric("yanma_record_free_bytes").await > 1e6);
    let build = page.lines().find(|line| line.starts_with("yanma_build_info{")).expect("a line");
    assert!(build.contains("version=\"") && build.contains("revision=\""), "{build}");
}

/// The clock of this node is behind those of its registers, and is then set back.
#[tokio::test]
async fn a_node_tells_the_clocks_of_its_registers_and_its_own_wall_clock() {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = directory.path().join("clock");
    std::fs::write(&clock, "-400").expect("a file");
    let registers = Redis::group().await;
    let setup = Setup::new().await.config(&redis::config(&registers));
    let setup = setup.environment("YANMA_TEST_CLOCK", clock.to_str().expect("plain letters"));
    let world = setup.start().await;
    let offset = |source: &str| format!("yanma_clock_offset_seconds{{source=\"{source}\"}}");
    let is_near = async |source: &str, seconds: f64| {
        let page = world.metrics().await;
        let found = sample_of(&page, &offset(source))?;
        ((found - seconds).abs() < 0.2).then_some(())
    };
    for register in &registers {
        let what = "a register's clock";
        eventually(what, async || is_near(register.address(), 0.4).await).await;
    }
    eventually("the wall clock", async || is_near("wall", 0.0).await).await;
    // Time does not follow a step back, so the registers are no further ahead of it.
    std::fs::write(&clock, "-5400").expect("a file");
    eventually("a step back", async || is_near("wall", -5.0).await).await;
    assert!(is_near(registers[0].address(), 0.4).await.is_some(), "{}", world.metrics().await);
    // A register whose clock cannot be read has no series.
    registers[1].pause();
    let is_gone = async || {
        let page = world.metrics().await;
        sample_of(&page, &offset(registers[1].address())).is_none().then_some(())
    };
    eventually("a series that ends", is_gone).await;
    registers[1].go_on();
    let register = registers[1].address();
    eventually("the same again", async || is_near(register, 0.4).await).await;
}
