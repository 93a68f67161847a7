//! The Containerfile. No image is built here: that takes a container engine and a registry.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::{config, run_tool, said};
use crate::harness::project::{read, root};
use crate::harness::{Setup, eventually};
use crate::operator::host::{child_of, namespace};

fn instructions() -> Vec<String> {
    let text = read(&config("deploy/Containerfile")).replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[tokio::test]
async fn hadolint_finds_nothing() {
    let output = run_tool("hadolint", &["config/deploy/Containerfile"]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "");
}

/// What the builder copies is all that cargo needs: a new crate must be copied too.
#[test]
fn the_builder_gets_each_crate() {
    let context = tempfile::tempdir().expect("a directory");
    let all = instructions();
    let copies = all.iter().filter_map(|line| line.strip_prefix("COPY "));
    for copy in copies.filter(|copy| !copy.starts_with("--from")) {
        let mut words: Vec<&str> = copy.split_whitespace().collect();
        let target = words.pop().expect("a target");
        for source in words {
            let name = if target == "./" { source } else { target };
            assert!(root().join(source).exists(), "{source}");
            symlink(root().join(source), context.path().join(name)).expect("a link");
        }
    }
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(context.path())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", said(&output));
    // What the program carries in itself lies in copied folders.
    let copied = |name: &str| fs::symlink_metadata(context.path().join(name)).is_ok();
    assert!(copied("config") && copied("gateway") && copied("keyring"));
}

#[test]
fn the_image_has_no_root_and_no_shell() {
    let all = instructions();
    let last = all.iter().rposition(|line| line.starts_with("FROM ")).expect("a stage");
    let stage = &all[last..];
    let one = |word: &str| {
        let found: Vec<&str> =
            stage.iter().filter_map(|line| line.strip_prefix(word)).map(str::trim).collect();
        assert_eq!(found.len(), 1, "{word}: {found:?}");
        found[0].to_owned()
    };
    assert_eq!(one("USER "), "65532:65532");
    assert_eq!(one("STOPSIGNAL "), "SIGTERM");
    assert_eq!(one("EXPOSE "), "7460 7461");
    assert!(one("ENTRYPOINT ").starts_with('['), "a shell would be process 1");
    assert!(one("CMD ").starts_with('['));
    // Without a shell nothing can be run there.
    assert!(!stage.iter().any(|line| line.starts_with("RUN ")));
    let bases: Vec<&String> = all.iter().filter(|line| line.starts_with("ARG ")).collect();
    assert_eq!(bases.len(), 2);
    for base in bases {
        let image = base.split_once('=').expect("an image").1;
        let (host, _) = image.split_once('/').expect("a host");
        assert!(["docker.io", "gcr.io"].contains(&host), "{image}");
        assert!(!image.ends_with(":latest") && image.contains(':'), "{image}");
    }
}

fn children(pid: Pid) -> Vec<String> {
    let pid = pid.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.expect("a list").split_whitespace().map(str::to_owned).collect()
}

/// In an image the gateway is process 1, with nothing above it that would do the work of an init.
#[tokio::test]
async fn as_process_1_it_buries_orphans_and_drains() {
    let in_container = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let Some(words) = namespace(&in_container).await else { return };
    let mut world = Setup::new().await.through(&words).start().await;
    let gateway = child_of(&world.process);
    // A program that was started in the container by hand, and ends before its own child.
    let pid = gateway.as_raw_nonzero().to_string();
    let mut enter = vec!["--target", &pid, "--pid", "--mount"];
    if words.contains(&"--map-root-user") {
        enter.extend(["--user", "--preserve-credentials"]);
    }
    enter.extend(["sh", "-c", "sleep 1 >/dev/null 2>&1 &"]);
    let output = run_tool("nsenter", &enter).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(children(gateway).len(), 1, "the kernel gives the orphan to process 1");
    eventually("a buried orphan", async || children(gateway).is_empty().then_some(())).await;
    world.pay(&world.code()).await.assert_approved();
    kill_process(gateway, Signal::TERM).expect("a process of ours");
    assert!(world.process.ended().await.success());
    assert!(world.process.said().contains(" drained: "), "{}", world.process.said());
}
