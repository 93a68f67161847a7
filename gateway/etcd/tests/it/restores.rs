//! A store that is set back, and what begins a new life.

use crate::{
    cluster::{Cluster, await_that},
    node::{Node, init},
    people::{freeze, park},
    turn,
};

/// Freezes, and gives the number.
fn frozen(node: &Node, subject: u64) -> u64 {
    let mut last = None;
    await_that("a freeze", || {
        last = node.change(vec![freeze(subject)]).ok();
        last.is_some()
    });
    last.unwrap()[0].number.unwrap()
}

#[test]
fn a_node_that_knew_more_than_an_old_snapshot_admits_nothing_until_init() {
    let _turn = turn();
    for token in ["first", "second"] {
        let mut cluster = Cluster::start();
        init(&cluster);
        let node = Node::start(&cluster, "a");
        node.await_admits("the start");
        frozen(&node, 1);
        let snapshot = cluster.save("old");
        frozen(&node, 2);
        await_that("it is refused", || node.look(2).is_some());
        cluster.restore(&snapshot, token);
        await_that("the set back is seen", || node.accounts.status().is_set_back());
        park(500);
        assert!(!node.admits(), "a store that was set back is not believed");
        assert!(node.change(vec![freeze(3)]).is_err());
        // A restart does not forget it, nor does a store that has gone on.
        drop(node);
        for turn in 0..5 {
            cluster.ctl(0, &["put", "/yanma/other", &turn.to_string()]);
        }
        let node = Node::start(&cluster, "a");
        await_that("it is seen again", || node.accounts.status().is_set_back());
        park(300);
        assert!(!node.admits());
        init(&cluster);
        node.await_admits("a new life");
        assert!(node.look(1).is_some() && !node.accounts.status().is_set_back());
        println!("restored under the token {token}: refused until init");
    }
}

#[test]
fn a_store_that_went_back_while_the_node_was_away_is_noticed_by_what_it_had_seen() {
    let _turn = turn();
    let mut cluster = Cluster::start();
    init(&cluster);
    let node = Node::start(&cluster, "a");
    let other = Node::start(&cluster, "b");
    node.await_admits("the start");
    frozen(&node, 1);
    let snapshot = cluster.save("old");
    frozen(&node, 2);
    let seen = cluster.folder.path().join("a.seen");
    let before = std::fs::read_to_string(&seen).unwrap();
    await_that("it is written", || std::fs::read_to_string(&seen).unwrap() != before);
    drop(node);
    drop(other);
    cluster.restore(&snapshot, "first");
    // A node that knew nothing goes on, and overtakes the version that was seen.
    let fresh = Node::start(&cluster, "fresh");
    fresh.await_admits("a new node");
    (10..15).for_each(|subject| {
        frozen(&fresh, subject);
    });
    let node = Node::start(&cluster, "a");
    await_that("it is noticed", || node.accounts.status().is_set_back());
    assert!(!node.admits());
}
