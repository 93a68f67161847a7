//! A client in another language, written from the format document alone, mints and pays.

use crate::harness::Setup;
use crate::harness::process::run_well;
use crate::harness::python::python;

#[tokio::test]
async fn the_test_vector_holds_in_another_language() {
    let output = python("issuer.py", &["--self-test"]).await;
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
    let signing_key = signing_key.to_str().expect("plain letters");
    let seal_key = seal_key.to_str().expect("plain letters");
    let keys = ["--key-id", "7100", "--signing-key", signing_key, "--seal-key", seal_key];
    let output = python("issuer.py", &[&keys[..], &[&url]].concat()).await;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.trim(), "200 approved\n200 approved again\n409 code_used");
    let seen = world.backend.only().await;
    assert_eq!(seen.field("yanma-channel"), Some("city-app"));
    assert_eq!(seen.field("yanma-patient"), Some("42"));
}
