//! Starts that succeed or fail: exit statuses and messages.

use std::process::Output;

use rustix::process::Signal;

use crate::harness::process::run;
use crate::harness::{Setup, World};

/// The exit status and what was said on standard error.
fn end(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

async fn fails_to_serve(setup: Setup, status: i32, words: &[&str]) {
    let path = setup.write();
    let arguments = ["serve", "--config", path.to_str().expect("plain letters")];
    let (code, said) = end(&run(setup.directory(), &arguments).await);
    assert_eq!(code, Some(status), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test]
async fn wrong_arguments_are_64() {
    let directory = tempfile::tempdir().expect("a directory");
    for arguments in
        [&["serve"][..], &["serve", "--config"], &["nonsense"], &["mint", "--kind", "free"], &[]]
    {
        let (code, said) = end(&run(directory.path(), arguments).await);
        assert_eq!(code, Some(64), "{arguments:?}: {said}");
        assert!(said.contains("Usage") || said.contains("--help"), "{said}");
    }
}

#[tokio::test]
async fn help_is_no_error_on_any_level() {
    let directory = tempfile::tempdir().expect("a directory");
    let levels: &[&[&str]] = &[
        &[],
        &["sandbox"],
        &["serve"],
        &["check"],
        &["keys"],
        &["mint"],
        &["inspect"],
        &["audit"],
        &["audit", "reconcile"],
        &["audit", "key"],
    ];
    for level in levels {
        let output = run(directory.path(), &[*level, &["--help"]].concat()).await;
        assert!(output.status.success() && !output.stdout.is_empty(), "{level:?}");
    }
}

#[tokio::test]
async fn a_bad_value_is_78_and_names_file_key_value_and_range() {
    let setup = Setup::new().await.config("codes.skew_ms = 10001");
    let words = ["gateway.toml", "skew_ms", "10001", "10000"];
    let said_with_separators = words.map(|word| word.replace("10000", "1"));
    let words: Vec<&str> = said_with_separators.iter().map(String::as_str).collect();
    fails_to_serve(setup, 78, &words).await;
}

#[tokio::test]
async fn an_unknown_key_is_78() {
    let setup = Setup::new().await.config("limits.conections_max = 1");
    fails_to_serve(setup, 78, &["gateway.toml", "conections_max"]).await;
}

#[tokio::test]
async fn a_store_must_be_decided() {
    let mut setup = Setup::new().await;
    setup = setup.config("replay.store = \"memory\"");
    fails_to_serve(setup, 78, &["store", "memory", "local", "registers"]).await;
}

#[tokio::test]
async fn a_display_code_may_not_pay_by_configuration_either() {
    let setup = Setup::new().await.also(
        "route",
        "path = \"/x\"\ncode = \"redeem\"\nkinds = [\"display\"]\nbackend = \"settlement\"",
    );
    fails_to_serve(setup, 78, &["display"]).await;
}

#[tokio::test]
async fn a_redeem_route_below_a_check_route_is_78() {
    let setup = Setup::new().await.also(
        "route",
        "path = \"/check/pay\"\ncode = \"redeem\"\nkinds = [\"payment\"]\nbackend = \"settlement\"",
    );
    fails_to_serve(setup, 78, &["/check/pay"]).await;
}

#[tokio::test]
async fn keys_of_another_environment_are_78() {
    let setup = Setup::new().await.config("server.environment = \"production\"");
    fails_to_serve(setup, 78, &["keyring.toml", "environment", "production"]).await;
}

#[tokio::test]
async fn the_sandbox_environment_is_not_served() {
    let setup = Setup::new().await.config("server.environment = \"sandbox\"");
    fails_to_serve(setup, 78, &["sandbox"]).await;
}

#[tokio::test]
async fn a_secret_that_others_can_read_is_78() {
    use std::os::unix::fs::PermissionsExt;
    let setup = Setup::new().await;
    let secret = setup.directory().join("keyring/seal-1.key");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    fails_to_serve(setup, 78, &["seal-1.key", "chmod 600"]).await;
}

#[tokio::test]
async fn a_missing_configuration_names_its_path() {
    let directory = tempfile::tempdir().expect("a directory");
    let (code, said) = end(&run(directory.path(), &["serve", "--config", "nowhere.toml"]).await);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("nowhere.toml"), "{said}");
}

#[tokio::test]
async fn a_taken_port_is_one_clear_sentence() {
    let world = World::start().await;
    let listener = format!("[[listener]]\naddress = \"{}\"", world.address);
    let setup = Setup::new().await.config(&listener);
    fails_to_serve(setup, 1, &[&world.address]).await;
    let setup = Setup::new().await.config(&format!("admin.address = \"{}\"", world.admin));
    fails_to_serve(setup, 1, &[&world.admin]).await;
}

#[tokio::test]
async fn check_says_what_would_run_and_how_much_memory() {
    let setup = Setup::new().await;
    let path = setup.write();
    let arguments = ["check", "--config", path.to_str().expect("plain letters")];
    let output = run(setup.directory(), &arguments).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for word in ["/pay", "settlement", "7001", "KiB"] {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
}

#[tokio::test]
async fn check_warns_of_a_backend_slower_than_its_clients() {
    let setup = Setup::new().await.backend("timeout_ms", 55_000);
    let path = setup.write();
    let arguments = ["check", "--config", path.to_str().expect("plain letters")];
    let output = run(setup.directory(), &arguments).await;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success() && said.contains("timeout_ms"), "{said}");
}

#[tokio::test]
async fn a_stale_unix_socket_is_replaced_and_a_living_one_is_not() {
    let setup = Setup::new().await;
    let path = setup.directory().join("front.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket file"));
    let listener = format!("[[listener]]\naddress = \"unix:{}\"", path.display());
    let mut world = setup.config(&listener).start().await;
    let second = Setup::new().await.config(&listener);
    fails_to_serve(second, 1, &["front.sock"]).await;
    world.signal(Signal::TERM);
    assert!(world.process.ended().await.success());
    assert!(!path.exists(), "a socket file is left behind");
}
