//! A freeze is honoured by every node, or the node admits nothing.

pub(super) mod cluster;
pub(super) mod etcd;
mod local;
mod writers;

use keyring::mint::Spec;

use crate::harness::accounts::{Writer, with_accounts};
use crate::harness::keys::WECHAT;
use crate::harness::{Setup, World, eventually};

/// A gateway that keeps account states itself.
async fn local() -> (World, Writer) {
    let (setup, writer) = with_accounts(Setup::new().await, "store = \"local\"");
    (setup.start().await, writer)
}

/// A fresh payment code of a member of the family account.
fn member_code(world: &World, relation: u8) -> String {
    WECHAT.mint(&Spec { relation, ..world.fresh() })
}

/// Waits until `check` with a fresh code is answered so. What was acknowledged at this node holds at
/// once; what another one did holds within the promise.
async fn becomes(world: &World, outcome: &str) {
    use crate::harness::Request;
    eventually(outcome, async || {
        let answer = world.ask(&Request::post("/check").code(&world.code())).await;
        (answer.field("yanma-outcome") == Some(outcome)).then_some(())
    })
    .await;
}
