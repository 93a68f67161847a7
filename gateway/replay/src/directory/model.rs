//! A model: a data directory is exchanged under a process.
//!
//! It searches every interleaving of the process's checks and claims, of the start of a newcomer in
//! the new directory, and of time. Each clause can be left out, and the tests show that each is
//! needed. A lease lasts two units of time, and the skew is one.

use std::collections::HashSet;

const LEASE: i8 = 2;
const SKEW: i8 = 1;
const END: i8 = 8;

#[derive(Copy, Clone)]
struct Rules {
    /// The newcomer's fence is a lease's time later than its start.
    fence_waits_for_leases: bool,
    /// A lease counts from before the check, not from after it.
    lease_counts_from_before: bool,
    /// A claim is good only while the lease runs, and that is read after the claim.
    claims_need_a_lease: bool,
    /// Codes issued up to the fence are refused.
    newcomer_has_a_fence: bool,
}

const BUILT: Rules = Rules {
    fence_waits_for_leases: true,
    lease_counts_from_before: true,
    claims_need_a_lease: true,
    newcomer_has_a_fence: true,
};

#[derive(Copy, Clone, Eq, PartialEq, Hash)]
enum Check {
    Idle,
    TimeRead(i8),
    InPlace(i8),
    /// It found that the directory is another: it never checks again.
    Lost,
}

#[derive(Copy, Clone, Eq, PartialEq, Hash)]
struct System {
    now: i8,
    is_exchanged: bool,
    check: Check,
    lease_until: i8,
    /// The old process has found the code fresh.
    claims: bool,
    fence: Option<i8>,
    accepted_by_old: bool,
    accepted_by_new: bool,
}

/// Whether some run accepts a code twice. Codes do not meet, so each is searched by itself.
fn accepts_twice(rules: Rules) -> bool {
    (0..=END).any(|issued_at| is_accepted_twice(issued_at, rules))
}

fn is_accepted_twice(issued_at: i8, rules: Rules) -> bool {
    let start = System {
        now: 0,
        is_exchanged: false,
        check: Check::Idle,
        lease_until: LEASE,
        claims: false,
        fence: None,
        accepted_by_old: false,
        accepted_by_new: false,
    };
    let (mut seen, mut open) = (HashSet::from([start]), vec![start]);
    while let Some(state) = open.pop() {
        if state.accepted_by_old && state.accepted_by_new {
            return true;
        }
        let next = successors(state, issued_at, rules).into_iter();
        open.extend(next.filter(|next| seen.insert(*next)));
    }
    false
}

fn successors(state: System, issued_at: i8, rules: Rules) -> Vec<System> {
    let mut next = vec![System { is_exchanged: true, ..state }, checked(state, rules)];
    if state.now < END {
        next.push(System { now: state.now + 1, ..state });
    }
    if state.is_exchanged && state.fence.is_none() {
        let wait = if rules.fence_waits_for_leases { LEASE } else { 0 };
        let fence = if rules.newcomer_has_a_fence { state.now + SKEW + wait } else { -1 };
        next.push(System { fence: Some(fence), ..state });
    }
    let is_fresh = issued_at <= state.now + SKEW;
    if state.claims {
        let by_lease = state.now < state.lease_until;
        let by_checks = !rules.claims_need_a_lease && state.check != Check::Lost;
        let accepted_by_old = state.accepted_by_old || by_lease || by_checks;
        next.push(System { claims: false, accepted_by_old, ..state });
    } else if is_fresh {
        next.push(System { claims: true, ..state });
    }
    if is_fresh && state.fence.is_some_and(|fence| issued_at > fence) {
        next.push(System { accepted_by_new: true, ..state });
    }
    next
}

fn checked(state: System, rules: Rules) -> System {
    match state.check {
        Check::Idle => System { check: Check::TimeRead(state.now), ..state },
        Check::TimeRead(_) if state.is_exchanged => System { check: Check::Lost, ..state },
        Check::TimeRead(at) => System { check: Check::InPlace(at), ..state },
        Check::InPlace(at) => {
            let from = if rules.lease_counts_from_before { at } else { state.now };
            System { check: Check::Idle, lease_until: from + LEASE, ..state }
        }
        Check::Lost => state,
    }
}

#[test]
fn the_rules_as_built_accept_nothing_twice() {
    assert!(!accepts_twice(BUILT));
}

#[test]
fn each_rule_is_needed() {
    for broken in [
        Rules { fence_waits_for_leases: false, ..BUILT },
        Rules { lease_counts_from_before: false, ..BUILT },
        Rules { claims_need_a_lease: false, ..BUILT },
        Rules { newcomer_has_a_fence: false, ..BUILT },
    ] {
        assert!(accepts_twice(broken));
    }
}
