//! Members killed, stopped, cut off, replaced, emptied; all killed; compaction under load.

use crate::{
    cluster::{Cluster, await_that},
    node::{Node, init},
    people::{park, under},
    turn,
};

fn rounds() -> usize {
    std::env::var("YANMA_ETCD_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn leader(cluster: &Cluster) -> usize {
    cluster.leader().expect("there is a leader")
}

#[test]
fn no_fault_of_members_lets_a_frozen_person_pass() {
    let _turn = turn();
    let mut cluster = Cluster::start();
    init(&cluster);
    let (a, b) = (Node::start(&cluster, "a"), Node::start(&cluster, "b"));
    let nodes = [&a, &b];
    nodes.iter().for_each(|node| node.await_admits("the start"));
    for _ in 0..rounds() {
        under("no fault", &mut cluster, nodes, |_| park(1_000));
        under("leader killed", &mut cluster, nodes, |cluster| {
            let leader = leader(cluster);
            cluster.members[leader].kill();
            park(1_500);
            cluster.start_all();
        });
        under("leader stopped", &mut cluster, nodes, |cluster| {
            let leader = leader(cluster);
            cluster.members[leader].stop();
            park(2_500);
            cluster.members[leader].go_on();
        });
        under("leader cut off", &mut cluster, nodes, |cluster| {
            let leader = leader(cluster);
            cluster.members[leader].cut(true);
            park(2_500);
            cluster.members[leader].cut(false);
        });
        under("follower stopped", &mut cluster, nodes, |cluster| {
            let follower = (leader(cluster) + 1) % 3;
            cluster.members[follower].stop();
            park(1_500);
            cluster.members[follower].go_on();
        });
        under("two members stopped", &mut cluster, nodes, |cluster| {
            cluster.members[0].stop();
            cluster.members[1].stop();
            // Without a majority no node proves anything.
            await_that("nothing is admitted", || !a.admits() && !b.admits());
            cluster.members[0].go_on();
            cluster.members[1].go_on();
        });
        under("all killed", &mut cluster, nodes, |cluster| {
            cluster.members.iter_mut().for_each(|member| member.kill());
            cluster.start_all();
        });
        under("follower replaced", &mut cluster, nodes, |cluster| {
            let follower = (leader(cluster) + 1) % 3;
            cluster.replace(follower);
        });
        under("compaction while the watch is cut", &mut cluster, nodes, |cluster| {
            // A node that is cut off from all members is far behind when it comes back.
            cluster.members.iter().for_each(|member| member.client.cut(true));
            for _ in 0..20 {
                cluster.ctl(0, &["put", "/yanma/other", "x"]);
            }
            let revision = revision(cluster);
            cluster.ctl(0, &["compact", &revision]);
            cluster.members.iter().for_each(|member| member.client.cut(false));
            park(500);
        });
    }
    await_that("it is all heard of", || a.accounts.status().sources().iter().all(|s| s.is_up()));
}

fn revision(cluster: &Cluster) -> String {
    let json = cluster.ctl(0, &["get", "/yanma/other", "-w", "json"]);
    let rest = json.split("\"revision\":").nth(1).unwrap();
    rest.split([',', '}']).next().unwrap().to_owned()
}

#[test]
fn a_follower_that_lost_its_disk_takes_nothing_with_it() {
    let _turn = turn();
    let mut cluster = Cluster::start();
    init(&cluster);
    let (a, b) = (Node::start(&cluster, "a"), Node::start(&cluster, "b"));
    [&a, &b].iter().for_each(|node| node.await_admits("the start"));
    under("follower emptied", &mut cluster, [&a, &b], |cluster| {
        let follower = (leader(cluster) + 1) % 3;
        cluster.members[follower].empty();
        park(500);
        // It would be of the same name without what it promised: it may not vote. So it comes back
        // as a member of another cluster, as a careless operator would start it.
        cluster.start_alone(follower);
        park(1_500);
        cluster.members[follower].empty();
    });
}
