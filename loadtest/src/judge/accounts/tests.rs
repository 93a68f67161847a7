use super::*;

const STALE_NS: u64 = 1_000;
const YES: Answer = Answer { status: 200, outcome: Outcome::Approved, is_replayed: false };
const FROZEN: Answer = Answer { status: 403, outcome: Outcome::AccountFrozen, is_replayed: false };
const UNBOUND: Answer = Answer { status: 403, outcome: Outcome::DeviceUnbound, is_replayed: false };

fn people() -> Accounts {
    Accounts::new(3, 1_000, STALE_NS)
}

fn voucher(epoch: u16) -> Voucher {
    Voucher { person: 1, channel: 0, epoch, minted_from_ns: None }
}

fn answer_of(accounts: &Accounts, epoch: u16, sent_ns: u64, answer: Answer, is_again: bool) {
    let shown = Shown { voucher: voucher(epoch), sent_ns, answered_ns: sent_ns + 10 };
    let redemption = Redemption::parse(b"7001-1800000000-00000000000000ff");
    let told = Told { answer, redemption, is_again };
    accounts.note_answer(&shown, &accounts.standing(&shown), &told);
}

fn answer(accounts: &Accounts, sent_ns: u64, answer: Answer) {
    answer_of(accounts, 1, sent_ns, answer, false);
}

fn counts(accounts: &Accounts) -> AccountCounts {
    accounts.counts(|_| true)
}

/// Frozen, acknowledged at 2,000.
fn frozen() -> Accounts {
    let accounts = people();
    let freeze = accounts.begin(1, Operation::Freeze, 1_000);
    accounts.acknowledge(freeze, 2_000);
    accounts
}

#[test]
fn a_late_approval_is_counted_and_described_and_one_in_time_is_not() {
    let accounts = frozen();
    answer(&accounts, 3_000, YES);
    let in_time = counts(&accounts);
    assert_eq!((in_time.late, in_time.within_promise_ns.as_slice()), (0, [1_000].as_slice()));
    answer(&accounts, 3_001, YES);
    answer(&accounts, 3_001, Answer { is_replayed: true, ..YES });
    let late = counts(&accounts);
    assert_eq!((late.late, late.approved, late.examples.len()), (1, 2, 1));
    let example = &late.examples[0];
    assert!(example.starts_with("subject 1001, code or pass 7001-1800000000-"), "{example}");
}

#[test]
fn a_lost_request_that_was_forwarded_late_is_found_by_the_arrival_of_its_code() {
    let accounts = frozen();
    let late = Standing { must_be_refused: true, ..Standing::default() };
    accounts.doubt(7, &late);
    accounts.doubt(7, &late);
    assert_eq!(accounts.counts(|number| number == 7).late_unanswered, 1);
    assert_eq!(accounts.counts(|_| false).late_unanswered, 0);
    // An earlier request with the same code may be the one that arrived.
    accounts.doubt(7, &Standing::default());
    assert_eq!(accounts.counts(|_| true).late_unanswered, 0);
}

#[test]
fn a_refusal_is_counted_apart_where_no_change_explains_it() {
    let accounts = frozen();
    answer(&accounts, 2_500, FROZEN);
    answer(&accounts, 2_500, UNBOUND);
    let found = counts(&accounts);
    assert_eq!((found.frozen, found.unbound, found.without_cause), (1, 1, 1));
    let lift = accounts.begin(1, Operation::Lift, 4_000);
    accounts.acknowledge(lift, 5_000);
    answer(&accounts, 6_000, FROZEN);
    assert_eq!(counts(&accounts).without_cause, 1);
    answer(&accounts, 6_001, FROZEN);
    assert_eq!(counts(&accounts).without_cause, 2);
    answer_of(&accounts, 1, 6_001, YES, true);
    assert_eq!(counts(&accounts).given_back, 1);
}

#[test]
fn the_first_refusal_after_an_acknowledgement_is_timed_once_and_for_a_new_freeze() {
    let accounts = frozen();
    answer(&accounts, 2_490, FROZEN);
    answer(&accounts, 2_800, FROZEN);
    let second = accounts.begin(1, Operation::Freeze, 3_000);
    accounts.acknowledge(second, 3_100);
    // The first freeze explains it as well.
    answer(&accounts, 3_500, FROZEN);
    assert_eq!(counts(&accounts).to_first_refusal_ns, [500]);
    let unbind = accounts.begin(1, Operation::Unbind { channel: 0, epoch: 1 }, 4_000);
    answer(&accounts, 4_010, UNBOUND);
    // It was refused before the acknowledgement was read.
    accounts.acknowledge(unbind, 4_100);
    assert_eq!(counts(&accounts).to_first_refusal_ns, [500, 0]);
}

