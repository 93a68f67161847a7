//! The data directory is taken away from a running process. The process stops spending and logs it
//! once. The next process accepts no code that the first may have accepted.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{becomes_unready, beside, data_dir, names};
use crate::harness::keys::identity;
use crate::harness::{World, now_ms, until};

/// What happens to the directory.
type Fate = fn(&Path);

fn delete(data: &Path) {
    fs::remove_dir_all(data).expect("a directory to delete");
}

fn move_away(data: &Path) {
    fs::rename(data, data.with_extension("old")).expect("a directory to move");
}

/// An older copy is put in its place, as a backup tool does.
fn set_back(data: &Path) {
    let copy = data.with_extension("backup");
    fs::create_dir(&copy).expect("a directory");
    for file in ["lock", "mark", "replay"] {
        fs::copy(data.join(file), copy.join(file)).expect("a file to copy");
    }
    move_away(data);
    fs::rename(copy, data).expect("a directory to move");
}

#[tokio::test]
async fn deleted_under_a_process() {
    take_away(delete, "deleted or replaced").await;
}

#[tokio::test]
async fn swapped_under_a_process() {
    take_away(move_away, "deleted or replaced").await;
}

#[tokio::test]
async fn set_back_under_a_process() {
    take_away(set_back, "deleted or replaced").await;
}

/// Two processes are offered the same codes all the time, from before the directory goes until
/// the second one accepts.
async fn take_away(fate: Fate, why: &str) {
    let first = World::start().await;
    let spent = first.code();
    first.pay(&spent).await.assert_approved();
    let second = beside(&first).await;
    fate(&data_dir(&first));
    let (second, codes) = tokio::join!(second.start(), async {
        let mut codes = vec![spent.clone()];
        let end_ms = now_ms() + 4_000;
        while now_ms() < end_ms {
            codes.push(first.code());
            let outcome = first.pay(&codes[codes.len() - 1]).await;
            let outcome = outcome.field("yanma-outcome").expect("an outcome").to_owned();
            assert!(["approved", "replay_store_unavailable"].contains(&outcome.as_str()));
            until(now_ms() + 20).await;
        }
        codes
    });
    // The second must never accept a code that the first accepted.
    for code in &codes {
        second.pay(code).await;
        assert!(first.backend.count_of(&identity(code)) <= 1, "{code} arrived twice");
    }
    second.pay(&spent).await.assert_refused("warming_up");

    becomes_unready(&first, "table").await;
    first.pay(&second.code()).await.assert_refused("replay_store_unavailable");
    let code = second.code();
    second.pay(&code).await.assert_approved();
    second.pay_more(&code).await.assert_refused("code_used");
    first.pay(&code).await.assert_refused("replay_store_unavailable");
    assert_eq!(first.backend.count_of(&identity(&code)), 1);
    let said = first.process.said();
    names(&said, &[why, "no code is spent any more", "restart the gateway"]);
    assert_eq!(said.matches("no code is spent any more").count(), 1, "{said}");
}

/// The gateway cannot prevent other programs from writing into the file. It notices, and spends no
/// more codes.
#[tokio::test]
async fn a_table_that_is_written_over_under_a_process() {
    let world = World::start().await;
    let table = data_dir(&world).join("replay");
    let file = File::options().write(true).open(table).expect("a table");
    file.write_all_at(&[0; 16], 24).expect("another key");
    becomes_unready(&world, "table").await;
    world.pay(&world.code()).await.assert_refused("replay_store_unavailable");
    names(&world.process.said(), &["somebody wrote over it"]);
}
