//! One freeze, put at any time, and looks at any time, with pauses between all steps. A model of
//! its own: it has no code of the crate.

use std::collections::HashSet;

/// The promise in units of `stale_ms` = 1: no admission at this age. Ages end here.
const CAP: u8 = 2;

#[derive(Copy, Clone, Eq, PartialEq)]
enum Rule {
    All,
    /// The proof counts from the answer, not from the sending.
    StampedWhenAnswered,
    /// The member that is asked answers by what it knows itself.
    ReadsItsOwnState,
    /// An answer counts before its change is applied.
    CountsAtOnce,
    LooksBeforeFreshness,
    ReadsClockBeforeLook,
    /// The table is emptied and filled again.
    LoadsInPlace,
    /// The worker takes the table in use before it loads the freshness.
    TakesTableBeforeFreshness,
}

#[derive(Copy, Clone, Eq, PartialEq, Hash)]
enum Poll {
    No,
    Sent(u8),
    Read(u8, bool),
}

#[derive(Copy, Clone, Eq, PartialEq, Hash)]
enum Look {
    No,
    Checked,
    Taken,
    Looked(bool),
    Loaded(u8),
    Both(u8, bool),
}

#[derive(Copy, Clone, Eq, PartialEq, Hash)]
struct World {
    /// 0 no, 1 known to the leader, 2 known to the member that is asked.
    put: u8,
    acknowledged: Option<u8>,
    poll: Poll,
    has: bool,
    /// What the table has that the worker still holds, if another one is in use. It grows no more.
    held: Option<bool>,
    /// The age of the proof.
    fresh: u8,
    look: Look,
    is_loading: bool,
}

fn older(age: u8) -> u8 {
    (age + 1).min(CAP)
}

fn time_passes(world: World) -> World {
    World {
        acknowledged: world.acknowledged.map(older),
        poll: match world.poll {
            Poll::No => Poll::No,
            Poll::Sent(age) => Poll::Sent(older(age)),
            Poll::Read(age, read) => Poll::Read(older(age), read),
        },
        fresh: older(world.fresh),
        look: match world.look {
            Look::Loaded(fresh) => Look::Loaded(older(fresh)),
            Look::Both(fresh, found) => Look::Both(older(fresh), found),
            other => other,
        },
        ..world
    }
}

fn store_steps(world: World) -> Vec<World> {
    let mut next = Vec::new();
    if world.put < 2 {
        next.push(World { put: world.put + 1, ..world });
    }
    if world.put > 0 && world.acknowledged.is_none() {
        next.push(World { acknowledged: Some(0), ..world });
    }
    if world.put == 2 {
        next.push(World { has: true, ..world });
    }
    next
}

fn keeper_steps(world: World, rule: Rule) -> Vec<World> {
    let least = if rule == Rule::ReadsItsOwnState { 2 } else { 1 };
    let polled = match world.poll {
        Poll::No => World { poll: Poll::Sent(0), ..world },
        Poll::Sent(age) => World { poll: Poll::Read(age, world.put >= least), ..world },
        Poll::Read(age, read) => {
            let age = if rule == Rule::StampedWhenAnswered { 0 } else { age };
            let counts = world.has >= read || rule == Rule::CountsAtOnce;
            let fresh = if counts { world.fresh.min(age) } else { world.fresh };
            World { poll: Poll::No, fresh, ..world }
        }
    };
    // A worker holds the table that was in use when it looked last.
    let held = world.held.or(Some(world.has));
    let held = if rule == Rule::LoadsInPlace { None } else { held };
    let loaded = World { is_loading: false, has: world.put > 0, held, ..world };
    let loading = World { is_loading: true, fresh: CAP, poll: Poll::No, ..world };
    let load = match (world.is_loading, rule) {
        (true, _) => loaded,
        (false, Rule::LoadsInPlace) => World { has: false, ..loading },
        (false, _) => loading,
    };
    vec![polled, load]
}

/// The next step of the look; `Err`: it admits what was promised to be refused.
fn look_step(world: World, rule: Rule) -> Result<World, ()> {
    let admit = |fresh: u8, found: bool| {
        let is_late = world.acknowledged == Some(CAP);
        if !found && fresh < CAP && is_late { Err(()) } else { Ok(Look::No) }
    };
    let look = match (world.look, rule) {
        (Look::No, Rule::LooksBeforeFreshness) => Look::Looked(world.has),
        (Look::No, Rule::ReadsClockBeforeLook) if world.fresh < CAP => Look::Checked,
        (Look::No, Rule::ReadsClockBeforeLook) => Look::No,
        (Look::No, Rule::TakesTableBeforeFreshness) => {
            return Ok(World { look: Look::Taken, held: None, ..world });
        }
        (Look::No | Look::Taken, _) => Look::Loaded(world.fresh),
        (Look::Looked(found), _) => Look::Both(world.fresh, found),
        (Look::Loaded(fresh), Rule::TakesTableBeforeFreshness) => {
            Look::Both(fresh, world.held.unwrap_or(world.has))
        }
        (Look::Loaded(fresh), _) => {
            return Ok(World { look: Look::Both(fresh, world.has), held: None, ..world });
        }
        (Look::Checked, _) => admit(0, world.has)?,
        (Look::Both(fresh, found), _) => admit(fresh, found)?,
    };
    Ok(World { look, ..world })
}

fn is_safe(rule: Rule) -> bool {
    let start = World {
        put: 0,
        acknowledged: None,
        poll: Poll::No,
        has: false,
        held: None,
        fresh: CAP,
        look: Look::No,
        is_loading: false,
    };
    let mut seen = HashSet::from([start]);
    let mut open = vec![start];
    while let Some(world) = open.pop() {
        let Ok(looked) = look_step(world, rule) else { return false };
        let steps = store_steps(world).into_iter().chain(keeper_steps(world, rule));
        for next in steps.chain([looked, time_passes(world)]) {
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    true
}

#[test]
fn with_all_rules_no_look_admits_too_late() {
    assert!(is_safe(Rule::All));
}

#[test]
fn each_rule_left_out_admits_too_late() {
    assert!(!is_safe(Rule::StampedWhenAnswered));
    assert!(!is_safe(Rule::ReadsItsOwnState));
    assert!(!is_safe(Rule::CountsAtOnce));
    assert!(!is_safe(Rule::LooksBeforeFreshness));
    assert!(!is_safe(Rule::ReadsClockBeforeLook));
    assert!(!is_safe(Rule::LoadsInPlace));
    assert!(!is_safe(Rule::TakesTableBeforeFreshness));
}
