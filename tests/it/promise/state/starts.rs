//! Starts with a damaged or strange data directory. The result is a clear error or an empty table
//! behind a fence, never a silent fallback.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use rustix::process::Signal;
use tokio::process::Command;

use super::{code_of_now, data_dir, fails, names, said};
use crate::harness::process::binary;
use crate::harness::{Setup, World, soon};

/// A change of the table's file while no gateway runs.
type Damage = fn(&Path) -> io::Result<()>;

/// Each damage with the logged reason for a new table.
const DAMAGES: [(&str, Damage); 7] = [
    ("damaged", |table| cut(table, 100)),
    ("damaged", |table| cut(table, 4_096 + 64)),
    ("damaged", |table| cut(table, 0)),
    ("damaged", |table| fs::write(table, vec![0xa5; 4_096 + 262_144])),
    ("another version", |table| patch(table, 8, 99)),
    ("last started", |table| patch(table, 64, 1)),
    ("a copy", |table| {
        let copy = table.with_extension("copy");
        fs::copy(table, &copy)?;
        fs::rename(copy, table)
    }),
];

fn cut(table: &Path, bytes: u64) -> io::Result<()> {
    File::options().write(true).open(table)?.set_len(bytes)
}

fn patch(table: &Path, at: u64, value: u64) -> io::Result<()> {
    File::options().write(true).open(table)?.write_all_at(&value.to_ne_bytes(), at)
}

#[tokio::test]
async fn what_is_not_the_table_is_replaced_by_an_empty_one_behind_a_fence() {
    let mut world = World::start().await;
    let spent = world.code();
    world.pay(&spent).await.assert_approved();
    for (reason, damage) in DAMAGES {
        world.signal(Signal::KILL);
        world.process.ended().await;
        damage(&data_dir(&world).join("replay")).expect("a table to damage");
        world.start_again().await;
        names(&world.process.said(), &["data/replay: a new table, because", reason]);
        world.pay(&spent).await.assert_refused("warming_up");
        world.pay(&code_of_now()).await.assert_refused("warming_up");
    }
    assert_eq!(world.backend.count(), 1);
    let mode = fs::metadata(data_dir(&world).join("replay")).expect("a table").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A directory without a process for more than 5 s may have been set back, so it gets a new fence.
#[tokio::test]
async fn a_table_that_nobody_kept_gets_a_fence() {
    let mut world = World::start().await;
    let unspent = world.code();
    world.signal(Signal::TERM);
    world.process.ended().await;
    tokio::time::sleep(std::time::Duration::from_millis(5_300)).await;
    world.start_again().await;
    world.pay(&unspent).await.assert_refused("warming_up");
    assert!(!world.process.said().contains("a new table"));
}

#[tokio::test]
async fn a_file_where_the_directory_should_be() {
    let setup = Setup::new().await;
    fs::write(setup.directory().join("data"), "").expect("a file");
    let (status, said) = fails(&setup, &[]).await;
    assert_eq!(status, Some(1), "{said}");
    names(&said, &["data_dir", "/data", "not a directory"]);
}

#[tokio::test]
async fn a_stranger_that_holds_the_lock_alone() {
    let setup = Setup::new().await;
    let data = setup.directory().join("data");
    fs::create_dir(&data).expect("a directory");
    let lock = File::create(data.join("lock")).expect("a lock file");
    lock.lock().expect("a lock that nobody else wants");
    let (status, said) = fails(&setup, &[]).await;
    assert_eq!(status, Some(1), "{said}");
    names(&said, &["data/lock", "another process has held it alone for 5 s"]);
    assert!(!data.join("replay").exists());
}

#[tokio::test]
async fn a_disk_that_is_full() {
    let words = ["data/replay.new", "no room for a table of 32768 slots", "266240 bytes"];
    on_a_mount("mount -t tmpfs -o size=128k none \"$1\"", &words).await;
}

/// The same for a user who may not mount: files may not grow above 32 KiB.
#[tokio::test]
async fn a_table_that_does_not_fit() {
    let setup = Setup::new().await;
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 64 && exec \"$0\" serve --config \"$1\""]);
    command.arg(binary()).arg(setup.write());
    let output = soon("the end of yanma", command.kill_on_drop(true).output()).await;
    let (status, said) = said(&output.expect("sh starts"));
    assert_eq!(status, Some(1), "{said}");
    names(&said, &["data/replay.new", "no room for a table of 32768 slots"]);
}

#[tokio::test]
async fn a_read_only_mount() {
    let words = ["data/mark", "read-only mount"];
    on_a_mount("mount -t tmpfs -o ro none \"$1\"", &words).await;
}

/// Runs the gateway with its data directory on a file system that `mount` makes, in a mount
/// namespace of its own.
async fn on_a_mount(mount: &str, words: &[&str]) {
    let Some(unshare) = unshare().await else {
        eprintln!("not tested: this user cannot have a mount namespace");
        return;
    };
    let setup = Setup::new().await;
    let data = setup.directory().join("data");
    fs::create_dir(&data).expect("a directory");
    let script = format!("{mount} && exec \"$2\" serve --config \"$3\"");
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-c", &script, "sh"]);
    command.arg(&data).arg(binary()).arg(setup.write());
    let output = soon("the end of yanma", command.kill_on_drop(true).output()).await;
    let (status, said) = said(&output.expect("unshare starts"));
    assert_eq!(status, Some(1), "{said}");
    names(&said, words);
}

/// The arguments with which this user can have a mount namespace, if any.
async fn unshare() -> Option<&'static [&'static str]> {
    for arguments in [&["-m"][..], &["-r", "-m"]] {
        let mount = ["mount", "-t", "tmpfs", "none", "/mnt"];
        let mut command = Command::new("unshare");
        let output = command.args(arguments).args(mount).output().await;
        if output.is_ok_and(|output| output.status.success()) {
            return Some(arguments);
        }
    }
    None
}
