//! A client in another language, written from the format document alone, mints and pays.

use std::process::Output;

use tokio::process::Command;

use crate::harness::process::run_well;
use crate::harness::project::root;
use crate::harness::{Setup, soon};

#[tokio::test]
async fn the_test_vector_holds_in_another_language() {
    let output = python(&["--self-test"]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "run tests/run, which installs what is missing: {said}");
}

#[tokio::test]
async fn an_issuer_in_another_language_pays_with_keys_from_the_ceremony() {
    let setup = Setup::new().await.config("server.keyring = \"ceremony\"");
    let directory = setup.directory().to_owned();
    let of_key = ["--keyring", "ceremony", "--key-id", "7100"];
    let keys = async |action: &[&str]| {
        run_well(&directory, &[&["keys"], action, &of_key].concat()).await;
    };
    let files = ["generate", "--channel", "city-app", "--signing-key", "7100.pem"];
    keys(&[&files[..], &["--environment", "test"]].concat()).await;
    let listed = run_well(&directory, &["keys", "list", "--keyring", "ceremony"]).await;
    if listed.contains("announced") {
        keys(&["activate"]).await;
    }
    keys(&["export-seal-key", "--out", "seal.hex"]).await;

    let world = setup.start().await;
    world.behind_fence().await;
    let url = format!("http://{}/pay", world.address);
    let [signing_key, seal_key] = ["7100.pem", "seal.hex"].map(|name| directory.join(name));
    let output = python(&[
        "--key-id",
        "7100",
        "--signing-key",
        signing_key.to_str().expect("plain letters"),
        "--seal-key",
        seal_key.to_str().expect("plain letters"),
        &url,
    ])
    .await;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.trim(), "200 approved\n200 approved again\n409 code_used");
    let seen = world.backend.only().await;
    assert_eq!(seen.field("yanma-channel"), Some("city-app"));
    assert_eq!(seen.field("yanma-patient"), Some("42"));
}

async fn python(arguments: &[&str]) -> Output {
    let python = std::env::var("YANMA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = root().join("tests/python/pay.py");
    let mut command = Command::new(python);
    command.arg(script).args(arguments).kill_on_drop(true);
    soon("the end of the script", command.output()).await.expect("python3; run tests/run")
}
