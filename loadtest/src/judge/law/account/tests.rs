use super::*;

const STALE_NS: u64 = 1_000;
const VOUCHER: Voucher = Voucher { person: 0, channel: 1, epoch: 3, minted_from_ns: None };

fn acknowledged(operation: Operation, sent_ns: u64, acknowledged_ns: u64) -> Change {
    Change { operation, sent_ns, acknowledged_ns: Some(acknowledged_ns) }
}

fn may_hold(operation: Operation, sent_ns: u64) -> Change {
    Change { operation, sent_ns, acknowledged_ns: None }
}

/// The standing of a request that was sent and answered then.
fn at(changes: &[Change], sent_ns: u64, answered_ns: u64) -> Standing {
    let shown = Shown { voucher: VOUCHER, sent_ns, answered_ns };
    standing(changes.iter(), &shown, STALE_NS)
}

fn must(changes: &[Change], sent_ns: u64) -> bool {
    at(changes, sent_ns, sent_ns + 10).must_be_refused
}

fn may(changes: &[Change], sent_ns: u64) -> bool {
    at(changes, sent_ns, sent_ns + 10).may_be_frozen
}

const FREEZE: Operation = Operation::Freeze;
const LIFT: Operation = Operation::Lift;

#[test]
fn a_person_to_whom_nothing_was_done_is_refused_nothing() {
    assert_eq!(at(&[], 5_000, 5_010), Standing::default());
    let later = [acknowledged(FREEZE, 6_000, 6_100)];
    assert_eq!(at(&later, 5_000, 5_999), Standing::default());
}

#[test]
fn an_approval_is_late_one_moment_after_the_promise_and_not_at_its_edge() {
    let frozen = [acknowledged(FREEZE, 4_000, 5_000)];
    assert!(!must(&frozen, 6_000) && must(&frozen, 6_001));
    assert_eq!(at(&frozen, 6_000, 6_010).refused_for_ns, Some(1_000));
    // It counts when the request was sent, however long the answer took.
    assert!(!at(&frozen, 6_000, 90_000).must_be_refused);
    let unbound = [acknowledged(Operation::Unbind { channel: 1, epoch: 3 }, 4_000, 5_000)];
    assert!(!must(&unbound, 6_000) && must(&unbound, 6_001));
}

#[test]
fn a_change_may_hold_from_its_sending_and_must_only_after_its_acknowledgement() {
    let sent = [may_hold(FREEZE, 4_000)];
    assert!(may(&sent, 3_995) && !may(&sent, 3_989));
    assert!(!must(&sent, 90_000) && may(&sent, 90_000));
    let device = [may_hold(Operation::Unbind { channel: 1, epoch: 3 }, 4_000)];
    assert!(at(&device, 4_000, 4_000).may_be_unbound && !must(&device, 90_000));
}

#[test]
fn from_the_sending_of_a_lift_on_both_answers_are_right() {
    let lifting = [acknowledged(FREEZE, 1_000, 2_000), may_hold(LIFT, 5_000)];
    assert!(must(&lifting, 4_989));
    // The lift was sent while the request was under way.
    assert!(!must(&lifting, 4_990) && !must(&lifting, 90_000));
    assert!(may(&lifting, 90_000));
}

#[test]
fn a_refusal_has_no_cause_when_every_node_has_the_lift() {
    let lifted = [acknowledged(FREEZE, 1_000, 2_000), acknowledged(LIFT, 5_000, 6_000)];
    assert!(may(&lifted, 7_000) && !may(&lifted, 7_001));
    assert!(!must(&lifted, 7_001));
    let again = [&lifted[..], &[acknowledged(FREEZE, 8_000, 8_100)]].concat();
    assert!(!may(&again, 7_500) && may(&again, 8_000) && must(&again, 9_101));
}

#[test]
fn a_second_freeze_under_way_does_not_excuse_what_the_first_refuses() {
    let both = [acknowledged(FREEZE, 1_000, 2_000), may_hold(FREEZE, 5_000)];
    assert!(must(&both, 5_000));
    assert_eq!(at(&both, 5_000, 5_000).refused_for_ns, Some(3_000));
    // A freeze before a lift counts no more, and the one after it is new.
    let anew = [both[0], acknowledged(LIFT, 3_000, 3_100), acknowledged(FREEZE, 3_200, 3_300)];
    assert!(!must(&anew, 4_300) && may(&anew, 4_300) && must(&anew, 4_301));
}

#[test]
fn an_unbind_is_of_its_channel_and_of_epochs_up_to_its_own_and_no_lift_ends_it() {
    let unbound = |channel, epoch| {
        let unbind = acknowledged(Operation::Unbind { channel, epoch }, 1_000, 2_000);
        at(&[unbind, acknowledged(LIFT, 3_000, 3_100)], 9_000, 9_010)
    };
    assert!(unbound(1, 3).must_be_refused && unbound(1, 4).may_be_unbound);
    assert_eq!(unbound(1, 2), Standing::default());
    assert_eq!(unbound(2, 3), Standing::default());
    assert!(!unbound(1, 3).may_be_frozen);
}

#[test]
fn an_unbind_refuses_a_pass_that_was_minted_in_its_second_or_before() {
    const MS: u64 = 1_000_000;
    let minted = |minted_from_ns: u64, unbind: &Change| {
        let voucher = Voucher { minted_from_ns: Some(minted_from_ns), epoch: 9, ..VOUCHER };
        let shown = Shown { voucher, sent_ns: 9_000 * MS, answered_ns: 9_000 * MS };
        let standing = standing([*unbind].iter(), &shown, 1_000 * MS);
        (standing.may_be_unbound, standing.must_be_refused)
    };
    let unbind = |sent_ns, acknowledged_ns| {
        acknowledged(Operation::Unbind { channel: 1, epoch: 1 }, sent_ns, acknowledged_ns)
    };
    let made = unbind(4_000 * MS, 5_000 * MS);
    assert_eq!(minted(3_000 * MS, &made), (true, true));
    // It was made between its sending and its acknowledgement, before or after the pass.
    assert_eq!(minted(4_500 * MS, &made), (true, false));
    assert_eq!(minted(5_006 * MS, &made), (false, false));
    let open = Change { acknowledged_ns: None, ..made };
    assert_eq!(minted(8_000 * MS, &open), (true, false));
}
