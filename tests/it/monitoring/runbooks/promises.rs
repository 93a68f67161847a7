//! What runbooks promise of a procedure, where no other test shows it. The commands are those of the text.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;

use crate::harness::keys::{WECHAT, payment};
use crate::harness::process::{run, run_well};
use crate::harness::{World, eventually, now_ms};

const SUCCESSFUL: &str = "yanma_config_last_reload_successful";

/// Runs a ceremony on the keyring of a running gateway.
async fn keys(world: &World, arguments: &[&str]) {
    let fixed = ["keys", arguments[0], "--keyring", "keyring"];
    let all: Vec<&str> = fixed.iter().chain(&arguments[1..]).copied().collect();
    run_well(world.directory(), &all).await;
}

async fn generate(world: &World, id: &str) {
    let key = format!("{id}.pem");
    let of = ["generate", "--key-id", id, "--channel", "wechat", "--environment", "test"];
    keys(world, &[&of[..], &["--signing-key", &key]].concat()).await;
}

/// A code that the key signs, minted by the program.
async fn mint(world: &World, id: &str) -> String {
    let key = format!("{id}.pem");
    let of = ["mint", "--keyring", "keyring", "--key-id", id, "--signing-key", &key];
    let whose = ["--subject", "42", "--region", "370100", "--auth", "password"];
    let code = run_well(world.directory(), &[&of[..], &whose].concat()).await;
    code.trim().to_owned()
}

/// Reloads, and waits until another keyring is in force.
async fn reload(world: &World) {
    let digest = async || {
        let page = world.metrics().await;
        page.lines().find(|line| line.starts_with("yanma_config_info{")).map(str::to_owned)
    };
    let before = digest().await;
    world.signal(Signal::HUP);
    eventually("another keyring", async || (digest().await != before).then_some(())).await;
}

/// `leaked-signing-key`, step 2.
#[tokio::test]
async fn the_only_key_is_revoked_at_once() {
    let world = World::start().await;
    world.write_keyring(&[WECHAT]);
    reload(&world).await;
    let code = world.code();
    keys(&world, &["revoke", "--key-id", "7001"]).await;
    reload(&world).await;
    world.metric_becomes(SUCCESSFUL, 1.0).await;
    world.pay(&code).await.assert_refused("key_revoked");
}

/// `leaked-seal-secret`, steps 2 and 3.
#[tokio::test]
async fn a_new_seal_secret_seals_new_keys_and_the_old_ones_go_on() {
    let world = World::start().await;
    let keyring = world.directory().join("keyring");
    let secret = keyring.join("seal-2.key");
    fs::write(&secret, "5a".repeat(32)).expect("a secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("its mode");
    let manifest = OpenOptions::new().append(true).open(keyring.join("keyring.toml"));
    let lines = "\n[[seal_secret]]\nid = 2\nfile = \"seal-2.key\"\n";
    manifest.and_then(|mut file| file.write_all(lines.as_bytes())).expect("written");
    generate(&world, "7009").await;
    let manifest = fs::read_to_string(keyring.join("keyring.toml")).expect("the manifest");
    let (_, added) = manifest.split_once("id = 7009").expect("the new key");
    assert!(added.contains("seal_secret = 2"), "{added}");

    reload(&world).await;
    world.behind_fence().await;
    world.pay(&mint(&world, "7009").await).await.assert_approved();
    world.pay(&world.code()).await.assert_approved();
}

/// `clock`: the clock is right now, and was ahead then.
#[tokio::test]
async fn a_directory_that_remembers_a_wrong_time_serves_again_without_its_tables() {
    let mut world = World::start().await;
    let data = world.directory().join("data");
    world.signal(Signal::TERM);
    world.process.ended().await;
    let mark = fs::read_to_string(data.join("mark")).expect("the mark");
    let time = mark.split_whitespace().next().expect("a time");
    let ahead = time.parse::<u64>().expect("milliseconds") + 3_600_000;
    fs::write(data.join("mark"), mark.replace(time, &ahead.to_string())).expect("written");
    let config = world.config_path();
    let serve = ["serve", "--config", config.to_str().expect("plain letters")];
    let refused = run(world.directory(), &serve).await;
    assert_eq!(refused.status.code(), Some(78), "{refused:?}");

    let aside = world.directory().join("before");
    fs::create_dir(&aside).expect("a directory");
    for name in ["replay", "mark"] {
        fs::rename(data.join(name), aside.join(name)).expect("moved");
    }
    world.start_again().await;
    let of_now = WECHAT.mint(&payment(now_ms().div_euclid(1_000)));
    world.pay(&of_now).await.assert_refused("warming_up");
    world.behind_fence().await;
    world.pay(&world.code()).await.assert_approved();
}