#[test]
fn a_code_of_whom_a_change_must_be_seen_to_refuse_comes_first() {
    let accounts = Accounts::new(1_000, 1, STALE_NS);
    let mut rng = Rng::new(6);
    let mut of_seven = |channel, epoch| {
        let drawn = (0..100).map(|_| accounts.draw(channel, 5_100, &mut rng).unwrap());
        drawn.filter(|one| one.person == 7 && one.epoch == epoch).count()
    };
    let unbind = accounts.begin(7, Operation::Unbind { channel: 2, epoch: 1 }, 5_000);
    (0..9).for_each(|other| {
        accounts.begin(100 + other, Operation::Freeze, 5_000);
    });
    assert!(of_seven(2, 1) < 10);
    accounts.acknowledge(unbind, 5_010);
    assert!(of_seven(2, 1) > 30 && of_seven(1, 1) < 20);
    let voucher = Voucher { person: 7, channel: 2, epoch: 1, minted_from_ns: None };
    let shown = Shown { voucher, sent_ns: 5_020, answered_ns: 5_030 };
    let told = Told { answer: UNBOUND, redemption: None, is_again: false };
    accounts.note_answer(&shown, &accounts.standing(&shown), &told);
    assert!(of_seven(2, 1) < 10);
    let freeze = accounts.begin(7, Operation::Freeze, 5_040);
    accounts.acknowledge(freeze, 5_050);
    assert!(of_seven(2, 2) > 30);
    let again = accounts.begin(7, Operation::Freeze, 5_060);
    accounts.acknowledge(again, 5_070);
    // The first freeze refuses as well.
    assert!(of_seven(2, 2) < 20);
}

#[test]
fn changes_are_counted_by_kind_and_what_became_of_them() {
    let accounts = people();
    let freeze = accounts.begin(0, Operation::Freeze, 100);
    (0..2).for_each(|_| accounts.doubt_change(freeze));
    accounts.acknowledge(freeze, 400);
    accounts.begin(1, Operation::Lift, 100);
    let refused = accounts.begin(2, Operation::Unbind { channel: 2, epoch: 1 }, 100);
    accounts.withdraw(refused);
    let found = counts(&accounts);
    let [freezes, lifts, unbinds] = found.changes;
    assert_eq!((freezes.acknowledged, freezes.may_hold), (1, 1));
    assert_eq!((lifts.acknowledged, lifts.never_acknowledged), (0, 1));
    assert_eq!((unbinds, found.never_acknowledged()), (ChangeCount::default(), 1));
    assert_eq!(found.to_acknowledgement_ns, [300]);
    // What was withdrawn explains no refusal.
    let old = Voucher { person: 2, channel: 2, epoch: 1, minted_from_ns: None };
    let shown = Shown { voucher: old, sent_ns: 500, answered_ns: 510 };
    assert_eq!(accounts.standing(&shown), Standing::default());
}

#[test]
fn codes_come_from_new_and_from_unbound_devices_and_half_of_them_from_changed_people() {
    let accounts = Accounts::new(1_000, 1, STALE_NS);
    let mut rng = Rng::new(5);
    assert!(Accounts::default().draw(0, 1, &mut rng).is_none());
    assert_eq!(accounts.draw(0, 1, &mut rng).unwrap().epoch, 1);
    let epoch = accounts.next_epoch(7, 0);
    accounts.begin(7, Operation::Unbind { channel: 0, epoch }, 5_000);
    let mut drawn = |channel, now_ns| -> Vec<Voucher> {
        (0..900).map(|_| accounts.draw(channel, now_ns, &mut rng).unwrap()).collect()
    };
    let of_seven = |all: &[Voucher], epoch: u16| {
        all.iter().filter(|one| one.person == 7 && one.epoch == epoch).count()
    };
    let soon = drawn(0, 6_000);
    assert!((100..200).contains(&of_seven(&soon, 1)), "{}", of_seven(&soon, 1));
    assert!((220..380).contains(&of_seven(&soon, 2)), "{}", of_seven(&soon, 2));
    let elsewhere = drawn(1, 6_000);
    assert!(of_seven(&elsewhere, 2) == 0 && of_seven(&elsewhere, 1) > 350);
    assert!(of_seven(&drawn(0, 90_000), 2) < 20);
    assert_eq!((accounts.next_epoch(7, 0), accounts.next_epoch(7, 1)), (2, 1));
    assert_eq!(accounts.subject(7), 8);
}
