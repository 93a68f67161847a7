//! Writers of one hold, or of one floor, whose requests arrive late or repeated. What is sent comes
//! from [`Operation::plan`]; the rule that is left out is the store's comparison.

use std::collections::{BTreeSet, HashSet};

use keyring::{code::IssuedAt, time::UnixMillis};

use crate::{
    change::{Expected, Held, Operation},
    entry::{Cause, Entry, Facet, Floor, Relation, Value},
};

const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);
const CHANGES_MAX: u64 = 6;

/// What a writer sends: the epoch that it puts (0 for a freeze), or a deletion; and on what.
type Sent = (Option<u16>, Option<u64>);

#[derive(Clone, Eq, PartialEq, Hash)]
struct World {
    /// Epoch and number.
    held: Option<(u16, u64)>,
    next: u64,
    sent: BTreeSet<Sent>,
    /// Freezes by number, with whether a lift that saw them may have undone them; epochs.
    freezes: BTreeSet<(u64, bool)>,
    epochs: BTreeSet<u16>,
}

fn facet_of_hold() -> Facet {
    Facet::Hold(Cause::Hotline, Relation::ALL)
}

fn planned(world: &World, operation: &Operation) -> Vec<Sent> {
    let read = |facet: Facet| {
        let (epoch, number) = world.held?;
        let value = match facet {
            Facet::Floor(_) => Value::Floor(Floor { epoch, at: IssuedAt::new(0) }),
            _ => Value::Until(None),
        };
        Some(Held { entry: Entry::new(facet, value)?, number })
    };
    let writes = operation.plan(read, NOW).unwrap_or_default();
    let sent = writes.iter().map(|write| {
        let put = write.put.map(|value| match value {
            Value::Floor(floor) => floor.epoch,
            _ => 0,
        });
        let expected = match write.expected {
            Expected::Any => None,
            Expected::Absent => Some(0),
            Expected::Number(number) => Some(number),
        };
        (put, expected)
    });
    sent.collect()
}

/// A request arrives; it stays, so that it may arrive again.
fn arrive(world: &World, sent: Sent, compares: bool) -> World {
    let (put, expected) = sent;
    let number = world.held.map_or(0, |(_, number)| number);
    let stands = !compares || expected.is_none_or(|expected| expected == number);
    let mut next = World { next: world.next + 1, ..world.clone() };
    if stands {
        next.held = put.map(|epoch| (epoch, world.next));
        match (put, expected) {
            (Some(0), None) => {
                next.freezes.insert((world.next, false));
            }
            (Some(epoch), _) => {
                next.epochs.insert(epoch);
            }
            (None, seen) => {
                let seen = seen.unwrap_or(0);
                let excuse = |&(freeze, excused): &(u64, bool)| (freeze, excused || freeze <= seen);
                next.freezes = world.freezes.iter().map(excuse).collect();
            }
        }
    }
    next
}

fn is_kept(world: &World) -> bool {
    let (epoch, number) = world.held.unwrap_or((0, 0));
    world.freezes.iter().all(|&(freeze, excused)| excused || number >= freeze)
        && world.epochs.iter().all(|&acknowledged| epoch >= acknowledged)
}

fn is_safe(operations: &[Operation], compares: bool) -> bool {
    let start = World {
        held: None,
        next: 1,
        sent: BTreeSet::new(),
        freezes: BTreeSet::new(),
        epochs: BTreeSet::new(),
    };
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(world) = open.pop() {
        if !is_kept(&world) {
            return false;
        }
        if world.next > CHANGES_MAX {
            continue;
        }
        let mut steps: Vec<World> =
            world.sent.iter().map(|&sent| arrive(&world, sent, compares)).collect();
        for operation in operations {
            let mut next = world.clone();
            next.sent.extend(planned(&world, operation));
            steps.push(next);
        }
        open.extend(steps.into_iter().filter(|next| seen.insert(next.clone())));
    }
    true
}

fn holds() -> [Operation; 2] {
    let Facet::Hold(cause, relation) = facet_of_hold() else { unreachable!("it is a hold") };
    [
        Operation::Freeze { cause, relation, until: None },
        Operation::Lift { cause, relation, freeze: None },
    ]
}

fn floors() -> [Operation; 2] {
    let channel = "wechat".parse().unwrap();
    [1, 2].map(|epoch| Operation::Unbind { channel, epoch })
}

#[test]
fn no_late_or_repeated_request_undoes_a_later_freeze_or_lowers_a_floor() {
    assert!(is_safe(&holds(), true));
    assert!(is_safe(&floors(), true));
}

#[test]
fn without_the_comparison_it_does() {
    assert!(!is_safe(&holds(), false));
    assert!(!is_safe(&floors(), false));
}
