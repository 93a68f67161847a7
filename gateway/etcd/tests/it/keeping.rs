//! Without faults: what one node changes another one sees; lives; keys of other programs; TLS.

use accounts::{
    NotCleared, Refused,
    change::{Change, ChangeError, Operation},
    entry::{Cause, Entry, Relation},
    status::LoadReason,
    store::Failure,
};
use clock::Clock;
use keyring::code::Subject;

use crate::{
    cluster::{Cluster, await_that},
    node::{Node, block_on, init, settings},
    people::{freeze, park},
    turn,
};

fn lift(subject: u64, freeze: Option<u64>) -> Change {
    let (cause, relation) = (Cause::Hotline, Relation::ALL);
    let operation = Operation::Lift { cause, relation, freeze };
    Change { subject: Subject::new(subject).unwrap(), operation }
}

const FROZEN: Option<NotCleared> = Some(NotCleared::Refused(Refused::Frozen));

#[test]
fn what_one_node_changes_all_nodes_hear() {
    let _turn = turn();
    let cluster = Cluster::start();
    let a = Node::start(&cluster, "a");
    park(700);
    assert!(!a.admits(), "without a life nothing is admitted");
    assert!(matches!(a.change(vec![freeze(1)]), Err(Failure::Unavailable(_))));
    let entry = (Subject::new(7).unwrap(), Entry::parse("holder.0", "-").unwrap());
    let settings = settings(&cluster, &cluster.folder.path().join("not-used"));
    let begun = block_on(etcd::init(&settings, vec![entry], &Clock::system())).unwrap();
    assert_eq!(begun.merged, 1);
    let b = Node::start(&cluster, "b");
    a.await_admits("a life");
    b.await_admits("a life");
    assert!(a.look(7) == FROZEN && b.look(7) == FROZEN);

    // Changes are in the order of the request, and a freeze's number lifts it.
    let answers = a.change(vec![freeze(1), lift(1, None), freeze(1), freeze(2)]).unwrap();
    let number = answers[2].number;
    assert!(answers[0].number < number && number == answers[3].number);
    await_that("b hears of it", || b.look(1) == FROZEN && b.look(2) == FROZEN);
    let held = block_on(b.store.read(Subject::new(1).unwrap())).unwrap();
    assert!(held.len() == 1 && Some(held[0].number) == number);
    let newer = b.change(vec![freeze(3), lift(1, answers[0].number)]).unwrap_err();
    let error = ChangeError::NewerFreeze { held: number.unwrap() };
    assert_eq!(newer, Failure::Change { index: 1, error });
    b.change(vec![lift(1, number)]).unwrap();
    await_that("a hears of it", || a.look(1).is_none());
    assert!(b.look(3).is_none(), "nothing of a refused request is written");
    assert_eq!(b.change(vec![lift(1, number)]).unwrap()[0].number, None);

    // Many at once, in several transactions.
    let many: Vec<Change> = (100..1_100).map(freeze).collect();
    assert_eq!(a.change(many).unwrap().len(), 1_000);
    await_that("b has them all", || (100..1_100).all(|subject| b.look(subject) == FROZEN));
    let reports = block_on(etcd::check(&settings));
    assert!(
        reports.iter().all(|one| one.fault.is_none() && one.version == "3.4.23"),
        "{reports:?}"
    );

    // The daily clean-up: two days past its last day an entry goes, at one node's hand.
    let until = "2027-01-01".parse().unwrap();
    let (cause, relation) = (Cause::Hotline, Relation::ALL);
    let operation = Operation::Freeze { cause, relation, until: Some(until) };
    a.change(vec![Change { subject: Subject::new(6).unwrap(), operation }]).unwrap();
    let clean_up = |time: &str| {
        let (clock, _) = Clock::hand_set(time.parse().unwrap());
        block_on(etcd::clean_up(&settings, &clock)).unwrap()
    };
    assert_eq!(clean_up("2027-01-03T23:00:00+08:00"), 0);
    assert_eq!(clean_up("2027-01-04T01:00:00+08:00"), 0, "it was done two hours ago");
    assert_eq!(clean_up("2027-01-05T01:00:00+08:00"), 1);
    let is_held = || !block_on(b.store.read(Subject::new(6).unwrap())).unwrap().is_empty();
    assert!(!is_held() && a.look(2) == FROZEN);

    // Another life is loaded; a restarted node loads and hears what came meanwhile.
    init(&cluster);
    await_that("the new life is loaded", || a.accounts.status().loads(LoadReason::Life) == 1);
    drop(b);
    await_that("a freeze", || a.change(vec![freeze(5_000)]).is_ok());
    let b = Node::start(&cluster, "b");
    b.await_admits("a restart");
    assert!(b.look(5_000) == FROZEN && b.look(1_099) == FROZEN);
}

#[test]
fn keys_of_other_programs_and_too_many_people_admit_nothing() {
    let _turn = turn();
    let cluster = Cluster::start();
    init(&cluster);
    let (a, small) = (Node::start(&cluster, "a"), Node::with_capacity(&cluster, "small", 2));
    a.await_admits("the start");
    small.await_admits("the start");
    a.change((1..=3).map(freeze).collect()).unwrap();
    await_that("a table without room", || !small.admits() && a.look(3) == FROZEN);
    assert!(matches!(
        small.change(vec![freeze(4)]),
        Err(Failure::NearlyFull { .. } | Failure::Unavailable(_))
    ));
    cluster.ctl(0, &["put", "/yanma/a/zzz/1/holder.0", "-"]);
    await_that("a foreign key", || !a.admits());
    let again = Node::start(&cluster, "again");
    park(1_000);
    assert!(!again.admits() && !a.admits());
    cluster.ctl(0, &["del", "/yanma/a/zzz/1/holder.0"]);
    a.await_admits("the key is gone");
    again.await_admits("the key is gone");
    // What it was stands in the watch still, behind the last change.
    a.change(vec![freeze(5)]).unwrap();
    await_that("both hear of it", || a.look(5) == FROZEN && again.look(5) == FROZEN);
    park(1_200);
    assert!(a.admits() && again.admits());
}
