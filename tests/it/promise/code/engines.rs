//! How signatures are verified: by which engine, in which groups, with which tables.

use rustix::process::Signal;

use crate::harness::h2::{H2, post};
use crate::harness::keys::{ISSUERS, Issuer, WECHAT};
use crate::harness::process::run_in;
use crate::harness::{Setup, World};

const VARIABLE: &str = "YANMA_VERIFY";

#[tokio::test]
async fn each_engine_accepts_and_refuses_the_same() {
    for engine in ["ifma", "portable", "reference"] {
        let setup = Setup::new().await.environment(VARIABLE, engine);
        if engine == "ifma" && !keyring::suite::Engine::Ifma.is_available() {
            // On this CPU it must be refused, in words that say what can be done.
            let output = check(&setup).await;
            assert_eq!(output.status.code(), Some(78));
            assert!(String::from_utf8_lossy(&output.stderr).contains("AVX-512 IFMA"));
            continue;
        }
        let world = setup.start().await;
        let active = |name| format!("yanma_verify_engine_active{{engine=\"{name}\"}}");
        for name in ["ifma", "portable", "reference"] {
            let expected = if name == engine { 1.0 } else { 0.0 };
            world.metric_becomes(&active(name), expected).await;
        }
        // Announced keys have a table too, revoked ones none.
        let tables = if engine == "reference" { 0.0 } else { 4.0 };
        world.metric_becomes("yanma_verify_tables{state=\"ready\"}", tables).await;
        world.pay(&world.code()).await.assert_approved();
        let forged = WECHAT.mint_spoiled(&world.fresh(), keyring::mint::Spoil::Signature);
        world.pay(&forged).await.assert_refused("signature_invalid");
        assert!(world.metric("yanma_verify_mismatches_total").await < 0.5);
    }
}

#[tokio::test]
async fn an_unknown_engine_is_78_and_names_what_is_allowed() {
    let setup = Setup::new().await.environment(VARIABLE, "fast");
    let output = check(&setup).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    let expected = "environment variable YANMA_VERIFY: \"fast\" is no engine; allowed: ifma, \
                    portable, reference";
    assert!(said.contains(expected), "{said}");
}

/// Sixteen heads that come in one piece are verified in fewer than sixteen groups, and each
/// request gets the answer of its own code.
#[tokio::test]
async fn codes_that_come_together_are_verified_together() {
    let world = World::with("server.workers = 1").await;
    let mut client = H2::connect(&world.address).await;
    let mut exchanges = Vec::new();
    for number in 0..16 {
        let is_sound = number % 5 != 0;
        let code = if is_sound {
            world.code()
        } else {
            WECHAT.mint_spoiled(&world.fresh(), keyring::mint::Spoil::Signature)
        };
        let request = post("/pay", &code).body(()).expect("a request");
        exchanges.push((is_sound, client.begin(request).await));
    }
    for (is_sound, mut exchange) in exchanges {
        exchange.send("{}", true);
        let answer = exchange.answer().await.expect("an answer");
        if is_sound {
            answer.assert_approved();
        } else {
            answer.assert_refused("signature_invalid");
        }
    }
    let (codes, groups) = ("yanma_verify_batch_size_sum", "yanma_verify_batch_size_count");
    assert!((world.metric(codes).await - 16.0).abs() < 0.5);
    assert!(world.metric(groups).await < 15.5, "{} groups", world.metric(groups).await);
    let single = world.metric("yanma_verify_batch_size_bucket{le=\"1\"}").await;
    assert!(single < 15.5, "{single} codes alone");
}

#[tokio::test]
async fn a_reload_builds_the_table_of_a_new_key() {
    const NEW: Issuer = Issuer { id: 8001, channel: "city-app", ..WECHAT };
    let world = World::with("").await;
    let ready = "yanma_verify_tables{state=\"ready\"}";
    world.metric_becomes(ready, 4.0).await;
    let bytes = world.metric("yanma_verify_table_bytes").await;
    assert!(bytes > 0.0 && bytes <= 4.0 * 1_048_576.0, "{bytes}");
    world.write_keyring(&[ISSUERS, &[NEW]].concat());
    world.signal(Signal::HUP);
    world.metric_becomes(ready, 5.0).await;
    world.pay(&NEW.mint(&world.fresh())).await.assert_approved();
    world.pay(&world.code()).await.assert_approved();
    assert!(world.metric("yanma_verify_table_build_seconds").await > 0.0);
    assert!(world.metric("yanma_verify_table_faults_total").await < 0.5);
}

#[tokio::test]
async fn check_says_what_verifies_and_what_the_tables_cost() {
    let output = check(&Setup::new().await.environment(VARIABLE, "portable")).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for words in [
        "verifies with  portable (tables, one signature at a time, forced by YANMA_VERIFY)",
        "tables for it  keys: 4, ",
        " additions a code",
        "5 tables built in ",
        "verification tables ",
    ] {
        assert!(said.contains(words), "{words:?} is missing: {said}");
    }
    let small = Setup::new().await.config("server.verify_table_mib = 0");
    let output = check(&small.environment(VARIABLE, "portable")).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("4 of 4 keys have no table"), "{said}");
}

async fn check(setup: &Setup) -> std::process::Output {
    let path = setup.write();
    let path = path.to_str().expect("a path of plain letters");
    run_in(setup.directory(), &["check", "--config", path], setup.variables()).await
}
