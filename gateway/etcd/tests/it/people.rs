//! Writers freeze people at two nodes while lookers look at both. The law: no look that begins
//! later than `stale_ms` after the acknowledgement admits a frozen person.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use accounts::{
    NotCleared,
    change::{Change, Operation},
    entry::{Cause, Relation},
    store::Failure,
};
use keyring::code::Subject;

use crate::{
    cluster::Cluster,
    node::{Node, STALE_MS},
};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Frozen people, with the moment of the acknowledgement.
#[expect(clippy::disallowed_types, reason = "a test's")]
type Frozen = std::sync::RwLock<Vec<(u64, i64)>>;

#[derive(Default)]
struct Counts {
    looks: AtomicU64,
    late: AtomicU64,
    unavailable: AtomicU64,
    not_acknowledged: AtomicU64,
    staleness_ns: AtomicI64,
    refused_ns: AtomicI64,
    /// The longest time in which a node admitted nothing.
    shut_ns: AtomicI64,
}

pub(crate) fn freeze(subject: u64) -> Change {
    let (cause, relation) = (Cause::Hotline, Relation::ALL);
    let operation = Operation::Freeze { cause, relation, until: None };
    Change { subject: Subject::new(subject).unwrap(), operation }
}

/// Ends the threads, also when the fault's own test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

/// Runs the fault among writers and lookers, then awaits that both nodes admit again, and tells
/// the counts in a line.
pub(crate) fn under(
    what: &str,
    cluster: &mut Cluster,
    nodes: [&Node; 2],
    fault: impl FnOnce(&mut Cluster),
) {
    let frozen = Arc::new(Frozen::default());
    let (counts, is_over) = (Counts::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for node in nodes {
            scope.spawn(|| write(node, &frozen, &counts, &is_over));
            scope.spawn(|| look(node, &frozen, &counts, &is_over));
        }
        let over = Over(&is_over);
        park(300);
        fault(cluster);
        park(300);
        nodes.iter().for_each(|node| node.await_admits(what));
        drop(over);
    });
    let late = counts.late.load(SeqCst);
    let ms = |ns: &AtomicI64| ns.load(SeqCst) / 1_000_000;
    println!(
        "{what}: {} freezes acknowledged, {} not; {} looks, {late} late, {} unavailable; oldest proof \
         {} ms, refused at the latest {} ms after the acknowledgement, shut for {} ms",
        frozen.read().unwrap().len(),
        counts.not_acknowledged.load(SeqCst),
        counts.looks.load(SeqCst),
        counts.unavailable.load(SeqCst),
        ms(&counts.staleness_ns),
        ms(&counts.refused_ns),
        ms(&counts.shut_ns),
    );
    assert_eq!(late, 0, "{what}: a frozen person was admitted");
    assert!(frozen.read().unwrap().len() > 10, "{what}: too few freezes to say anything");
    // What was acknowledged is not lost.
    for node in nodes {
        for (subject, _) in frozen.read().unwrap().iter() {
            let looked = node.look(*subject);
            let is_refused = matches!(looked, Some(NotCleared::Refused(_)));
            assert!(is_refused || looked == Some(NotCleared::Unavailable), "{what}: lost");
        }
    }
}

pub(crate) fn park(ms: u64) {
    thread::park_timeout(Duration::from_millis(ms));
}

fn write(node: &Node, frozen: &Frozen, counts: &Counts, is_over: &AtomicBool) {
    while !is_over.load(SeqCst) {
        let subject = NEXT.fetch_add(1, SeqCst);
        match node.change(vec![freeze(subject)]) {
            Ok(_) => frozen.write().unwrap().push((subject, node.boot_ns())),
            Err(Failure::NotAcknowledged(_) | Failure::Unavailable(_)) => {
                counts.not_acknowledged.fetch_add(1, SeqCst);
            }
            Err(failure) => panic!("{failure}"),
        }
        park(3);
    }
}

fn look(node: &Node, frozen: &Frozen, counts: &Counts, is_over: &AtomicBool) {
    let stale_ns = i64::from(STALE_MS) * 1_000_000;
    let (mut next, mut waiting, mut old, mut shut_since) = (0, Vec::new(), 0_usize, None);
    while !is_over.load(SeqCst) {
        {
            let frozen = frozen.read().unwrap();
            waiting.extend(frozen[next..].iter().copied());
            next = frozen.len();
            if next > 0 {
                old = (old + 7_919) % next;
                waiting.push(frozen[old]);
            }
        }
        let now = node.boot_ns();
        let shut = (!node.admits()).then(|| shut_since.unwrap_or(now));
        shut_since = shut;
        counts.shut_ns.fetch_max(shut.map_or(0, |since| now - since), SeqCst);
        waiting.retain(|(subject, acknowledged)| {
            let begin = node.boot_ns();
            let looked = node.look(*subject);
            counts.looks.fetch_add(1, SeqCst);
            match looked {
                None => {
                    counts.late.fetch_add(u64::from(begin - acknowledged > stale_ns), SeqCst);
                    counts.refused_ns.fetch_max(begin - acknowledged, SeqCst);
                    true
                }
                Some(NotCleared::Refused(_)) => false,
                Some(NotCleared::Unavailable) => {
                    counts.unavailable.fetch_add(1, SeqCst);
                    false
                }
            }
        });
        let staleness = node.accounts.staleness_ns(node.boot_ns());
        counts.staleness_ns.fetch_max(staleness.unwrap_or(0), SeqCst);
        park(1);
    }
}
